import {
  allResources,
  isPodTerminal,
  type Pod,
  pods,
  quotaEvaluatorOf,
  type ResourceDefinition,
  type ResourceQuota,
  resourceQuotas,
  sameAmounts,
} from '#api'
import { deepEqual, TaskGroup } from '#base'
import { discoverResources, WorkQueue } from '#client'
import { isConflict, isNotFound, type KubernetesObject, keyOf, type ObjectKey } from '#meta'
import type { ManagerContext } from '../framework/index.ts'
import { usageOf } from './usage.ts'

const NAME = 'resourcequota-controller'
const WORKERS = 5
/** Every quota is recounted this often, whatever happened. */
const RESYNC_MS = 5 * 60_000

/** Keeps the status of quotas: what they allow, and what is used of it; gives back what a deleted object used. */
export async function resourceQuotaController(manager: ManagerContext): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const log = manager.log.child({ controller: NAME })
  const controller = new QuotaController(manager, stack.use(new DisposableStack()))
  stack.use(controller.queue)
  controller.follow()
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('A quota worker stopped', { error }) }))
  await manager.informers.synced(tasks.signal)
  for (let worker = 0; worker < WORKERS; worker++) tasks.spawn((signal) => controller.work(signal))
  tasks.spawn((signal) => controller.resync(signal))
  stack.defer(() => controller.queue[Symbol.dispose]())
  return stack.move()
}

class QuotaController {
  readonly queue: WorkQueue
  readonly #manager: ManagerContext
  readonly #subscriptions: DisposableStack
  /** Resources that quotas may count, by `plural.group`. */
  readonly #resources = new Map<string, ResourceDefinition>()

  constructor(manager: ManagerContext, subscriptions: DisposableStack) {
    this.#manager = manager
    this.#subscriptions = subscriptions
    this.queue = new WorkQueue(manager.clock)
  }

  follow(): void {
    const quotas = this.#manager.informers.for(resourceQuotas)
    this.#subscriptions.use(
      quotas.onChange(({ before, after }) => {
        if (after !== undefined && isDue(before, after)) this.queue.add(keyOf(after))
      }),
    )
    for (const resource of allResources) if (isCountable(resource)) this.#add(resource)
  }

  async work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const key = await this.queue.take()
      if (key === undefined || signal.aborted) return
      try {
        await this.#reconcile(key, signal)
        this.queue.forget(key)
      } catch (error) {
        if (signal.aborted) return
        if (!isConflict(error)) this.#manager.log.warn('A quota could not be counted and is tried again', { key, error })
        this.queue.addRateLimited(key)
      } finally {
        this.queue.done(key)
      }
    }
  }

  async resync(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#manager.clock.sleep(RESYNC_MS, { signal })
      for (const quota of this.#manager.informers.for(resourceQuotas).list()) this.queue.add(keyOf(quota))
    }
  }

  async #reconcile(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const quota = this.#manager.informers.for(resourceQuotas).get(key)
    if (quota === undefined || quota.metadata?.deletionTimestamp !== undefined) return
    const hard = quota.spec?.hard ?? {}
    await this.#learnCustom(Object.keys(hard), signal)
    const used = usageOf(quota, [...this.#resources.values()], (resource, namespace) =>
      this.#manager.informers.for(resource).list({ namespace }),
    )
    if (sameAmounts(hard, quota.status?.hard ?? {}) && sameAmounts(used, quota.status?.used ?? {})) return
    try {
      await this.#manager.clientFor(NAME).updateStatus(resourceQuotas, { ...quota, status: { hard, used } }, { signal })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  /** A quota may count resources that were defined since: `count/widgets.example.com`. */
  async #learnCustom(names: readonly string[], signal: AbortSignal): Promise<void> {
    const unknown = names.filter((name) => name.startsWith('count/') && !this.#isKnown(name.slice('count/'.length)))
    if (unknown.length === 0) return
    const { resources } = await discoverResources(this.#manager.clientFor(NAME), signal)
    for (const resource of resources) {
      const counts = unknown.some((name) => quotaEvaluatorOf(resource).counts(name))
      if (counts && isCountable(resource) && this.#add(resource)) await this.#manager.informers.for(resource).synced(signal)
    }
  }

  #isKnown(qualified: string): boolean {
    return this.#resources.has(qualified.includes('.') ? qualified : `${qualified}.`)
  }

  /** Follows a resource, so that what it gives back is counted at once. */
  #add(resource: ResourceDefinition): boolean {
    const id = `${resource.names.plural}.${resource.group}`
    if (this.#resources.has(id)) return false
    this.#resources.set(id, resource)
    const evaluator = quotaEvaluatorOf(resource)
    const informer = this.#manager.informers.for(resource)
    this.#subscriptions.use(
      informer.onChange(({ before, after }) => {
        if (before === undefined || !givesBack(resource, before, after)) return
        const namespace = before.metadata?.namespace ?? ''
        for (const quota of this.#manager.informers.for(resourceQuotas).list({ namespace })) {
          if (Object.keys(quota.spec?.hard ?? {}).some((name) => evaluator.counts(name))) this.queue.add(keyOf(quota))
        }
      }),
    )
    return true
  }
}

const isCountable = ({ scope, stored, storage, verbs, group, names }: ResourceDefinition): boolean =>
  scope === 'Namespaced' &&
  stored &&
  storage === undefined &&
  verbs.includes('list') &&
  verbs.includes('watch') &&
  // Events come and go too fast to be counted, as upstream decided.
  !(names.plural === 'events' && (group === '' || group === 'events.k8s.io'))

/** A new limit, or a status that does not know all limits yet. */
function isDue(before: ResourceQuota | undefined, after: ResourceQuota): boolean {
  return (
    before === undefined || !deepEqual(before.spec, after.spec) || !deepEqual(after.spec?.hard ?? {}, after.status?.hard ?? {})
  )
}

/** Whether the change may have left something unused: gone, over, or another use than before. */
function givesBack(resource: ResourceDefinition, before: KubernetesObject, after: KubernetesObject | undefined): boolean {
  if (after === undefined) return true
  if (resource === (pods as unknown)) return isPodTerminal(after as Pod) && !isPodTerminal(before as Pod)
  const evaluator = quotaEvaluatorOf(resource)
  return evaluator.chargedOn.includes('UPDATE') && !deepEqual(evaluator.usage(before), evaluator.usage(after))
}
