import { type Event, events } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { formatTime, isNotFound, type KubernetesObject } from '#meta'
import type { Client } from './client.ts'
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

interface Known {
  readonly name: string
  count: number
}

/** Reports events about objects. Equal ones are counted in one Event; none ever holds up or fails its reporter. */
export class EventRecorder implements EventSink, AsyncDisposable {
  readonly #options: EventRecorderOptions
  readonly #known = new Map<string, Known>()
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

  async #record(object: KubernetesObject, type: string, reason: string, message: string, now: string): Promise<void> {
    const { client } = this.#options
    const id = JSON.stringify([object.metadata?.uid, object.metadata?.namespace, object.metadata?.name, type, reason, message])
    const known = this.#known.get(id)
    const namespace = object.metadata?.namespace ?? 'default'
    if (known !== undefined) {
      known.count++
      try {
        await client.patch(events, `${namespace}/${known.name}`, { count: known.count, lastTimestamp: now }, { type: 'merge' })
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
      message: message.slice(0, 1024),
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
      source: { component, ...(host !== undefined && { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
    } as Event
  }
}
