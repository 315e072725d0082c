export { type CriRuntimeOptions, openCriRuntime } from './cri/index.ts'
export * from './runtime.ts'
export { SimulatedRuntime, type SimulatedRuntimeOptions } from './simulated/index.ts'
