import { allResources, isPodTerminal, type Namespace, namespaces, type Pod, pods, type ResourceDefinition } from '#api'
import { deepEqual } from '#base'
import { formatTime, isNotFound } from '#meta'
import { defineController, done, furtherKinds, type ReconcileContext, type Result, requeueAt, watch } from './framework/index.ts'

const FINALIZER = 'kubernetes'
/** How long the owners of finalizers are thought to need; pods need their grace. */
const FINALIZER_SECONDS = 15
/** What is gone soon is looked at again before its time, but not at once. */
const againAfterSeconds = (estimate: number): number => Math.floor(estimate / 2) + 1

interface Remaining {
  readonly resource: ResourceDefinition
  readonly count: number
  readonly finalizers: readonly string[]
  readonly estimateSeconds: number
}

interface Emptied {
  readonly remaining: readonly Remaining[]
  readonly errors: readonly unknown[]
  /** Group-versions of which nobody knows what they have in the namespace. */
  readonly unknown: ReadonlyMap<string, unknown>
}

/** Empties a namespace that is being deleted, pods first, and lets it go when nothing is left. */
export const namespaceController = defineController<Namespace>({
  name: 'namespace-controller',
  for: namespaces,
  // The last pod that goes is the sign to take the rest.
  watches: [
    watch(pods, ({ metadata }, { cache }) => {
      const name = metadata?.namespace ?? ''
      const isGoing = cache(namespaces).get(name)?.metadata?.deletionTimestamp !== undefined
      return isGoing && cache(pods).byIndex('namespace', name).length === 0 ? [name] : []
    }),
  ],
  prepare({ cache }) {
    cache(pods).addIndex('namespace', ({ metadata }) => [metadata?.namespace ?? ''])
  },
  async reconcile(context): Promise<Result> {
    const { key, cache, client, clock } = context
    const namespace = cache(namespaces).get(key)
    if (namespace?.metadata?.deletionTimestamp === undefined || !namespace.spec?.finalizers?.includes(FINALIZER)) return done
    const emptied = await empty(context, key)
    const { remaining, errors, unknown } = emptied
    await report(context, key, emptied)
    if (unknown.size > 0) throw new AggregateError(unknown.values(), unknownMessage(unknown))
    if (errors.length > 0) throw new AggregateError(errors, failureMessage(errors))
    if (remaining.length > 0) {
      const estimate = Math.max(...remaining.map(({ estimateSeconds }) => estimateSeconds))
      return requeueAt(clock.now() + againAfterSeconds(estimate) * 1000)
    }
    const live = await client.find(namespaces, key)
    if (live === undefined || live.metadata?.uid !== namespace.metadata.uid) return done
    const finalizers = (live.spec?.finalizers ?? []).filter((finalizer) => finalizer !== FINALIZER)
    try {
      await client.update(namespaces, { ...live, spec: { ...live.spec, finalizers } }, { subresource: 'finalize' })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
    return done
  },
})

/** Deletes what is there; resolves with what is still there afterwards, and with what went wrong. Pods go first: what they use must outlive them. */
async function empty(context: ReconcileContext, namespace: string): Promise<Emptied> {
  const { kinds, failures: unknown } = await furtherKinds(context.client, context.signal)
  const content = [...allResources, ...kinds].filter(
    ({ scope, stored, verbs, storage }) =>
      scope === 'Namespaced' && stored && storage === undefined && verbs.includes('list') && verbs.includes('delete'),
  )
  const [first, rest] = [
    content.filter((each) => each === (pods as unknown)),
    content.filter((each) => each !== (pods as unknown)),
  ]
  const remaining: Remaining[] = []
  const errors: unknown[] = []
  for (const stage of [first, rest]) {
    for (const resource of stage) {
      try {
        const left = await emptyOf(context, namespace, resource)
        if (left !== undefined) remaining.push(left)
      } catch (error) {
        errors.push(error)
      }
    }
    if (remaining.length > 0 || errors.length > 0) break
  }
  return { remaining, errors, unknown }
}

async function emptyOf(
  { client }: ReconcileContext,
  namespace: string,
  resource: ResourceDefinition,
): Promise<Remaining | undefined> {
  const before = await client.list(resource, { namespace })
  if (before.items.length === 0) return undefined
  if (resource.verbs.includes('deletecollection'))
    await client.deleteCollection(resource, { namespace, propagationPolicy: 'Background' })
  else for (const { metadata } of before.items) await client.delete(resource, `${namespace}/${metadata?.name}`)
  const { items } = await client.list(resource, { namespace })
  if (items.length === 0) return undefined
  const finalizers = items.flatMap(({ metadata }) => metadata?.finalizers ?? [])
  const grace = resource === (pods as unknown) ? Math.max(...(items as readonly Pod[]).map(graceSeconds)) : 0
  const estimateSeconds = Math.max(grace, finalizers.length > 0 ? FINALIZER_SECONDS : 0)
  return { resource, count: items.length, finalizers, estimateSeconds }
}

/** A pod that has ended needs no grace. */
const graceSeconds = (pod: Pod): number => (isPodTerminal(pod) ? 0 : (pod.spec?.terminationGracePeriodSeconds ?? 0))

const failureMessage = (errors: readonly unknown[]): string =>
  `Failed to delete all resource types, ${errors.length} remaining: ${errors.map((error) => (error as Error).message).join(', ')}`

const unknownMessage = (unknown: ReadonlyMap<string, unknown>): string =>
  `Discovery failed for some groups, ${unknown.size} failing: unable to retrieve the complete list of server APIs: ${[...unknown]
    .map(([groupVersion, error]) => `${groupVersion}: ${(error as Error).message}`)
    .sort()
    .join(', ')}`

async function report({ client, clock }: ReconcileContext, key: string, { remaining, errors, unknown }: Emptied): Promise<void> {
  const namespace = await client.find(namespaces, key)
  if (namespace === undefined) return
  const finalizers = new Map<string, number>()
  for (const name of remaining.flatMap((each) => each.finalizers)) finalizers.set(name, (finalizers.get(name) ?? 0) + 1)
  const named = ({ resource }: Remaining): string => `${resource.names.plural}.${resource.group}`
  const now = formatTime(clock.now())
  const wanted = [
    unknown.size > 0
      ? ['NamespaceDeletionDiscoveryFailure', 'True', 'DiscoveryFailed', unknownMessage(unknown)]
      : ['NamespaceDeletionDiscoveryFailure', 'False', 'ResourcesDiscovered', 'All resources successfully discovered'],
    ['NamespaceDeletionGroupVersionParsingFailure', 'False', 'ParsedGroupVersions', 'All legacy kube types successfully parsed'],
    errors.length > 0
      ? ['NamespaceDeletionContentFailure', 'True', 'ContentDeletionFailed', failureMessage(errors)]
      : [
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
          `Some resources are remaining: ${remaining
            .map((each) => `${named(each)} has ${each.count} resource instances`)
            .sort()
            .join(', ')}`,
        ]
      : ['NamespaceContentRemaining', 'False', 'ContentRemoved', 'All content successfully removed'],
    finalizers.size > 0
      ? [
          'NamespaceFinalizersRemaining',
          'True',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${[...finalizers]
            .map(([name, count]) => `${name} in ${count} resource instances`)
            .sort()
            .join(', ')}`,
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
