import { isCriticalPod, isPodTerminal, type Node } from '#api'
import type { Clock, Log } from '#base'
import type { EventSink } from '#client'
import type { PodWorker } from '../pods/pod-worker.ts'
import { isStaticPod } from '../pods/static-pods.ts'
import { type Candidate, evictionMessage, rankForEviction } from './ranking.ts'
import { crossed, type Observations, type PressureCondition, type Threshold, thresholdOf } from './signals.ts'

/** Upstream's monitoring interval: the kernel tells of no threshold in a way that both versions of control groups share. */
const LOOK_PERIOD_MS = 10_000
/** Upstream's `evictionPressureTransitionPeriod`: a condition that comes and goes would move pods to and fro. */
const TRANSITION_MS = 5 * 60_000
/** Upstream's grace for hard thresholds. */
const GRACE_SECONDS = 1

export interface EvictionOptions {
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventSink
  readonly workers: Iterable<Pick<PodWorker, 'pod' | 'giveUp'>>
  readonly node: () => Node | undefined
  readonly observe: () => Promise<Observations>
  /** What a pod uses of what is low. */
  readonly usage: (pod: PodWorker['pod'], resource: Threshold['resource']) => Omit<Candidate, 'pod'>
  /** Frees what no pod needs. */
  readonly reclaimDisk: () => Promise<void>
  /** The set of conditions changed. */
  readonly onChange: () => void
}

/** Keeps the node alive when memory or disk run out: first by freeing what nobody uses, then by ending one pod at a time. */
export class EvictionManager {
  readonly #options: EvictionOptions
  readonly #lastSeenMs = new Map<PressureCondition, number>()

  constructor(options: EvictionOptions) {
    this.#options = options
  }

  /** Conditions that hold now or did until lately. */
  get conditions(): readonly PressureCondition[] {
    return [...this.#lastSeenMs.keys()]
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    while (!signal.aborted) {
      try {
        await this.look()
      } catch (error) {
        log.warn('The pressure on the node could not be told', { error })
      }
      try {
        await clock.sleep(LOOK_PERIOD_MS, { signal })
      } catch {
        return
      }
    }
  }

  /** Looks once, and ends at most one pod. */
  async look(): Promise<void> {
    const { observe, recorder, node, reclaimDisk } = this.#options
    let observations = await observe()
    let [first] = this.#note(crossed(observations))
    if (first === undefined) return
    const own = node()
    if (own !== undefined) recorder.event(own, 'Warning', 'EvictionThresholdMet', `Attempting to reclaim ${first.resource}`)
    if (first.condition === 'DiskPressure') {
      await reclaimDisk()
      observations = await observe()
      first = crossed(observations)[0]
      if (first === undefined) return
    }
    this.#evictOne(first, observations)
  }

  #note(thresholds: readonly Threshold[]): readonly Threshold[] {
    const nowMs = this.#options.clock.now()
    const before = this.conditions.join()
    for (const { condition } of thresholds) this.#lastSeenMs.set(condition, nowMs)
    for (const [condition, seenMs] of this.#lastSeenMs) if (nowMs - seenMs >= TRANSITION_MS) this.#lastSeenMs.delete(condition)
    if (this.conditions.join() !== before) this.#options.onChange()
    return thresholds
  }

  #evictOne(threshold: Threshold, observations: Observations): void {
    const { workers, usage, recorder, log } = this.#options
    const { resource, signal } = threshold
    const active = [...workers].filter(({ pod }) => !isPodTerminal(pod) && pod.metadata?.deletionTimestamp === undefined)
    const candidates = active
      .filter(({ pod }) => !isCriticalPod(pod) && !isStaticPod(pod))
      .map((worker) => ({ worker, pod: worker.pod, ...usage(worker.pod, resource) }))
    const [chosen] = rankForEviction(candidates, resource) as typeof candidates
    if (chosen === undefined) {
      log.error('The node is low on a resource, and no pod can be ended for it', { resource })
      return
    }
    const observed = observations.get(signal)!
    const print = resource === 'inodes' ? String : binary
    const message = evictionMessage(resource, print(thresholdOf(threshold, observed)), print(observed.available), chosen, print)
    recorder.event(chosen.pod, 'Warning', 'Evicted', message)
    chosen.worker.giveUp('Evicted', message, { graceSeconds: GRACE_SECONDS, isDisruption: true })
  }
}

const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti']

/** The largest unit that loses nothing, as quantities print. */
function binary(bytes: number): string {
  let [value, unit] = [Math.max(0, Math.floor(bytes)), 0]
  while (value !== 0 && value % 1024 === 0 && unit < UNITS.length - 1) {
    value /= 1024
    unit++
  }
  return `${value}${UNITS[unit]}`
}
