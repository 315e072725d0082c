export { Impersonation } from './impersonation.ts'
export type { Impersonated } from './modes.ts'
