import { type ServiceCIDR, serviceCIDRs } from '#api'
import { deepEqual, TaskGroup } from '#base'
import { EventRecorder, WorkQueue } from '#client'
import { formatTime, isAlreadyExists, type KubernetesObject } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { HookContext } from './types.ts'

const NAME = 'kubernetes'
const COMPONENT = 'kubernetes-service-cidr-controller'
const ERROR = 'KubernetesDefaultServiceCIDRError'

export interface DefaultServiceCIDROptions {
  readonly cache: WatchCache
  readonly context: HookContext
}

/**
 * Keeps the ServiceCIDR `kubernetes`, which is made from `--service-cluster-ip-range`: makes it anew when it is gone, and dual-stack when the flag has become that. A flag that
 * says something else does not change it (https://kubernetes.io/docs/reference/networking/virtual-ips/#ip-address-objects).
 */
export class DefaultServiceCIDR implements AsyncDisposable {
  readonly #cache: WatchCache
  readonly #context: HookContext
  readonly #queue: WorkQueue
  readonly #events: EventRecorder
  readonly #tasks: TaskGroup
  readonly #subscription = new DisposableStack()
  /** Reasons of what was told once. */
  readonly #told = new Set<string>()

  constructor({ cache, context }: DefaultServiceCIDROptions) {
    const { client, clock, random, log } = context
    this.#cache = cache
    this.#context = context
    this.#queue = new WorkQueue(clock)
    this.#events = new EventRecorder({ client, clock, random, log, component: COMPONENT })
    this.#tasks = new TaskGroup({ onError: (error) => log.error('The default ServiceCIDR is not kept any more', { error }) })
  }

  /** Resolves once it exists. */
  async start(): Promise<void> {
    this.#subscription.use(
      this.#cache.of(serviceCIDRs).subscribe(({ version }) => {
        if (version.key === NAME) this.#queue.add(NAME)
      }),
    )
    await this.#sync()
    this.#tasks.spawn(() => this.#work())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscription.dispose()
    this.#queue[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
    await this.#events[Symbol.asyncDispose]()
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        await this.#sync()
        this.#queue.forget(key)
      } catch (error) {
        this.#context.log.warn('The default ServiceCIDR could not be kept', { error })
        this.#queue.addRateLimited(key)
      }
      this.#queue.done(key)
    }
  }

  async #sync(): Promise<void> {
    const { client, serviceClusterIPRanges: wanted } = this.#context
    const current = await client.find(serviceCIDRs, NAME)
    if (current === undefined) await this.#create()
    else if (wanted.length === 2 && deepEqual(current.spec?.cidrs, wanted.slice(0, 1))) await this.#grow(current)
    else await this.#syncStatus(current)
  }

  async #create(): Promise<void> {
    const { client, serviceClusterIPRanges } = this.#context
    const object = { ...REFERENCE, spec: { cidrs: [...serviceClusterIPRanges] } }
    try {
      await this.#syncStatus(await client.create(serviceCIDRs, object))
    } catch (error) {
      // Another server was first.
      if (!isAlreadyExists(error)) throw error
      await this.#syncStatus(await client.get(serviceCIDRs, NAME))
    }
  }

  async #grow(current: ServiceCIDR): Promise<void> {
    const { client, serviceClusterIPRanges: wanted, log } = this.#context
    try {
      await client.update(serviceCIDRs, { ...current, spec: { cidrs: [...wanted] } })
      log.info('The default ServiceCIDR has become dual-stack', { cidrs: wanted.join(' ') })
    } catch (error) {
      const why = (error as Error).message
      const message = `The default ServiceCIDR can not be upgraded from ${wanted[0]} to dual stack ${shown(wanted)} : ${why}`
      this.#events.event(current, 'Warning', ERROR, message)
    }
  }

  /** Says once that the range may be used; whoever says anything about it later is left alone. */
  async #syncStatus(current: ServiceCIDR): Promise<void> {
    const { client, clock, serviceClusterIPRanges: wanted } = this.#context
    if (current.metadata?.deletionTimestamp !== undefined) return
    const cidrs = current.spec?.cidrs ?? []
    if (!deepEqual(cidrs, [...wanted])) {
      const message = `The default ServiceCIDR ${shown(cidrs)} does not match the controller flag configurations ${shown(wanted)}`
      this.#tellOnce(current, 'KubernetesDefaultServiceCIDRInconsistent', message)
      return
    }
    const ready = current.status?.conditions?.find(({ type }) => type === 'Ready')
    if (ready?.status === 'False') this.#tellOnce(current, ready.reason, `Configuration matches, but ${ready.message}`)
    if (ready !== undefined && ready.status !== 'Unknown') return
    const condition = {
      type: 'Ready',
      status: 'True',
      reason: '',
      message: 'Kubernetes default Service CIDR is ready',
      lastTransitionTime: formatTime(clock.now()),
    }
    const applied = { ...REFERENCE, status: { conditions: [condition] } }
    await client.patch(serviceCIDRs, NAME, applied, {
      type: 'apply',
      fieldManager: COMPONENT,
      force: true,
      subresource: 'status',
    })
  }

  #tellOnce(object: KubernetesObject, reason: string, message: string): void {
    if (this.#told.has(reason)) return
    this.#told.add(reason)
    this.#events.event(object, 'Warning', reason, message)
  }
}

const REFERENCE = { apiVersion: 'networking.k8s.io/v1', kind: 'ServiceCIDR', metadata: { name: NAME } } as const

/** As Go prints a list. */
const shown = (ranges: readonly string[]): string => `[${ranges.join(' ')}]`
