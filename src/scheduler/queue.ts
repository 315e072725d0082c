import type { Pod } from '#api'
import type { Clock, Timer } from '#base'
import type { KubernetesObject, ResourceName } from '#meta'
import type { Change, WeightedPlugin } from './framework/plugin.ts'
import { podId } from './framework/pod-info.ts'
import { Heap } from './heap.ts'

export const BACKOFF_INITIAL_MS = 1_000
export const BACKOFF_MAX_MS = 10_000
/** A pod waits at most this long for an event that helps it: a safety net for a requeue rule that misses one. */
export const UNSCHEDULABLE_MAX_MS = 5 * 60_000

/** Kept events are dropped in batches. */
const EVENTS_TRIM_MIN = 256

export interface QueuedPod {
  pod: Pod
  /** When it last entered the queue: first come, first served among equal priorities. */
  timestampMs: number
  attempts: number
  /** Plugins that rejected the last attempt; empty after an error. */
  rejectedBy: ReadonlySet<string>
  rejections: number
  errors: number
  backoffUntilMs: number
}

export interface ClusterEvent {
  readonly resource: ResourceName
  readonly change: Change<KubernetesObject>
}

export type Outcome =
  | { readonly kind: 'rejected'; readonly by: ReadonlySet<string> }
  /** Something broke: the pod comes back after its back-off whatever happens. */
  | { readonly kind: 'error' }

/**
 * Pods that wait for a node. A pod is in one place at a time:
 *
 *   active         by priority, then age; `pop` takes from here
 *   backoff        an event may have helped, but the last attempt was too recent
 *   unschedulable  rejected; waits for an event that one of the rejecting plugins cares about
 *   gated          a plugin keeps it out until the pod itself changes
 *   in flight      popped and not yet done
 *
 * Events that arrive while a pod is in flight are kept, and weighed when it comes back, so that none is lost between the
 * attempt's view of the cluster and its end.
 */
export class SchedulingQueue implements Disposable {
  readonly #clock: Clock
  readonly #plugins: readonly WeightedPlugin[]
  readonly #active = new Heap<QueuedPod>(
    idOf,
    (a, b) => priorityOf(a) > priorityOf(b) || (priorityOf(a) === priorityOf(b) && a.timestampMs < b.timestampMs),
  )
  readonly #backoff = new Heap<QueuedPod>(idOf, (a, b) => a.backoffUntilMs < b.backoffUntilMs)
  /** In order of time. */
  readonly #unschedulable = new Map<string, QueuedPod>()
  readonly #gated = new Map<string, QueuedPod>()
  readonly #inFlight = new Map<string, { readonly since: number; latest: Pod | undefined }>()
  #events: ClusterEvent[] = []
  /** Number of the first event kept. */
  #firstEvent = 0
  #wake: (() => void) | undefined
  #backoffTimer: Timer | undefined
  #flushTimer: Timer | undefined

  constructor(options: { readonly clock: Clock; readonly plugins: readonly WeightedPlugin[] }) {
    this.#clock = options.clock
    this.#plugins = options.plugins
  }

  get sizes(): { readonly active: number; readonly backoff: number; readonly unschedulable: number; readonly inFlight: number } {
    return {
      active: this.#active.size,
      backoff: this.#backoff.size,
      unschedulable: this.#unschedulable.size + this.#gated.size,
      inFlight: this.#inFlight.size,
    }
  }

  add(pod: Pod): void {
    const id = podId(pod)
    if (this.#find(id) !== undefined || this.#inFlight.has(id)) {
      this.update(undefined, pod)
      return
    }
    this.#admit({
      pod,
      timestampMs: this.#clock.now(),
      attempts: 0,
      rejectedBy: new Set(),
      rejections: 0,
      errors: 0,
      backoffUntilMs: 0,
    })
  }

  /** The pod itself changed. A rejected pod comes back if the change answers one of the rejections. */
  update(before: Pod | undefined, after: Pod, event?: ClusterEvent): void {
    const id = podId(after)
    const flight = this.#inFlight.get(id)
    if (flight !== undefined) {
      flight.latest = after
      if (event !== undefined) this.#events.push(event)
      return
    }
    const entry = this.#find(id)
    if (entry === undefined) {
      this.add(after)
      return
    }
    entry.pod = after
    if (this.#active.get(id)) this.#active.set(entry)
    else if (this.#gated.has(id)) this.#admit(entry)
    else if (this.#unschedulable.has(id) && before !== undefined && event !== undefined && this.#helps(entry, event))
      this.#requeue(entry)
  }

  delete(pod: Pod): void {
    const id = podId(pod)
    this.#active.delete(id)
    if (this.#backoff.delete(id)) this.#armBackoff()
    this.#unschedulable.delete(id)
    this.#gated.delete(id)
  }

  /** Takes the next pod, waiting for one. Rejects with the signal's reason. At most one caller waits at a time. */
  async pop(signal: AbortSignal): Promise<QueuedPod> {
    for (;;) {
      signal.throwIfAborted()
      const entry = this.#active.pop() ?? this.#popEarly()
      if (entry !== undefined) {
        entry.attempts++
        this.#inFlight.set(idOf(entry), { since: this.#firstEvent + this.#events.length, latest: undefined })
        return entry
      }
      await this.#awaken(signal)
    }
  }

  /** The attempt succeeded, or its pod is gone. */
  done(entry: QueuedPod): void {
    this.#inFlight.delete(idOf(entry))
    this.#trimEvents()
  }

  /** The attempt failed; the pod waits for what may help. */
  putBack(entry: QueuedPod, outcome: Outcome): void {
    const flight = this.#inFlight.get(idOf(entry))
    const missed = flight === undefined ? [] : this.#events.slice(flight.since - this.#firstEvent)
    entry.pod = flight?.latest ?? entry.pod
    entry.timestampMs = this.#clock.now()
    this.done(entry)
    if (this.#find(idOf(entry)) !== undefined) return
    // A rejection by nobody would wait for nothing: it counts as an error.
    const rejected = outcome.kind === 'rejected' && outcome.by.size > 0
    entry.rejectedBy = rejected ? outcome.by : new Set()
    entry.rejections += rejected ? 1 : 0
    entry.errors = rejected ? 0 : entry.errors + 1
    entry.backoffUntilMs = this.#clock.now() + backoffMs(rejected ? entry.rejections : entry.errors)
    if (!rejected || missed.some((event) => this.#helps(entry, event))) this.#requeue(entry)
    else this.#park(entry)
  }

  /** Something changed in the cluster: rejected pods that it may help come back. */
  move(event: ClusterEvent): void {
    if (this.#inFlight.size > 0) this.#events.push(event)
    for (const entry of [...this.#unschedulable.values()]) if (this.#helps(entry, event)) this.#requeue(entry)
  }

  /** Brings pods back at once, whatever rejected them. */
  activate(pods: Iterable<Pod>): void {
    for (const pod of pods) {
      const entry = this.#unschedulable.get(podId(pod)) ?? this.#backoff.get(podId(pod))
      if (entry !== undefined) this.#admit(entry)
    }
  }

  [Symbol.dispose](): void {
    this.#backoffTimer?.[Symbol.dispose]()
    this.#flushTimer?.[Symbol.dispose]()
    this.#wake?.()
  }

  #find(id: string): QueuedPod | undefined {
    return this.#active.get(id) ?? this.#backoff.get(id) ?? this.#unschedulable.get(id) ?? this.#gated.get(id)
  }

  /** With nothing better to do, a pod that only waits out its back-off is tried early; errors always wait. */
  #popEarly(): QueuedPod | undefined {
    const entry = this.#backoff.values().find(({ errors }) => errors === 0)
    if (entry === undefined) return undefined
    this.#backoff.delete(idOf(entry))
    this.#armBackoff()
    return entry
  }

  #admit(entry: QueuedPod): void {
    const id = idOf(entry)
    this.delete(entry.pod)
    const gate = this.#plugins.find(
      ({ plugin }) => plugin.preEnqueue !== undefined && plugin.preEnqueue(entry.pod).kind !== 'fits',
    )
    if (gate !== undefined) {
      this.#gated.set(id, entry)
      return
    }
    this.#active.set(entry)
    this.#wake?.()
  }

  #requeue(entry: QueuedPod): void {
    if (entry.backoffUntilMs <= this.#clock.now()) {
      this.#admit(entry)
      return
    }
    this.delete(entry.pod)
    this.#backoff.set(entry)
    this.#armBackoff()
    this.#wake?.()
  }

  #park(entry: QueuedPod): void {
    this.#unschedulable.set(idOf(entry), entry)
    this.#armFlush()
  }

  #helps(entry: QueuedPod, event: ClusterEvent): boolean {
    return this.#plugins.some(
      ({ plugin }) =>
        entry.rejectedBy.has(plugin.name) &&
        plugin.requeueOn?.some(({ resource, when }) => isSame(resource, event.resource) && when(event.change, entry.pod)),
    )
  }

  /** Forgets events that every pod in flight has seen. The first in flight was popped first. */
  #trimEvents(): void {
    const [oldest] = this.#inFlight.values()
    const spent = oldest === undefined ? this.#events.length : oldest.since - this.#firstEvent
    if (oldest !== undefined && spent < EVENTS_TRIM_MIN) return
    this.#events = this.#events.slice(spent)
    this.#firstEvent += spent
  }

  #armBackoff(): void {
    this.#backoffTimer?.[Symbol.dispose]()
    this.#backoffTimer = undefined
    const next = this.#backoff.peek()
    if (next === undefined) return
    this.#backoffTimer = this.#clock.after(next.backoffUntilMs - this.#clock.now(), () => {
      for (
        let due = this.#backoff.peek();
        due !== undefined && due.backoffUntilMs <= this.#clock.now();
        due = this.#backoff.peek()
      )
        this.#admit(due)
      this.#armBackoff()
    })
  }

  #armFlush(): void {
    if (this.#flushTimer !== undefined) return
    const [earliest] = this.#unschedulable.values()
    if (earliest === undefined) return
    this.#flushTimer = this.#clock.after(earliest.timestampMs + UNSCHEDULABLE_MAX_MS - this.#clock.now(), () => {
      this.#flushTimer = undefined
      const dueMs = this.#clock.now() - UNSCHEDULABLE_MAX_MS
      for (const entry of [...this.#unschedulable.values()]) if (entry.timestampMs <= dueMs) this.#requeue(entry)
      this.#armFlush()
    })
  }

  async #awaken(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        signal.removeEventListener('abort', finish)
        this.#wake = undefined
        resolve()
      }
      this.#wake = finish
      signal.addEventListener('abort', finish, { once: true })
    })
  }
}

export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_INITIAL_MS * 2 ** Math.max(0, failures - 1), BACKOFF_MAX_MS)
}

function idOf(entry: QueuedPod): string {
  return podId(entry.pod)
}

function priorityOf({ pod }: QueuedPod): number {
  return pod.spec?.priority ?? 0
}

function isSame(a: ResourceName, b: ResourceName): boolean {
  return a.names.plural === b.names.plural && a.group === b.group
}
