/** Different messages of one reason about one object, within ten minutes of each other, after which they are told as one. */
const SIMILAR_MAX = 10
const SIMILAR_WINDOW_MS = 600_000
/** Events about one object: so many at once, then one every five minutes. */
const BURST = 25
const REFILL_MS = 300_000
const REMEMBERED_MAX = 4_096

export interface Observation {
  /** Who the event is about. */
  readonly about: string
  readonly type: string
  readonly reason: string
  readonly message: string
}

export interface Correlated {
  /** Equal for events that are counted in one. */
  readonly key: string
  readonly message: string
  /** Not to be sent: there were too many about this object. */
  readonly isSpam: boolean
}

/**
 * Keeps a reporter from flooding the cluster: similar events are combined, and an object has a budget. It forgets the objects it has not heard of for longest.
 *
 *     pull a, pull b, … pull j → nine events, then one "(combined from similar events): pull j" that is counted from there on
 */
export class EventCorrelator {
  readonly #similar = new Map<string, { readonly messages: Set<string>; lastMs: number }>()
  readonly #budgets = new Map<string, { tokens: number; atMs: number }>()

  correlate({ about, type, reason, message }: Observation, nowMs: number): Correlated {
    const group = JSON.stringify([about, type, reason])
    const isSpam = !this.#spend(about, nowMs)
    const known = this.#similar.get(group)
    const isFresh = known === undefined || nowMs - known.lastMs > SIMILAR_WINDOW_MS
    const { messages } = isFresh ? { messages: new Set<string>() } : known
    messages.add(message)
    remember(this.#similar, group, { messages, lastMs: nowMs })
    if (messages.size < SIMILAR_MAX) return { key: JSON.stringify([about, type, reason, message]), message, isSpam }
    messages.delete(messages.values().next().value!)
    return { key: group, message: `(combined from similar events): ${message}`, isSpam }
  }

  #spend(about: string, nowMs: number): boolean {
    const budget = this.#budgets.get(about) ?? { tokens: BURST, atMs: nowMs }
    const tokens = Math.min(BURST, budget.tokens + (nowMs - budget.atMs) / REFILL_MS)
    const isEnough = tokens >= 1
    remember(this.#budgets, about, { tokens: isEnough ? tokens - 1 : tokens, atMs: nowMs })
    return isEnough
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  if (map.size > REMEMBERED_MAX) map.delete(map.keys().next().value!)
}
