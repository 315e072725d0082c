import { type Event, events } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { formatTime, isNotFound, type KubernetesObject } from '#meta'
import type { Client } from './client.ts'
import { EventCorrelator } from './event-correlator.ts'
import type { EventSink } from './sources.ts'

export interface EventRecorderOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Who reports, e.g. `kubelet`. */
  readonly component: string
  /** On which node. */
  readonly host?: string | undefined
}

/** Different events remembered for counting. */
const KNOWN_MAX = 4_096
const WAITING_MAX = 1_000
const MESSAGE_LENGTH_MAX = 1_024

interface Known {
  readonly name: string
  count: number
}

/** Reports events about objects. Equal ones are counted in one Event, similar ones combined, and too many dropped; none ever holds up or fails its reporter. */
export class EventRecorder implements EventSink, AsyncDisposable {
  readonly #options: EventRecorderOptions
  readonly #known = new Map<string, Known>()
  readonly #correlator = new EventCorrelator()
  readonly #tasks: TaskGroup
  #tail: Promise<void> = Promise.resolve()
  #waiting = 0

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#tasks = new TaskGroup({ onError: (error) => options.log.debug('An event was not recorded', { error }) })
  }

  event(object: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#waiting >= WAITING_MAX) return
    this.#waiting++
    const now = formatTime(this.#options.clock.now())
    const previous = this.#tail
    // In order, so that a count never arrives before the event it counts.
    this.#tasks.spawn(async (signal) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#tail = promise
      try {
        await previous
        if (!signal.aborted) await this.#record(object, type, reason, message, now)
      } finally {
        this.#waiting--
        resolve()
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #record(object: KubernetesObject, type: string, reason: string, text: string, now: string): Promise<void> {
    const { client } = this.#options
    const { uid, namespace: where, name } = object.metadata ?? {}
    const about = JSON.stringify([object.apiVersion, object.kind, where, name, uid])
    const { key: id, message, isSpam } = this.#correlator.correlate({ about, type, reason, message: text }, Date.parse(now))
    const known = this.#known.get(id)
    // What is not sent is counted all the same, for the next that is.
    if (known !== undefined) known.count++
    if (isSpam) return
    const namespace = object.metadata?.namespace ?? 'default'
    if (known !== undefined) {
      try {
        const seen = { count: known.count, lastTimestamp: now, message: message.slice(0, MESSAGE_LENGTH_MAX) }
        await client.patch(events, `${namespace}/${known.name}`, seen, { type: 'merge' })
        return
      } catch (error) {
        // It had outlived its hour.
        if (!isNotFound(error)) throw error
      }
    }
    const event = this.#newEvent(object, namespace, type, reason, message, now)
    await client.create(events, event)
    if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value!)
    this.#known.set(id, { name: event.metadata!.name!, count: 1 })
  }

  #newEvent(object: KubernetesObject, namespace: string, type: string, reason: string, message: string, now: string): Event {
    const { component, host, random } = this.#options
    const { name = '', uid, resourceVersion } = object.metadata ?? {}
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${Buffer.from(random.bytes(8)).toString('hex')}`, namespace },
      involvedObject: {
        apiVersion: object.apiVersion ?? '',
        kind: object.kind ?? '',
        name,
        ...(object.metadata?.namespace !== undefined && { namespace: object.metadata.namespace }),
        ...(uid !== undefined && { uid }),
        ...(resourceVersion !== undefined && { resourceVersion }),
      },
      type,
      reason,
      message: message.slice(0, MESSAGE_LENGTH_MAX),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
    } as Event
  }
}
