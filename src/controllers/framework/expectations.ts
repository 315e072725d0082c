import type { KubernetesObject } from '#meta'

/**
 * What a controller has asked for and not yet seen in its cache. While something is awaited, the cache lies about the past, and acting on it would create or delete
 * twice. Creations are counted by name, deletions by uid, so that a repeated event counts once.
 */
export class Expectations {
  readonly #awaited = new Map<string, { readonly ids: Set<string>; readonly sinceMs: number }>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  expect(key: string, id: string): void {
    const entry = this.#awaited.get(key) ?? { ids: new Set<string>(), sinceMs: this.#nowMs() }
    entry.ids.add(id)
    this.#awaited.set(key, entry)
  }

  awaits(key: string, id: string): boolean {
    return !this.satisfied(key) && (this.#awaited.get(key)?.ids.has(id) ?? false)
  }

  /** Seen, or found never to come. */
  observe(key: string, id: string): void {
    const entry = this.#awaited.get(key)
    if (entry === undefined) return
    entry.ids.delete(id)
    if (entry.ids.size === 0) this.#awaited.delete(key)
  }

  /** A watch told of an object: it was created, and perhaps deleted since. Told and not looked up, for what came and went at once is in no cache. */
  seen(key: string, { metadata }: KubernetesObject, isGone: boolean): void {
    if (!this.#awaited.has(key)) return
    this.observe(key, creation(metadata?.name ?? ''))
    if (isGone || metadata?.deletionTimestamp !== undefined) this.observe(key, deletion(metadata?.uid ?? ''))
  }

  /** Observes every awaited id that begins with `prefix` and is not in `present`. */
  observeMissing(key: string, prefix: string, present: ReadonlySet<string>): void {
    for (const id of [...(this.#awaited.get(key)?.ids ?? [])])
      if (id.startsWith(prefix) && !present.has(id)) this.observe(key, id)
  }

  /** Whether the cache can be trusted again. What is not seen within five minutes never will be. */
  satisfied(key: string): boolean {
    const entry = this.#awaited.get(key)
    if (entry === undefined) return true
    if (this.#nowMs() - entry.sinceMs < EXPIRY_MS) return false
    this.#awaited.delete(key)
    return true
  }

  forget(key: string): void {
    this.#awaited.delete(key)
  }
}

const EXPIRY_MS = 5 * 60_000

/** Ids of what is awaited. */
export const creation = (name: string): string => `+${name}`
export const deletion = (uid: string): string => `-${uid}`
