import {
  CUSTOM_RESOURCE_CLEANUP,
  type CustomResourceDefinition,
  type CustomResourceDefinitionCondition,
  customResourceDefinitions,
  type ResourceDefinition,
} from '#api'
import { type Clock, deepClone } from '#base'
import type { Client } from '#client'
import { formatTime, isConflict, isNotFound, type KubernetesObject } from '#meta'
import type { ResourceCatalog } from '../catalog.ts'
import { isConditionTrue, withCondition } from './conditions.ts'

export interface FinalizingDependencies {
  readonly client: Client
  readonly catalog: ResourceCatalog
  readonly clock: Clock
}

/** Whether a definition waits for its objects to go. */
export const isFinalizing = ({ metadata }: CustomResourceDefinition): boolean =>
  metadata?.deletionTimestamp !== undefined && metadata.finalizers?.includes(CUSTOM_RESOURCE_CLEANUP) === true

/** Deletes every object of a definition, waits until the last is gone, and lets the definition go. Throws what stands in the way. */
export async function finalize(
  crd: CustomResourceDefinition,
  dependencies: FinalizingDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { name = '', uid } = crd.metadata ?? {}
  const say = (condition: Omit<CustomResourceDefinitionCondition, 'type'>): Promise<void> =>
    setTerminating(name, condition, dependencies)
  if (!isConditionTrue(crd, 'Established')) {
    await say({ status: 'False', reason: 'NeverEstablished', message: 'resource was never established' })
  } else {
    await say({ status: 'True', reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' })
    try {
      await deleteObjects(crd, dependencies, signal)
    } catch (error) {
      if (signal.aborted) throw error
      const message = `could not issue all deletes: ${(error as Error).message}`
      await say({ status: 'True', reason: 'InstanceDeletionFailed', message })
      throw error
    }
    await say({ status: 'False', reason: 'InstanceDeletionCompleted', message: 'removed all instances' })
  }
  await withCurrent(name, dependencies, async (current) => {
    if (current.metadata?.uid !== uid) return
    const draft = deepClone(current)
    draft.metadata = {
      ...draft.metadata,
      finalizers: (draft.metadata?.finalizers ?? []).filter((each) => each !== CUSTOM_RESOURCE_CLEANUP),
    }
    await dependencies.client.update(customResourceDefinitions, draft)
  })
}

async function deleteObjects(
  crd: CustomResourceDefinition,
  { client, catalog }: FinalizingDependencies,
  signal: AbortSignal,
): Promise<void> {
  const resource = crd.spec.versions
    .map(({ name }) => catalog.find(crd.spec.group, name, crd.status?.acceptedNames?.plural ?? ''))
    .find((found) => found !== undefined)
  if (resource === undefined) return
  for (;;) {
    const { items, metadata } = await client.list(resource, { signal })
    if (items.length === 0) return
    const namespaces = resource.scope === 'Cluster' ? [undefined] : [...new Set(items.map((item) => item.metadata?.namespace))]
    for (const namespace of namespaces) await client.deleteCollection(resource, { namespace, signal })
    await emptied(client, resource, metadata.resourceVersion ?? '', new Set(items.map(uidOf)), signal)
  }
}

/** Resolves when the last of the objects is gone, or the watch ends and somebody should look again. */
async function emptied(
  client: Client,
  resource: ResourceDefinition,
  since: string,
  left: Set<string>,
  signal: AbortSignal,
): Promise<void> {
  for await (const { type, object } of client.watch(resource, { resourceVersion: since, signal })) {
    if (type === 'DELETED') left.delete(uidOf(object))
    if (left.size === 0) return
  }
  signal.throwIfAborted()
}

const uidOf = ({ metadata }: KubernetesObject): string => metadata?.uid ?? ''

const setTerminating = (
  name: string,
  condition: Omit<CustomResourceDefinitionCondition, 'type'>,
  dependencies: FinalizingDependencies,
): Promise<void> =>
  withCurrent(name, dependencies, async (current) => {
    const before = current.status ?? {}
    const status = withCondition(before, { ...condition, type: 'Terminating' }, formatTime(dependencies.clock.now()))
    if (status !== before) await dependencies.client.updateStatus(customResourceDefinitions, { ...current, status })
  })

/** Writes on top of the newest state; somebody else's write in between is no reason to start over. */
async function withCurrent(
  name: string,
  { client }: FinalizingDependencies,
  write: (current: CustomResourceDefinition) => Promise<void>,
): Promise<void> {
  for (;;) {
    const current = await client.find(customResourceDefinitions, name)
    if (current === undefined) return
    try {
      return await write(current)
    } catch (error) {
      if (isNotFound(error)) return
      if (!isConflict(error)) throw error
    }
  }
}
