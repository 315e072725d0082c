import { allResources, type ResourceDefinition } from '#api'
import { deepClone, TaskGroup } from '#base'
import { WorkQueue } from '#client'
import { apiVersionOf, isConflict, isNotFound, type KubernetesObject, keyOf, type OwnerReference, objectKey } from '#meta'
import type { ManagerContext } from './framework/index.ts'

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'
const WORKERS = 5

interface Item {
  readonly resource: ResourceDefinition
  readonly object: KubernetesObject
}

/**
 * Deletes what nobody owns any more, and carries out foreground and orphaning deletions
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/). Follows every kind that can be deleted.
 */
export async function garbageCollector(manager: ManagerContext): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const collector = new Collector(manager)
  stack.use(collector.queue)
  const resources = allResources.filter(
    ({ stored, storage, verbs, names }) =>
      stored && storage === undefined && verbs.includes('delete') && verbs.includes('watch') && names.plural !== 'events',
  )
  for (const resource of resources) {
    const informer = manager.informers.for(resource)
    stack.use(informer.onChange(({ before, after }) => collector.changed(resource, before, after)))
  }
  const log = manager.log.child({ controller: 'generic-garbage-collector' })
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('A garbage collector worker stopped', { error }) }))
  await manager.informers.synced(tasks.signal)
  for (let worker = 0; worker < WORKERS; worker++) tasks.spawn((signal) => collector.work(signal))
  stack.defer(() => collector.queue[Symbol.dispose]())
  return stack.move()
}

class Collector {
  readonly queue: WorkQueue
  readonly #manager: ManagerContext
  readonly #items = new Map<string, Item>()
  readonly #dependents = new Map<string, Set<string>>()

  constructor(manager: ManagerContext) {
    this.#manager = manager
    this.queue = new WorkQueue(manager.clock)
  }

  changed(resource: ResourceDefinition, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
    const uid = (after ?? before)?.metadata?.uid ?? ''
    for (const owner of before?.metadata?.ownerReferences ?? []) this.#dependents.get(owner.uid)?.delete(uid)
    if (after === undefined) {
      this.#items.delete(uid)
      // What it owned, and whoever waited for it, may now go.
      for (const dependent of this.#dependents.get(uid) ?? []) this.queue.add(dependent)
      for (const owner of before?.metadata?.ownerReferences ?? []) this.queue.add(owner.uid)
      return
    }
    this.#items.set(uid, { resource, object: after })
    for (const owner of after.metadata?.ownerReferences ?? []) {
      const set = this.#dependents.get(owner.uid) ?? new Set()
      this.#dependents.set(owner.uid, set.add(uid))
      if (after.metadata?.deletionTimestamp !== undefined) this.queue.add(owner.uid)
    }
    const { ownerReferences, deletionTimestamp } = after.metadata ?? {}
    if (ownerReferences?.length || deletionTimestamp !== undefined) this.queue.add(uid)
  }

  async work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const uid = await this.queue.take()
      if (uid === undefined || signal.aborted) return
      try {
        await this.#process(uid)
        this.queue.forget(uid)
      } catch (error) {
        if (signal.aborted) return
        if (!isConflict(error)) this.#manager.log.debug('An object could not be collected yet', { uid, error })
        this.queue.addRateLimited(uid)
      } finally {
        this.queue.done(uid)
      }
    }
  }

  async #process(uid: string): Promise<void> {
    const item = this.#items.get(uid)
    if (item === undefined) return
    const { finalizers = [], deletionTimestamp } = item.object.metadata ?? {}
    if (deletionTimestamp !== undefined) {
      if (finalizers.includes(ORPHAN)) await this.#orphan(item)
      else if (finalizers.includes(FOREGROUND)) await this.#foreground(item)
      return
    }
    await this.#collect(item)
  }

  /** Dependents lose this owner, then the owner loses its finalizer. */
  async #orphan(item: Item): Promise<void> {
    const uid = item.object.metadata?.uid ?? ''
    for (const dependent of this.#dependentsOf(uid)) {
      const ownerReferences = (dependent.object.metadata?.ownerReferences ?? []).filter((owner) => owner.uid !== uid)
      await this.#patchOwners(dependent, ownerReferences)
    }
    await this.#removeFinalizer(item, ORPHAN)
  }

  /** Dependents are deleted; when none that blocks is left, so is the owner. */
  async #foreground(item: Item): Promise<void> {
    const uid = item.object.metadata?.uid ?? ''
    const dependents = this.#dependentsOf(uid)
    const blocking = dependents.filter(({ object }) =>
      object.metadata?.ownerReferences?.some((owner) => owner.uid === uid && owner.blockOwnerDeletion),
    )
    if (blocking.length === 0) {
      await this.#removeFinalizer(item, FOREGROUND)
      return
    }
    for (const dependent of dependents)
      if (dependent.object.metadata?.deletionTimestamp === undefined) this.queue.add(dependent.object.metadata?.uid ?? '')
  }

  /** Deletes an object none of whose owners is there; drops owners that are gone while another holds it. */
  async #collect(item: Item): Promise<void> {
    const owners = item.object.metadata?.ownerReferences ?? []
    if (owners.length === 0) return
    const states = await Promise.all(owners.map((owner) => this.#stateOf(owner, item)))
    const solid = owners.filter((_, index) => states[index] === 'solid')
    const waiting = owners.filter((_, index) => states[index] === 'waiting')
    if (solid.length > 0) {
      if (solid.length < owners.length) await this.#patchOwners(item, solid)
      return
    }
    const foreground =
      waiting.length > 0 &&
      this.#dependentsOf(item.object.metadata?.uid ?? '').some(({ object }) => object.metadata?.deletionTimestamp === undefined)
    await this.#delete(
      item,
      foreground || item.object.metadata?.finalizers?.includes(FOREGROUND)
        ? 'Foreground'
        : item.object.metadata?.finalizers?.includes(ORPHAN)
          ? 'Orphan'
          : 'Background',
    )
  }

  /** `solid`: there and staying; `waiting`: going once its dependents are gone; `absent`. The graph may lag behind, so absence is checked live. */
  async #stateOf(owner: OwnerReference, item: Item): Promise<'solid' | 'waiting' | 'absent'> {
    const known = this.#items.get(owner.uid)
    const namespace = item.object.metadata?.namespace
    if (known !== undefined) {
      const foreign = known.object.metadata?.namespace !== undefined && known.object.metadata.namespace !== namespace
      if (foreign) return 'absent'
      const { deletionTimestamp, finalizers } = known.object.metadata ?? {}
      return deletionTimestamp !== undefined && finalizers?.includes(FOREGROUND) ? 'waiting' : 'solid'
    }
    const resource = allResources.find(
      (each) => each.kind === owner.kind && apiVersionOf(each) === owner.apiVersion && each.stored,
    )
    // An owner of a kind that is not served can't be proved absent.
    if (resource === undefined) return 'solid'
    const live = await this.#client().find(
      resource,
      objectKey(resource.scope === 'Namespaced' ? namespace : undefined, owner.name),
    )
    if (live?.metadata?.uid !== owner.uid) return 'absent'
    return live.metadata.deletionTimestamp !== undefined && live.metadata.finalizers?.includes(FOREGROUND) ? 'waiting' : 'solid'
  }

  #dependentsOf(uid: string): Item[] {
    return [...(this.#dependents.get(uid) ?? [])].map((each) => this.#items.get(each)).filter((item) => item !== undefined)
  }

  async #delete({ resource, object }: Item, propagationPolicy: 'Foreground' | 'Background' | 'Orphan'): Promise<void> {
    try {
      await this.#client().delete(resource, keyOf(object), {
        preconditions: { uid: object.metadata?.uid ?? '' },
        propagationPolicy,
      })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
  }

  async #patchOwners({ resource, object }: Item, ownerReferences: readonly OwnerReference[]): Promise<void> {
    const metadata = {
      uid: object.metadata?.uid,
      resourceVersion: object.metadata?.resourceVersion,
      ownerReferences: ownerReferences.length > 0 ? ownerReferences : null,
    }
    try {
      await this.#client().patch(resource, keyOf(object), { metadata }, { type: 'merge' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  async #removeFinalizer({ resource, object }: Item, finalizer: string): Promise<void> {
    try {
      const live = deepClone(await this.#client().get(resource, keyOf(object)))
      if (live.metadata?.uid !== object.metadata?.uid || !live.metadata?.finalizers?.includes(finalizer)) return
      live.metadata!.finalizers = live.metadata!.finalizers!.filter((each) => each !== finalizer)
      await this.#client().update(resource, live)
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  #client() {
    return this.#manager.clientFor('generic-garbage-collector')
  }
}
