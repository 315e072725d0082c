import { isObject } from '#meta'

/** Prefixes of annotations that show what was sent, and so belong to the levels that record it. */
const OF_REQUESTS = ['patch.webhook.admission.k8s.io/']

/** What is noted of a request; whoever notes something first is believed, as upstream does. */
export class Annotations extends Map<string, string> {
  readonly #showsRequests: () => boolean

  constructor(showsRequests: () => boolean) {
    super()
    this.#showsRequests = showsRequests
  }

  override set(key: string, value: string): this {
    return this.has(key) ? this : super.set(key, value)
  }

  /** In order of their keys, as Go encodes a map; undefined when there are none. */
  shown(): Record<string, string> | undefined {
    const keys = [...this.keys()].filter((key) => this.#showsRequests() || !OF_REQUESTS.some((prefix) => key.startsWith(prefix)))
    return keys.length === 0 ? undefined : Object.fromEntries(keys.sort().map((key) => [key, this.get(key)!]))
  }
}

/** A copy of an object, of a list's items or of a table's rows without their managers. */
export function withoutManagedFields(value: unknown): unknown {
  if (!isObject(value)) return value
  const copy = structuredClone(value)
  strip(copy)
  if (Array.isArray(copy['items'])) copy['items'].forEach(strip)
  if (Array.isArray(copy['rows'])) for (const row of copy['rows']) if (isObject(row)) strip(row['object'])
  return copy
}

function strip(object: unknown): void {
  if (isObject(object) && isObject(object['metadata'])) delete object['metadata']['managedFields']
}
