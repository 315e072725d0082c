import type { Findings, ResourceDefinition } from '#api'
import { type Answer, andThen, type Clock, deepClone, deepEqual, type Log, type Random } from '#base'
import {
  alreadyExists,
  conflict,
  type FieldError,
  forbidden,
  generateNameConflict,
  internalError,
  invalid,
  type KubernetesObject,
  notFound,
  OBJECT_MODIFIED,
  objectKey,
  type StatusError,
} from '#meta'
import { RevisionConflict, type Store } from '#store'
import { attributesOf, kindOf, type Write } from '../admission/attributes.ts'
import type { AdmissionChain } from '../admission/chain.ts'
import type { RequestContext } from '../context.ts'
import { type HookContext, hooks, nothingToDo, type WriteContext } from '../hooks/index.ts'
import { timed } from '../latencies.ts'
import { storageKey } from '../storage-keys.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { checkDeletePreconditions, type DeleteRequest, markDeleted, type Preconditions, setPropagation } from './deletion.ts'
import type { DropDisabled } from './disabled-fields.ts'
import { draftOf, shareUnchanged } from './draft.ts'
import type { FieldManagement } from './field-management.ts'
import { inStep } from './in-step.ts'
import {
  encodeForStore,
  type ObjectVersion,
  type StorageForm,
  shownAs,
  shownVersions,
  storageFormOf,
  versionOf,
} from './object-version.ts'
import { storedForm } from './stored-version.ts'
import {
  bumpGeneration,
  isolateSubresource,
  keepIdentity,
  keepSystemFields,
  prepareMetadata,
  settleSystemFields,
  setZeroFields,
} from './system-fields.ts'
import { validateCreate, validateImmutable, validateUpdate } from './validate-metadata.ts'

export interface RegistryOptions {
  readonly store: Store
  readonly storageForm: StorageForm
  readonly cache: WatchCache
  readonly admission: AdmissionChain
  readonly fields: FieldManagement
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Whether what is stored under a key would be encrypted otherwise now. */
  readonly isStale?: ((key: string) => Promise<boolean>) | undefined
  /** What allocations need; set once the server can call itself. */
  readonly hookContext: () => Omit<HookContext, 'dryRun'>
  /** Of features that are off. */
  readonly dropDisabled?: DropDisabled | undefined
}

export interface UpdateOptions {
  /** Makes the new object from the current one; may throw a Status. */
  readonly transform: (current: KubernetesObject) => Promise<KubernetesObject> | KubernetesObject
  readonly dryRun: boolean
  readonly subresource: string
  readonly preconditions?: Preconditions | undefined
  /** Skips admission, validation and field management: bookkeeping of the server itself. */
  readonly internal?: boolean
  /** The new object comes with its `managedFields` settled (server-side apply). */
  readonly applied?: boolean
  /** What admission is shown instead of the object, where the body is another kind (scale). */
  readonly view?: ObjectView
}

export interface ObjectView {
  of(object: KubernetesObject): KubernetesObject
  /** Takes over into the object what admission changed in the view. */
  take(view: KubernetesObject, object: KubernetesObject): void
}

export interface CreateOptions {
  readonly dryRun: boolean
  /** The draft was made for this create and may be changed. */
  readonly isOwnDraft?: boolean
  readonly applied?: boolean
  /** Whether the object may be created, of which the request's own verb says nothing; rejects when not. */
  readonly authorize?: (() => Promise<void>) | undefined
}

const GENERATE_NAME_TRIES = 8
/**
 * Serves every kind: the order of steps of each write is one function here, and what differs between kinds is their definition.
 * A write is answered when it is durable and visible in the watch cache.
 */
export class Registry {
  readonly #options: RegistryOptions

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  get cache(): WatchCache {
    return this.#options.cache
  }

  get fields(): FieldManagement {
    return this.#options.fields
  }

  /** The current version; 404 when there is none. */
  async get(resource: ResourceDefinition, namespace: string, name: string): Promise<ObjectVersion> {
    const { cache } = this.#options
    await cache.current()
    const key = keyIn(resource, namespace, name)
    await cache.settled(resource, key)
    return found(cache.of(resource).get(key), resource, name)
  }

  async create(context: RequestContext, draft: KubernetesObject, options: CreateOptions): Promise<ObjectVersion> {
    const { resource, info } = context
    const base = draft.metadata?.generateName
    for (let attempt = 1; ; attempt++) {
      // Another name may have to be generated, for what was sent.
      const object = options.isOwnDraft && !base ? draft : deepClone(draft)
      prepareMetadata(object, resource, info.namespace, this.#options)
      try {
        return await this.#createOnce(context, object, options)
      } catch (error) {
        const generated = Boolean(base) && !draft.metadata?.name
        if (!(error instanceof RevisionConflict)) throw error
        if (generated && attempt < GENERATE_NAME_TRIES) continue
        const name = object.metadata!.name!
        throw base ? generateNameConflict(resource, name) : this.#taken(resource, info.namespace, name)
      }
    }
  }

  async #createOnce(
    context: RequestContext,
    object: KubernetesObject,
    { dryRun, applied = false, authorize }: CreateOptions,
  ): Promise<ObjectVersion> {
    const { resource, info } = context
    const { admission, clock, fields } = this.#options
    resource.default(object, { isApplied: applied })
    await inStep
    if (!applied) fields.track(context, info.subresource, undefined, object)
    await inStep
    const name = object.metadata!.name ?? ''
    const identity = { ...object.metadata }
    const write = { operation: 'CREATE', subresource: info.subresource, name, object, oldObject: undefined, dryRun } as const
    const attributes = attributesOf(context, write)
    if (resource.custom?.isTerminating)
      throw forbidden(resource, name, 'create not allowed while custom resource definition is terminating')
    await admission.mutate(attributes)
    keepIdentity(object, identity, resource)
    resource.default(object, { isApplied: applied })
    await inStep
    setZeroFields(object, resource)
    await inStep
    // After admission, whose plugins may still change what this is computed from.
    resource.prepareForCreate(object, context.warnings)
    this.#options.dropDisabled?.(resource, object, undefined)
    if (draftHasName(object) && (await this.#isTaken(resource, keyIn(resource, info.namespace, name), dryRun))) {
      if (object.metadata!.generateName) throw new RevisionConflict(name, undefined)
      throw this.#taken(resource, info.namespace, name)
    }
    const hook = hookOf(resource)
    const transaction = hook === undefined ? nothingToDo : await hook.beginCreate(object, this.#writeContext(context, dryRun))
    try {
      await inStep
      const found: Findings = []
      validateCreate(object, resource, found)
      resource.validate(object, found, { nowMs: clock.now(), isNew: true })
      refuse(resource, name, found)
      await inStep
      resource.warnings(object, undefined, context.warnings)
      await authorize?.()
      await admission.validate(attributes)
      const version = await timed(context.audit, 'etcd', () => this.#put(context, object, 0, dryRun))
      await transaction.commit()
      return version
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }

  /** Who comes again will find a name free that is on its way out. */
  #taken(resource: ResourceDefinition, namespace: string, name: string): StatusError {
    const holder = this.cache.of(resource).get(keyIn(resource, namespace, name))?.object
    return alreadyExists(resource, name, holder?.metadata?.deletionTimestamp !== undefined)
  }

  /** A name that the cache does not know is judged by the store, at the write. One that it knows may be gone by another server's doing, and a dry run writes nothing: then the cache is asked when it has all. */
  #isTaken(resource: ResourceDefinition, key: string, dryRun: boolean): Answer<boolean> {
    const { cache } = this.#options
    const isCached = (): boolean => cache.of(resource).get(key) !== undefined
    if (!isCached() && !dryRun) return false
    return andThen(cache.current(), () => andThen(cache.settled(resource, key), isCached))
  }

  /** Read, change, write; again from the top when another writer came between, unless the caller named a revision. */
  async update(context: RequestContext, name: string, options: UpdateOptions): Promise<ObjectVersion> {
    const { resource, info } = context
    let current = await this.get(resource, info.namespace, name)
    for (;;) {
      checkPreconditions(resource, current.object, options.preconditions)
      try {
        return await this.#updateOnce(context, current, options)
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error
        if (error.current === undefined) throw notFound(resource, name)
        if (options.preconditions?.resourceVersion) throw conflict(resource, name, OBJECT_MODIFIED)
        current = await shown(resource, versionOf(current.key, error.current, this.cache.of(resource).resource))
      }
    }
  }

  async #updateOnce(context: RequestContext, current: ObjectVersion, options: UpdateOptions): Promise<ObjectVersion> {
    const { resource } = context
    const { admission, clock, fields } = this.#options
    const old = current.object
    const object = draftOf(await options.transform(old))
    const name = old.metadata!.name!
    keepSystemFields(object, old)
    resource.default(object, { isApplied: options.applied })
    if (options.internal) return this.#finishUpdate(context, object, current, options)
    await inStep
    if (!options.applied) fields.track(context, options.subresource, old, object)
    await inStep
    const { subresource, dryRun, view } = options
    const write = { operation: 'UPDATE', subresource, name, object, oldObject: old, dryRun } as const
    const attributes = attributesOf(context, view === undefined ? write : { ...write, ...viewed(write, view) })
    await admission.mutate(attributes)
    view?.take(attributes.object!, object)
    settleSystemFields(object, old)
    resource.default(object, { isApplied: options.applied })
    await inStep
    setZeroFields(object, resource)
    isolateSubresource(resource, object, old, options.subresource)
    if (options.subresource === '') {
      resource.prepareForUpdate(object, old)
      this.#options.dropDisabled?.(resource, object, old)
    } else if (options.subresource === 'status') resource.prepareForStatusUpdate(object, old)
    const main = options.subresource === ''
    const hook = main ? hookOf(resource) : undefined
    // A hook still changes what it allocates.
    if (hook === undefined) shareUnchanged(object, old, resource)
    bumpGeneration(resource, object, old)
    await inStep
    const transaction =
      hook === undefined ? nothingToDo : await hook.beginUpdate(object, old, this.#writeContext(context, options.dryRun))
    try {
      const nowMs = clock.now()
      const found: Findings = []
      validateUpdate(object, old, resource, found)
      if (main && !resource.ratchets) resource.validate(object, found, { nowMs, old })
      if (main) resource.validateUpdate(object, old, found, { nowMs })
      else if (options.subresource === 'status') resource.validateStatusUpdate(object, old, found, { nowMs })
      else resource.validateSubresourceUpdate(options.subresource, object, old, found, { nowMs })
      validateImmutable(object, old, resource, found)
      refuse(resource, name, found)
      if (main) resource.warnings(object, old, context.warnings)
      else if (options.subresource === 'status') resource.statusWarnings(object, context.warnings)
      await admission.validate(attributes)
      const version = await timed(context.audit, 'etcd', () => this.#finishUpdate(context, object, current, options))
      await transaction.commit()
      return version
    } catch (error) {
      await transaction.rollback()
      throw error
    }
  }

  async #finishUpdate(
    context: RequestContext,
    object: KubernetesObject,
    current: ObjectVersion,
    { dryRun }: UpdateOptions,
  ): Promise<ObjectVersion> {
    const { resource } = context
    // The last finalizer of an object that is being deleted takes the object with it.
    if (isReadyToGo(resource, object)) {
      const revision = await this.#remove(context, current, dryRun)
      return versionOf(current.key, { value: encodeForStore(object), revision: dryRun ? current.revision : revision })
    }
    if (isUnchanged(object, current.object) && !(await this.#isStale(resource, object, current))) return current
    return this.#put(context, object, current.revision, dryRun)
  }

  /** Deletes, or marks for deletion what has finalizers or a grace period. `gone`: it is no longer in the store. */
  async delete(
    context: RequestContext,
    name: string,
    options: DeleteRequest,
  ): Promise<{ readonly version: ObjectVersion; readonly gone: boolean }> {
    const { resource, info } = context
    let current = await this.get(resource, info.namespace, name)
    for (;;) {
      checkDeletePreconditions(resource, current.object, options.preconditions)
      await this.admit(context, {
        operation: 'DELETE',
        subresource: '',
        name,
        object: undefined,
        oldObject: current.object,
        dryRun: options.dryRun,
        options: shownOptions(options),
      })
      try {
        const found = current
        return await timed(context.audit, 'etcd', () => this.#deleteOnce(context, found, options))
      } catch (error) {
        if (!(error instanceof RevisionConflict)) throw error
        if (error.current === undefined) throw notFound(resource, name)
        if (options.preconditions?.resourceVersion) throw conflict(resource, name, OBJECT_MODIFIED)
        current = await shown(resource, versionOf(current.key, error.current, this.cache.of(resource).resource))
      }
    }
  }

  /** Admission of what is no write of an object's new state: deletes, bindings, evictions, tokens, streams. */
  async admit(context: RequestContext, write: Write): Promise<void> {
    const attributes = attributesOf(context, write)
    await this.#options.admission.mutate(attributes)
    await this.#options.admission.validate(attributes)
  }

  async #deleteOnce(
    context: RequestContext,
    current: ObjectVersion,
    options: DeleteRequest,
  ): Promise<{ version: ObjectVersion; gone: boolean }> {
    const { resource } = context
    const nowMs = this.#options.clock.now()
    const object = draftOf(current.object)
    const graceful = markDeleted(resource, object, options, nowMs)
    if (graceful === 'unchanged') return { version: current, gone: false }
    setPropagation(object, options.propagationPolicy, resource)
    resource.prepareForDelete(object)
    if (graceful === 'pending' || object.metadata!.finalizers?.length || resource.blocksDeletion(object)) {
      if (deepEqual(object, current.object)) return { version: current, gone: false }
      return { version: await this.#put(context, object, current.revision, options.dryRun), gone: false }
    }
    await this.#remove(context, current, options.dryRun)
    return { version: current, gone: true }
  }

  async #put(context: RequestContext, object: KubernetesObject, expected: number, dryRun: boolean): Promise<ObjectVersion> {
    const { store, cache } = this.#options
    const { resource } = context
    const { namespace, name = '' } = object.metadata ?? {}
    const key = storageKey(resource, namespace, name)
    const { custom } = resource
    const form = storageFormOf(resource, this.#options.storageForm)
    await inStep
    const stored = await storedForm(resource, object)
    const value = encodeForStore(stored, form)
    // What comes back is what was stored, converted by whoever converts, not what was sent.
    const isConverted = custom !== undefined && custom.storedVersion !== resource.version
    const [shownObject = object] = isConverted ? await custom.show([stored]) : []
    const versionAt = (revision: number): ObjectVersion =>
      custom === undefined && revision > 0
        ? versionOf(keyIn(resource, namespace, name), { value, revision }, cache.of(resource).resource)
        : shownAs(keyIn(resource, namespace, name), revision, shownObject)
    if (dryRun) return versionAt(expected)
    await inStep
    context.fence?.()
    const revision = await store.put(key, value, { expected, ttlSeconds: resource.ttlSeconds })
    await cache.reached(revision)
    const cached = custom === undefined ? cache.of(resource).get(keyIn(resource, namespace, name)) : undefined
    return cached?.revision === revision ? cached : versionAt(revision)
  }

  /**
   * Whether the store has an object that reads the same in another form: of another version, without a default that was added since, or encrypted with another
   * key than the one that writes now.
   */
  async #isStale(resource: ResourceDefinition, object: KubernetesObject, current: ObjectVersion): Promise<boolean> {
    const { custom } = resource
    const { stored } = current
    const isStoredAsShown = custom === undefined && stored === current.object
    if (!isStoredAsShown && !isUnchanged(await storedForm(resource, object), stored)) return true
    const { namespace, name = '' } = object.metadata ?? {}
    return (await this.#options.isStale?.(storageKey(resource, namespace, name))) ?? false
  }

  async #remove(context: RequestContext, current: ObjectVersion, dryRun: boolean): Promise<number> {
    const { store, cache } = this.#options
    const { resource } = context
    if (dryRun) return current.revision
    const { namespace, name = '' } = current.object.metadata ?? {}
    context.fence?.()
    const revision = await store.delete(storageKey(resource, namespace, name), current.revision)
    await cache.reached(revision)
    await hookOf(resource)?.afterDelete(current.object, { ...this.#options.hookContext(), dryRun })
    return revision
  }

  #writeContext({ user }: RequestContext, dryRun: boolean): WriteContext {
    return { ...this.#options.hookContext(), user, dryRun }
  }
}

const hookOf = (resource: ResourceDefinition): (typeof hooks)[number] | undefined =>
  hooks.find((each) => each.resource === resource)

/** The version that is to be read. Throws 404 when there is none, 500 when it can't be read. */
export function found(version: ObjectVersion | undefined, resource: ResourceDefinition, name: string): ObjectVersion {
  if (version === undefined) throw notFound(resource, name)
  if (version.problem !== undefined) throw internalError(version.problem)
  return version
}

export const keyIn = (resource: ResourceDefinition, namespace: string | undefined, name: string): string =>
  objectKey(resource.scope === 'Namespaced' ? namespace : undefined, name)

async function shown(resource: ResourceDefinition, version: ObjectVersion): Promise<ObjectVersion> {
  const [one] = await shownVersions(resource, [version])
  return one!
}

function viewed(write: Write, view: ObjectView): Pick<Write, 'object' | 'oldObject' | 'kind'> {
  const object = view.of(write.object!)
  return { object, oldObject: view.of(write.oldObject!), kind: kindOf(object) }
}

const shownOptions = ({ gracePeriodSeconds, propagationPolicy, preconditions }: DeleteRequest): Record<string, unknown> => ({
  ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
  ...(propagationPolicy !== undefined && { propagationPolicy }),
  ...(preconditions !== undefined && { preconditions }),
})

const draftHasName = (object: KubernetesObject): boolean => Boolean(object.metadata?.name)

/** A write that changed nothing but the times of managers is none. */
function isUnchanged(object: KubernetesObject, old: KubernetesObject): boolean {
  const comparable = ({ metadata, ...rest }: KubernetesObject): unknown => {
    const { resourceVersion: _, managedFields, ...meta } = metadata ?? {}
    return { ...rest, meta, managedFields: managedFields?.map((entry) => ({ ...entry, time: undefined })) }
  }
  return deepEqual(comparable(object), comparable(old))
}

function refuse(resource: ResourceDefinition, name: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(resource, name, errors)
}

/** What a write asks of the object that it finds. Throws 409. */
export function checkPreconditions(
  resource: ResourceDefinition,
  object: KubernetesObject,
  preconditions: Preconditions | undefined,
): void {
  const { uid = '', resourceVersion, namespace, name = '' } = object.metadata ?? {}
  if (preconditions?.uid && preconditions.uid !== uid) {
    const key = storageKey(resource, namespace, name)
    const why = `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`
    throw conflict(
      resource,
      name,
      `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${why}`,
    )
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion)
    throw conflict(resource, name, OBJECT_MODIFIED)
}

const isReadyToGo = (resource: ResourceDefinition, object: KubernetesObject): boolean => {
  const { deletionTimestamp, deletionGracePeriodSeconds, finalizers } = object.metadata ?? {}
  return deletionTimestamp !== undefined && !deletionGracePeriodSeconds && !finalizers?.length && !resource.blocksDeletion(object)
}
