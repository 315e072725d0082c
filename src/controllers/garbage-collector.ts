import { allResources, type ResourceDefinition } from '#api'
import { deepClone, TaskGroup } from '#base'
import { EventRecorder, type EventSink, WorkQueue } from '#client'
import {
  apiVersionOf,
  isConflict,
  isNotFound,
  isNotServed,
  type KubernetesObject,
  keyOf,
  type OwnerReference,
  objectKey,
  parseApiVersion,
} from '#meta'
import { followFurtherKinds, type KindFollower, type ManagerContext } from './framework/index.ts'

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'
const WORKERS = 5

interface Item {
  readonly resource: ResourceDefinition
  readonly object: KubernetesObject
}

/** `solid`: there and staying; `waiting`: going once its dependents are gone. */
type OwnerState = 'solid' | 'waiting' | 'absent'

const isDeletingDependents = ({ metadata }: KubernetesObject): boolean =>
  metadata?.deletionTimestamp !== undefined && (metadata.finalizers?.includes(FOREGROUND) ?? false)

/**
 * Deletes what nobody owns any more, and carries out foreground and orphaning deletions
 * (https://kubernetes.io/docs/concepts/architecture/garbage-collection/). Follows every kind that can be deleted.
 */
export async function garbageCollector(manager: ManagerContext): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { clock, random, log } = manager
  const client = manager.clientFor('generic-garbage-collector')
  const recorder = stack.use(new EventRecorder({ client, clock, random, log, component: 'garbage-collector-controller' }))
  const collector = new Collector(manager, recorder)
  stack.use(collector.queue)
  const resources = allResources.filter(
    ({ stored, storage, verbs, names }) =>
      stored && storage === undefined && verbs.includes('delete') && verbs.includes('watch') && names.plural !== 'events',
  )
  for (const resource of resources) {
    const informer = manager.informers.for(resource)
    stack.use(informer.onChange(({ before, after }) => collector.changed(resource, before, after)))
  }
  const ownLog = log.child({ controller: 'generic-garbage-collector' })
  stack.use(followFurtherKinds({ informers: manager.informers, client, clock, random, log: ownLog }, collector))
  const tasks = stack.use(new TaskGroup({ onError: (error) => ownLog.error('A garbage collector worker stopped', { error }) }))
  await manager.informers.synced(tasks.signal)
  for (let worker = 0; worker < WORKERS; worker++) tasks.spawn((signal) => collector.work(signal))
  stack.defer(() => collector.queue[Symbol.dispose]())
  return stack.move()
}

class Collector implements KindFollower {
  readonly queue: WorkQueue
  readonly #manager: ManagerContext
  readonly #recorder: EventSink
  readonly #items = new Map<string, Item>()
  readonly #dependents = new Map<string, Set<string>>()
  #furtherKinds: readonly ResourceDefinition[] = []

  constructor(manager: ManagerContext, recorder: EventSink) {
    this.#manager = manager
    this.#recorder = recorder
    this.queue = new WorkQueue(manager.clock)
  }

  changed(resource: ResourceDefinition, before: KubernetesObject | undefined, after: KubernetesObject | undefined): void {
    const uid = (after ?? before)?.metadata?.uid ?? ''
    const owners = [...(before?.metadata?.ownerReferences ?? []), ...(after?.metadata?.ownerReferences ?? [])]
    for (const owner of owners) this.#dependents.get(owner.uid)?.delete(uid)
    if (after === undefined) {
      this.#items.delete(uid)
      // What it owned may now go.
      for (const dependent of this.#dependents.get(uid) ?? []) this.queue.add(dependent)
    } else {
      this.#items.set(uid, { resource, object: after })
      for (const owner of after.metadata?.ownerReferences ?? []) {
        const set = this.#dependents.get(owner.uid) ?? new Set()
        this.#dependents.set(owner.uid, set.add(uid))
      }
      if (owners.length > 0 || after.metadata?.deletionTimestamp !== undefined) this.queue.add(uid)
    }
    for (const owner of owners) {
      if (this.#dependents.get(owner.uid)?.size === 0) this.#dependents.delete(owner.uid)
      // An owner that is going may have waited for this: gone, told to go, or let loose.
      if (this.#items.get(owner.uid)?.object.metadata?.deletionTimestamp !== undefined) this.queue.add(owner.uid)
    }
  }

  /** From now on these are known as kinds of owners; what has such owners is looked at again. */
  served(kinds: readonly ResourceDefinition[]): void {
    const isNew = (apiVersion: string, kind: string): boolean => {
      const { group } = parseApiVersion(apiVersion)
      const has = (known: readonly ResourceDefinition[]): boolean =>
        known.some((each) => each.group === group && each.kind === kind)
      return has(kinds) && !has(this.#furtherKinds)
    }
    const affected = [...this.#items].filter(([, { object }]) =>
      object.metadata?.ownerReferences?.some(({ apiVersion, kind }) => isNew(apiVersion, kind)),
    )
    this.#furtherKinds = kinds
    for (const [uid] of affected) this.queue.add(uid)
  }

  /** Of a kind that is not served any more there is nothing. */
  forget(resource: ResourceDefinition): void {
    for (const item of this.#items.values()) if (item.resource === resource) this.changed(resource, item.object, undefined)
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
    for (const { object } of blocking) if (!isDeletingDependents(object)) this.queue.add(object.metadata?.uid ?? '')
  }

  /** Deletes an object none of whose owners is there; drops owners that are gone or going while another holds it. */
  async #collect(item: Item): Promise<void> {
    const { states, owners } = await this.#ownersOf(item)
    if (owners.length === 0 || states.every((state) => state === 'solid')) return
    // The cache may not know of an owner that was added since, so what is done rests on a live read.
    const object = await this.#client().find(item.resource, keyOf(item.object))
    if (object?.metadata?.uid !== item.object.metadata?.uid || object?.metadata?.deletionTimestamp !== undefined) return
    const live = { resource: item.resource, object: object! }
    const { states: now, owners: held } = await this.#ownersOf(live)
    const solid = held.filter((_, index) => now[index] === 'solid')
    if (solid.length > 0 || held.length === 0) {
      if (solid.length < held.length) await this.#patchOwners(live, solid)
      return
    }
    const dependents = this.#dependentsOf(object?.metadata?.uid ?? '')
    if (now.includes('waiting') && dependents.length > 0) {
      // In a circle everybody waits for everybody; one that does not block its owner breaks it.
      if (
        dependents.some((each) => isDeletingDependents(each.object)) &&
        held.some(({ blockOwnerDeletion }) => blockOwnerDeletion)
      ) {
        await this.#patchOwners(
          live,
          held.map((owner) => ({ ...owner, blockOwnerDeletion: false })),
        )
        return
      }
      await this.#delete(live, 'Foreground')
      return
    }
    const finalizers = object?.metadata?.finalizers ?? []
    await this.#delete(
      live,
      finalizers.includes(ORPHAN) ? 'Orphan' : finalizers.includes(FOREGROUND) ? 'Foreground' : 'Background',
    )
  }

  async #ownersOf(item: Item): Promise<{ readonly owners: readonly OwnerReference[]; readonly states: readonly OwnerState[] }> {
    const owners = item.object.metadata?.ownerReferences ?? []
    return { owners, states: await Promise.all(owners.map((owner) => this.#stateOf(owner, item))) }
  }

  /** The graph may lag behind or name another object, so absence is checked live, at the place that the reference names. */
  async #stateOf(owner: OwnerReference, item: Item): Promise<OwnerState> {
    const namespace = item.object.metadata?.namespace
    const resource =
      allResources.find((each) => each.kind === owner.kind && apiVersionOf(each) === owner.apiVersion && each.stored) ??
      this.#furtherKinds.find((each) => each.kind === owner.kind && each.group === parseApiVersion(owner.apiVersion).group)
    // An owner of a kind that is not served can't be proved absent.
    if (resource === undefined) return 'solid'
    const isNamespaced = resource.scope === 'Namespaced'
    const known = this.#items.get(owner.uid)
    const isForeign = isNamespaced && known !== undefined && known.object.metadata?.namespace !== namespace
    if (isForeign || (isNamespaced && namespace === undefined)) this.#reportForeignOwner(owner, item)
    // What belongs to no namespace can't belong to something inside one; it is never collected for that.
    if (isNamespaced && namespace === undefined) return 'solid'
    const isMeant = known?.resource === resource && known.object.metadata?.name === owner.name && !isForeign
    if (isMeant) return isDeletingDependents(known!.object) ? 'waiting' : 'solid'
    const key = objectKey(isNamespaced ? namespace : undefined, owner.name)
    const live = await this.#client()
      .get(resource, key)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error
        return isNotServed(error) ? 'not served' : undefined
      })
    if (live === 'not served') return 'solid'
    if (live?.metadata?.uid !== owner.uid) return 'absent'
    return isDeletingDependents(live) ? 'waiting' : 'solid'
  }

  #reportForeignOwner({ apiVersion, kind, name, uid }: OwnerReference, { object }: Item): void {
    const { namespace = '' } = object.metadata ?? {}
    const reference = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`
    const message = `ownerRef ${reference} does not exist in namespace "${namespace}"`
    this.#recorder.event(object, 'Warning', 'OwnerRefInvalidNamespace', message)
  }

  #dependentsOf(uid: string): Item[] {
    return [...(this.#dependents.get(uid) ?? [])].map((each) => this.#items.get(each)).filter((item) => item !== undefined)
  }

  async #delete({ resource, object }: Item, propagationPolicy: 'Foreground' | 'Background' | 'Orphan'): Promise<void> {
    try {
      await this.#client().delete(resource, keyOf(object), {
        preconditions: {
          uid: object.metadata?.uid ?? '',
          // Whatever has changed since the look at its owners calls for another look.
          ...(object.metadata?.resourceVersion !== undefined && { resourceVersion: object.metadata.resourceVersion }),
        },
        propagationPolicy,
      })
    } catch (error) {
      if (!isNotFound(error)) throw error
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
