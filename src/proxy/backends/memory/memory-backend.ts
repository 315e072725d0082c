import type { RulesChange } from '../../changes.ts'
import type { ServiceRules } from '../../rules.ts'
import type { ProxyBackend } from '../backend.ts'

/** Keeps the rules and carries no traffic: for simulated nodes, and for tests, which may make it fail. */
export class MemoryBackend implements ProxyBackend {
  readonly rules = new Map<string, ServiceRules>()
  /** What was called, in order. */
  readonly calls: ('replace' | 'apply' | 'cleanup')[] = []
  /** Thrown by the next call, once. */
  failNext: Error | undefined

  async replace(rules: ReadonlyMap<string, ServiceRules>): Promise<void> {
    this.#called('replace')
    this.rules.clear()
    for (const [key, value] of rules) this.rules.set(key, value)
  }

  async apply(changes: ReadonlyMap<string, RulesChange>): Promise<void> {
    this.#called('apply')
    for (const [key, { after }] of changes) {
      if (after === undefined) this.rules.delete(key)
      else this.rules.set(key, after)
    }
  }

  async cleanup(): Promise<void> {
    this.#called('cleanup')
    this.rules.clear()
  }

  #called(call: 'replace' | 'apply' | 'cleanup'): void {
    this.calls.push(call)
    const error = this.failNext
    this.failNext = undefined
    if (error !== undefined) throw error
  }
}
