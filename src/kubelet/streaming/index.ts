export type { StreamingDependencies } from './command.ts'
export { type StreamingRuntime, streamUpgrades } from './upgrades.ts'
