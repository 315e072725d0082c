import { allResources, type Namespace, namespaces, pods, type ResourceDefinition } from '#api'
import { deepEqual } from '#base'
import { formatTime, isNotFound } from '#meta'
import { defineController, done, type ReconcileContext, type Result, requeueAt } from './framework/index.ts'

const FINALIZER = 'kubernetes'
/** How long until the content is looked at again while something holds on to it; its own deletion gives no sign here. */
const RETRY_MS = 1_000

interface Remaining {
  readonly resource: ResourceDefinition
  readonly count: number
  readonly finalizers: readonly string[]
}

/** Empties a namespace that is being deleted, pods first, and lets it go when nothing is left. */
export const namespaceController = defineController<Namespace>({
  name: 'namespace-controller',
  for: namespaces,
  async reconcile(context): Promise<Result> {
    const { key, cache, client } = context
    const namespace = cache(namespaces).get(key)
    if (namespace?.metadata?.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(FINALIZER)) return done
    const remaining = await empty(context, key)
    await report(context, namespace, remaining)
    if (remaining.length > 0) return requeueAt(context.clock.now() + RETRY_MS)
    const live = await client.find(namespaces, key)
    if (live === undefined) return done
    const finalizers = (live.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
    try {
      await client.update(namespaces, { ...live, spec: { ...live.spec, finalizers } }, { subresource: 'finalize' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return done
  },
})

/** Deletes what is there; resolves with what is still there afterwards. */
async function empty({ client }: ReconcileContext, namespace: string): Promise<Remaining[]> {
  const content = allResources.filter(
    ({ scope, stored, verbs, storage }) =>
      scope === 'Namespaced' && stored && storage === undefined && verbs.includes('list') && verbs.includes('delete'),
  )
  const remaining: Remaining[] = []
  // Pods first: what they use must outlive them.
  const ordered = [...content].sort((a, b) => Number(b === (pods as unknown)) - Number(a === (pods as unknown)))
  for (const resource of ordered) {
    const before = await client.list(resource, { namespace })
    if (before.items.length === 0) continue
    if (resource.verbs.includes('deletecollection'))
      await client.deleteCollection(resource, { namespace, propagationPolicy: 'Background' })
    else for (const { metadata } of before.items) await client.delete(resource, `${namespace}/${metadata?.name}`)
    const { items } = await client.list(resource, { namespace })
    if (items.length > 0)
      remaining.push({ resource, count: items.length, finalizers: items.flatMap(({ metadata }) => metadata?.finalizers ?? []) })
    if (resource === (pods as unknown) && items.length > 0) break
  }
  return remaining
}

async function report({ client, clock }: ReconcileContext, namespace: Namespace, remaining: readonly Remaining[]): Promise<void> {
  const finalizers = new Map<string, number>()
  for (const name of remaining.flatMap((each) => each.finalizers)) finalizers.set(name, (finalizers.get(name) ?? 0) + 1)
  const named = ({ resource }: Remaining): string => `${resource.names.plural}.${resource.group}`
  const now = formatTime(clock.now())
  const wanted = [
    ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    [
      'NamespaceDeletionContentFailure',
      'False',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ],
    remaining.length > 0
      ? [
          'NamespaceContentRemaining',
          'True',
          'SomeResourcesRemain',
          `Some resources are remaining: ${remaining.map((each) => `${named(each)} has ${each.count} resource instances`).join(', ')}`,
        ]
      : ['NamespaceContentRemaining', 'False', 'ContentRemoved', 'All content successfully removed'],
    finalizers.size > 0
      ? [
          'NamespaceFinalizersRemaining',
          'True',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${[...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).join(', ')}`,
        ]
      : ['NamespaceFinalizersRemaining', 'False', 'ContentHasNoFinalizers', 'All content-preserving finalizers finished'],
  ] as const
  const conditions = wanted.map(([type, status, reason, message]) => {
    const before = namespace.status?.conditions?.find((condition) => condition.type === type)
    return {
      type,
      status,
      reason,
      message,
      lastTransitionTime: before?.status === status && before.lastTransitionTime ? before.lastTransitionTime : now,
    }
  })
  if (deepEqual(conditions, namespace.status?.conditions)) return
  try {
    await client.updateStatus(namespaces, { ...namespace, status: { ...namespace.status, conditions } })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
