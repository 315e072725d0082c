import type { Pod } from '#api'
import { pods } from '#api'
import type { Log, TaskGroup } from '#base'
import type { Client } from '#client'
import { isNotFound } from '#meta'
import type { Cache } from './cache.ts'
import type { Decider } from './cycle.ts'
import { explain } from './diagnosis.ts'
import { type BindContext, type PostFiltered, podKey, rejected, type WeightedPlugin } from './framework/index.ts'
import type { PodWriter } from './pod-writer.ts'
import type { QueuedPod, SchedulingQueue } from './queue.ts'

/** Bindings under way at once; the loop waits when the API server falls this far behind. */
const BINDINGS_MAX = 500
/** Attempts after which the event loop gets a turn, so that a long queue does not starve requests. */
const ATTEMPTS_PER_TURN = 32

export interface LoopOptions {
  readonly client: Client
  readonly log: Log
  readonly plugins: readonly WeightedPlugin[]
  readonly cache: Cache
  readonly queue: SchedulingQueue
  readonly decider: Decider
  readonly writer: PodWriter
  readonly tasks: TaskGroup
  readonly livePod: (key: string) => Pod | undefined
  readonly untilClaim: BindContext['untilClaim']
}

/** Takes pods from the queue one by one, decides, and binds in the background. */
export class SchedulingLoop {
  readonly #options: LoopOptions
  readonly #bindings = new Set<Promise<void>>()

  constructor(options: LoopOptions) {
    this.#options = options
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue } = this.#options
    for (let attempt = 1; ; attempt++) {
      const entry = await queue.pop(signal)
      this.#attempt(entry)
      if (attempt % ATTEMPTS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve))
      while (this.#bindings.size >= BINDINGS_MAX) await Promise.race(this.#bindings)
    }
  }

  #attempt(entry: QueuedPod): void {
    const { cache, decider, queue, writer } = this.#options
    const { pod } = entry
    const live = this.#options.livePod(podKey(pod))
    if (live?.metadata?.uid !== pod.metadata?.uid || live?.spec?.nodeName || cache.isAssumed(pod)) {
      queue.done(entry)
      return
    }
    if (pod.metadata?.deletionTimestamp) {
      writer.event(pod, `skip schedule deleting pod: ${podKey(pod)}`)
      queue.done(entry)
      return
    }
    try {
      const decision = decider.decide(pod)
      if (decision.kind === 'placed') this.#place(entry, decision.nodeName)
      else {
        const { diagnosis, postFiltered } = decision
        queue.putBack(entry, { kind: 'rejected', by: diagnosis.rejectedBy })
        const message = explain(diagnosis, postFiltered?.kind === 'rejected' ? postFiltered.message : '')
        this.#unschedulable(entry.pod, message, postFiltered)
      }
    } catch (error) {
      this.#broken(entry, error)
    }
  }

  #unschedulable(pod: Pod, message: string, postFiltered: PostFiltered | undefined): void {
    const { tasks, writer } = this.#options
    writer.event(pod, message)
    if (postFiltered?.kind === 'nominated') writer.nominate(pod, postFiltered.nodeName)
    tasks.spawn(async (signal) => {
      await writer.condition(pod, 'Unschedulable', message, postFiltered, signal)
      if (postFiltered?.kind === 'nominated') await writer.evict(pod, postFiltered.nodeName, postFiltered.victims, signal)
    })
  }

  #broken(entry: QueuedPod, error: unknown): void {
    const { log, queue, tasks, writer } = this.#options
    const message = error instanceof Error ? error.message : String(error)
    log.warn('Scheduling a pod failed', { pod: podKey(entry.pod), error })
    queue.putBack(entry, { kind: 'error' })
    writer.event(entry.pod, message)
    tasks.spawn((signal) => writer.condition(entry.pod, 'SchedulerError', message, undefined, signal))
  }

  /** From here the pod counts on its node, so that the next attempt already sees it there. */
  #place(entry: QueuedPod, nodeName: string): void {
    const { cache, plugins, queue, tasks } = this.#options
    const { pod } = entry
    cache.assume(pod, nodeName)
    for (const { plugin } of plugins) {
      const verdict = plugin.reserve?.(pod, nodeName, cache)
      if (!rejected(verdict)) continue
      this.#takeBack(pod, nodeName)
      queue.putBack(entry, { kind: 'rejected', by: new Set([plugin.name]) })
      this.#unschedulable(entry.pod, verdict.reasons.join(', '), undefined)
      return
    }
    tasks.spawn((signal) => {
      const binding = this.#bind(entry, nodeName, signal).finally(() => this.#bindings.delete(binding))
      this.#bindings.add(binding)
      return binding
    })
  }

  async #bind(entry: QueuedPod, nodeName: string, signal: AbortSignal): Promise<void> {
    const { cache, client, log, plugins, queue, untilClaim, writer } = this.#options
    const { pod } = entry
    const context: BindContext = { client, signal, snapshot: cache, untilClaim }
    try {
      for (const { plugin } of plugins) {
        const verdict = await plugin.permit?.(pod, nodeName, context)
        if (!rejected(verdict)) continue
        this.#takeBack(pod, nodeName)
        queue.putBack(entry, { kind: 'rejected', by: new Set([plugin.name]) })
        return this.#unschedulable(entry.pod, verdict.reasons.join(', '), undefined)
      }
      for (const { plugin } of plugins) await plugin.preBind?.(pod, nodeName, context)
      await this.#runBind(pod, nodeName, context)
    } catch (error) {
      this.#takeBack(pod, nodeName)
      if (signal.aborted) return
      // Gone meanwhile: nothing is left to schedule.
      if (isNotFound(error) && this.#options.livePod(podKey(pod)) === undefined) return queue.done(entry)
      return this.#broken(entry, error)
    }
    queue.done(entry)
    log.debug('Bound pod', { pod: podKey(pod), node: nodeName })
    writer.scheduled(pod, nodeName)
  }

  async #runBind(pod: Pod, nodeName: string, context: BindContext): Promise<void> {
    for (const { plugin } of this.#options.plugins) {
      try {
        if (await plugin.bind?.(pod, nodeName, context)) return
      } catch (cause) {
        if (isNotFound(cause)) throw cause
        const message = cause instanceof Error ? cause.message : String(cause)
        throw new Error(`running Bind plugin "${plugin.name}": ${message}`, { cause })
      }
    }
    throw new Error('no plugin bound the pod')
  }

  /** The pod does not go to the node after all: its room is free for others. */
  #takeBack(pod: Pod, nodeName: string): void {
    const { cache, plugins, queue } = this.#options
    for (const { plugin } of [...plugins].reverse()) plugin.unreserve?.(pod, nodeName, cache)
    cache.forget(pod)
    const placed: Pod = { ...pod, spec: { ...pod.spec!, nodeName } }
    queue.move({ resource: pods, change: { before: placed } })
  }
}
