import { type Pod, type PodCondition, pods } from '#api'
import type { Clock, Log } from '#base'
import type { Client, EventSink } from '#client'
import { formatTime, isNotFound } from '#meta'
import { type PostFiltered, podInfo, podKey } from './framework/index.ts'
import type { Nominations } from './nominations.ts'

/** Tells the cluster what became of a pod: events, its PodScheduled condition, its nomination, and its victims' end. */
export class PodWriter {
  readonly #options: WriterOptions

  constructor(options: WriterOptions) {
    this.#options = options
  }

  event(pod: Pod, message: string): void {
    this.#options.recorder.event(pod, 'Warning', 'FailedScheduling', message)
  }

  scheduled(pod: Pod, nodeName: string): void {
    this.#options.recorder.event(pod, 'Normal', 'Scheduled', `Successfully assigned ${podKey(pod)} to ${nodeName}`)
  }

  /** Known here at once; the server learns it with the condition. */
  nominate(pod: Pod, nodeName: string): void {
    this.#options.nominations.set(pod, nodeName)
  }

  async condition(
    pod: Pod,
    reason: 'Unschedulable' | 'SchedulerError',
    message: string,
    postFiltered: PostFiltered | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { client, clock, log } = this.#options
    const old = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')
    const same = old?.status === 'False' && old.reason === reason && old.message === message
    const nominated = postFiltered?.kind === 'nominated' ? postFiltered.nodeName : undefined
    const nomination = nominated !== undefined && nominated !== pod.status?.nominatedNodeName
    if (same && !nomination) return
    const condition: Partial<PodCondition> = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      ...(pod.metadata?.generation !== undefined && { observedGeneration: pod.metadata.generation }),
      ...(old?.status !== 'False' && { lastTransitionTime: formatTime(clock.now()) }),
    }
    const patch = { status: { conditions: [condition], ...(nomination && { nominatedNodeName: nominated }) } }
    try {
      await client.patch(pods, podKey(pod), patch, { type: 'strategic', subresource: 'status', signal })
    } catch (error) {
      if (!isNotFound(error)) log.warn('Could not write why a pod is not scheduled', { pod: podKey(pod), error })
    }
  }

  /** Ends the victims and takes back promises to less important pods, which would count on room that is gone now. */
  async evict(pod: Pod, nodeName: string, victims: readonly Pod[], signal: AbortSignal): Promise<void> {
    const { log, nominations } = this.#options
    const { priority } = podInfo(pod)
    const outbid = [...nominations.on(nodeName)].filter((other) => other.priority < priority)
    const results = await Promise.allSettled([
      ...victims.map((victim) => this.#evictOne(pod, nodeName, victim, signal)),
      ...outbid.map((other) => this.#clearNomination(other.pod, signal)),
    ])
    for (const result of results)
      if (result.status === 'rejected' && !isNotFound(result.reason))
        log.warn('Preemption was not carried out in full', { pod: podKey(pod), node: nodeName, error: result.reason })
  }

  async #evictOne(pod: Pod, nodeName: string, victim: Pod, signal: AbortSignal): Promise<void> {
    const { client, clock, recorder, schedulerName } = this.#options
    if (victim.metadata?.deletionTimestamp) return
    const condition: PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${schedulerName}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: formatTime(clock.now()),
    }
    const patch = { metadata: { uid: victim.metadata?.uid }, status: { conditions: [condition] } }
    await client.patch(pods, podKey(victim), patch, { type: 'strategic', subresource: 'status', signal })
    await client.delete(pods, podKey(victim), {
      ...(victim.metadata?.uid && { preconditions: { uid: victim.metadata.uid } }),
      signal,
    })
    recorder.event(victim, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata?.uid ?? ''} on node ${nodeName}`)
  }

  async #clearNomination(pod: Pod, signal: AbortSignal): Promise<void> {
    this.#options.nominations.delete(pod)
    const patch = { status: { nominatedNodeName: null } }
    await this.#options.client.patch(pods, podKey(pod), patch, { type: 'merge', subresource: 'status', signal })
  }
}

interface WriterOptions {
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventSink
  readonly nominations: Nominations
  readonly schedulerName: string
}
