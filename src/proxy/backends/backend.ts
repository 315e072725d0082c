import type { RulesChange } from '../changes.ts'
import type { ServiceRules } from '../rules.ts'

/**
 * Carries rules into a data plane. Calls never overlap. After a failed call the state of the data plane is unknown, and the
 * next call is `replace`.
 */
export interface ProxyBackend {
  /** Makes the rules exactly these, at once: nobody sees a half of them. */
  replace(rules: ReadonlyMap<string, ServiceRules>, options: { readonly signal: AbortSignal }): Promise<void>
  /** Changes some Services' rules, at once. */
  apply(changes: ReadonlyMap<string, RulesChange>, options: { readonly signal: AbortSignal }): Promise<void>
  /** Removes every trace. */
  cleanup(): Promise<void>
}
