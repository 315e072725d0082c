import type { WatchFrame } from '#client'
import { exponentialBounds, type Histogram, LabelledHistograms, LabelledNumbers } from './prometheus.ts'

/** In bytes, and in seconds, upstream's. */
const SIZE_BOUNDS = exponentialBounds(1024, 2, 8)
const LIST_BOUNDS = [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 2, 4, 6, 8, 10, 15, 20, 30, 45, 60]

export interface Watched {
  readonly group: string
  readonly version: string
  readonly resource: string
}

/** Upstream's metrics of what watches are sent. */
export class WatchMetrics {
  readonly #events = new LabelledNumbers('apiserver_watch_events_total', 'counter', 'Number of events sent in watch clients')
  readonly #sizes = new LabelledHistograms('apiserver_watch_events_sizes', 'Watch event size distribution in bytes', SIZE_BOUNDS)
  readonly #lists = new LabelledHistograms(
    'apiserver_watch_list_duration_seconds',
    'Response latency distribution in seconds for watch list requests broken by group, version, resource and scope.',
    LIST_BOUNDS,
    'BETA',
  )
  readonly #meters = new Map<string, WatchMeter>()

  /** One for all watches of a resource, since a change is counted for each of them. */
  of({ group, version, resource }: Watched): WatchMeter {
    const key = `${group}/${version}/${resource}`
    let meter = this.#meters.get(key)
    if (meter === undefined) {
      const labels = { group, version, resource }
      meter = new WatchMeter(() => this.#events.of(labels), this.#sizes.of(labels))
      this.#meters.set(key, meter)
    }
    return meter
  }

  /** A watch has shown all that there was when it began, and said so, after so long. */
  listed({ group, version, resource }: Watched, scope: string, ms: number): void {
    this.#lists.observe({ group, version, resource, scope }, ms / 1000)
  }

  text(): string {
    return [this.#events, this.#sizes, this.#lists].map((each) => each.text()).join('')
  }
}

/** Counts what is sent. */
export class WatchMeter {
  readonly #count: () => { value: number }
  readonly #sizes: Histogram
  #events: { value: number } | undefined

  constructor(count: () => { value: number }, sizes: Histogram) {
    this.#count = count
    this.#sizes = sizes
  }

  /** To a client in this process, which needs no bytes. */
  told(): void {
    this.#events ??= this.#count()
    this.#events.value++
  }

  sent(frames: readonly WatchFrame[]): void {
    this.#events ??= this.#count()
    this.#events.value += frames.length
    for (const frame of frames) this.#sizes.observe(frame.bytes().length)
  }
}
