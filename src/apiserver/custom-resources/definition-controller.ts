import { type CustomResourceDefinition, customResourceDefinitions } from '#api'
import { type Clock, deepEqual, type Log, type Random, TaskGroup } from '#base'
import { type Client, Informer, WorkQueue } from '#client'
import { formatTime, isConflict, isNotFound } from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import { finalize, isFinalizing } from './finalizing.ts'
import { steps } from './steps/index.ts'

export interface DefinitionControllerOptions {
  /** Acts as the API server itself. */
  readonly client: Client
  readonly catalog: ResourceCatalog
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

const RETRY_MS = 5_000

/** Brings definitions from accepted names to being served, and their objects out of the way of a deletion. */
export class DefinitionController implements AsyncDisposable {
  readonly #options: DefinitionControllerOptions
  readonly #informer: Informer<CustomResourceDefinition>
  readonly #queue: WorkQueue
  readonly #finalizing = new Set<string>()
  readonly #tasks: TaskGroup

  constructor(options: DefinitionControllerOptions) {
    this.#options = options
    const { log, clock } = options
    this.#informer = new Informer(customResourceDefinitions, {}, options)
    this.#queue = new WorkQueue(clock)
    this.#tasks = new TaskGroup({ onError: (error) => log.error('A controller of custom resources stopped', { error }) })
    this.#informer.onChange(({ before, after }) => this.#enqueueGroup((after ?? before)!))
    this.#tasks.spawn((signal) => this.#informer.run(signal))
    this.#tasks.spawn(() => this.#work())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#queue[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
  }

  /** A name that one definition gives up may be what another waits for. */
  #enqueueGroup({ spec }: CustomResourceDefinition): void {
    for (const crd of this.#informer.list()) if (crd.spec.group === spec.group) this.#queue.add(crd.metadata!.name!)
  }

  async #work(): Promise<void> {
    for (let name = await this.#queue.take(); name !== undefined; name = await this.#queue.take()) {
      try {
        await this.#reconcile(name)
        this.#queue.forget(name)
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) {
          this.#options.log.warn('A custom resource definition can not be brought forward', { name, error })
        }
        this.#queue.addRateLimited(name)
      } finally {
        this.#queue.done(name)
      }
    }
  }

  async #reconcile(name: string): Promise<void> {
    const crd = this.#informer.get(name)
    if (crd === undefined) return
    if (isFinalizing(crd)) return this.#finalize(crd)
    const others = this.#informer.list().filter((each) => each !== crd && each.spec.group === crd.spec.group)
    const context = { others, now: formatTime(this.#options.clock.now()) }
    for (const step of steps) {
      const status = step(crd, context)
      if (deepEqual(status, crd.status ?? {})) continue
      // The change comes back as an event, and the next step sees it.
      await this.#options.client.updateStatus(customResourceDefinitions, { ...crd, status })
      return
    }
  }

  /** Goes on beside other definitions, however long the objects take. */
  #finalize(crd: CustomResourceDefinition): void {
    const { name = '', uid = '' } = crd.metadata ?? {}
    if (this.#finalizing.has(uid)) return
    this.#finalizing.add(uid)
    this.#tasks.spawn(async (signal) => {
      try {
        await finalize(crd, this.#options, signal)
      } catch (error) {
        signal.throwIfAborted()
        this.#options.log.warn('The objects of a definition can not be deleted', { name, error })
        this.#queue.addAfter(name, RETRY_MS)
      } finally {
        this.#finalizing.delete(uid)
      }
    })
  }
}
