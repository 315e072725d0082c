import { type Answer, type Clock, ending } from '#base'
import { printGoDuration } from '#meta'

/** Where the time of a request goes. */
export type Layer =
  | 'apf-queue-wait'
  | 'authentication'
  | 'authorization'
  | 'etcd'
  | 'impersonation'
  | 'mutating-webhook'
  | 'total'
  | 'validating-webhook'

/** Upstream's: a faster request says nothing of it. */
const SLOW_MS = 500
const PREFIX = 'apiserver.latency.k8s.io/'
/** Those that run at once count by the slowest. */
const AT_ONCE: readonly Layer[] = ['validating-webhook']

/** What a slow request spent its time on. */
export class Latencies {
  readonly #spentMs = new Map<Layer, number>()

  add(layer: Layer, ms: number): void {
    const before = this.#spentMs.get(layer) ?? 0
    this.#spentMs.set(layer, AT_ONCE.includes(layer) ? Math.max(before, ms) : before + ms)
  }

  get sumMs(): number {
    let sum = 0
    for (const ms of this.#spentMs.values()) sum += ms
    return sum
  }

  /** Annotations of a request that took so long. */
  shown(totalMs: number): [key: string, value: string][] {
    if (totalMs <= SLOW_MS) return []
    const layers = [...this.#spentMs].filter(([, ms]) => ms > 0)
    return [...layers, ['total', totalMs] as const].map(([layer, ms]) => [PREFIX + layer, printGoDuration(ms)])
  }
}

/** Who keeps what a request spends its time on. */
export interface Timekeeper {
  timed<T>(layer: Layer, work: () => Answer<T>): Answer<T>
}

/** What a request spends on webhooks, also where nobody else keeps its time. */
export class WebhookTime implements Timekeeper {
  readonly #clock: Clock
  readonly #keeper: Timekeeper | undefined
  #latencies: Latencies | undefined

  constructor(clock: Clock, keeper: Timekeeper | undefined) {
    this.#clock = clock
    this.#keeper = keeper
  }

  get ms(): number {
    return this.#latencies?.sumMs ?? 0
  }

  timed<T>(layer: Layer, work: () => Answer<T>): Answer<T> {
    const fromMs = this.#clock.monotonic()
    this.#latencies ??= new Latencies()
    const latencies = this.#latencies
    return ending(
      () => timed(this.#keeper, layer, work),
      () => latencies.add(layer, this.#clock.monotonic() - fromMs),
    )
  }
}

/** Does the work, and has its time kept if somebody does. */
export const timed = <T>(keeper: Timekeeper | undefined, layer: Layer, work: () => Answer<T>): Answer<T> =>
  keeper === undefined ? work() : keeper.timed(layer, work)
