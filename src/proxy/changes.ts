import type { EndpointSlice, Service } from '#api'
import { deepEqual } from '#base'
import { keyOf, objectKey } from '#meta'
import { isProxied, type NodeFacts, type ServiceRules, serviceRules } from './rules.ts'

export interface RulesChange {
  readonly before: ServiceRules | undefined
  readonly after: ServiceRules | undefined
}

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name'

/**
 * Services and their slices as last told, and the rules last handed out. `take` works out again only the Services that
 * something was told about, and returns only those whose rules came out different.
 */
export class RulesTracker {
  readonly #services = new Map<string, Service>()
  /** Service key to slices by slice key. */
  readonly #slices = new Map<string, Map<string, EndpointSlice>>()
  readonly #rules = new Map<string, ServiceRules>()
  readonly #dirty = new Set<string>()
  #node: NodeFacts

  constructor(node: NodeFacts) {
    this.#node = node
  }

  get dirty(): boolean {
    return this.#dirty.size > 0
  }

  service({ before, after }: { readonly before?: Service | undefined; readonly after?: Service | undefined }): void {
    const key = keyOf((after ?? before)!)
    const had = this.#services.has(key)
    if (after !== undefined && isProxied(after)) this.#services.set(key, after)
    else if (had) this.#services.delete(key)
    else return
    this.#dirty.add(key)
  }

  slice({ before, after }: { readonly before?: EndpointSlice | undefined; readonly after?: EndpointSlice | undefined }): void {
    const [from, to] = [serviceKeyOf(before), serviceKeyOf(after)]
    if (before !== undefined && from !== undefined && from !== to) this.#setSlice(from, keyOf(before), undefined)
    if (after !== undefined && to !== undefined) this.#setSlice(to, keyOf(after), after)
  }

  /** Everything depends on where this node is. */
  node(facts: NodeFacts): void {
    if (deepEqual(facts, this.#node)) return
    this.#node = facts
    for (const key of this.#services.keys()) this.#dirty.add(key)
  }

  /** The rules that changed since the last call; from then on they count as handed out. */
  take(): Map<string, RulesChange> {
    const changes = new Map<string, RulesChange>()
    for (const key of this.#dirty) {
      const service = this.#services.get(key)
      const before = this.#rules.get(key)
      const after = service && serviceRules(service, [...(this.#slices.get(key)?.values() ?? [])], this.#node)
      if (deepEqual(before, after)) continue
      if (after === undefined) this.#rules.delete(key)
      else this.#rules.set(key, after)
      changes.set(key, { before, after })
    }
    this.#dirty.clear()
    return changes
  }

  /** All rules handed out so far. */
  all(): ReadonlyMap<string, ServiceRules> {
    return this.#rules
  }

  #setSlice(serviceKey: string, sliceKey: string, slice: EndpointSlice | undefined): void {
    const slices = this.#slices.get(serviceKey) ?? new Map<string, EndpointSlice>()
    if (slice === undefined) slices.delete(sliceKey)
    else slices.set(sliceKey, slice)
    if (slices.size === 0) this.#slices.delete(serviceKey)
    else this.#slices.set(serviceKey, slices)
    if (this.#services.has(serviceKey)) this.#dirty.add(serviceKey)
  }
}

function serviceKeyOf(slice: EndpointSlice | undefined): string | undefined {
  const name = slice?.metadata?.labels?.[SERVICE_NAME_LABEL]
  return name ? objectKey(slice?.metadata?.namespace, name) : undefined
}
