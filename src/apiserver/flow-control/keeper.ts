import {
  type FlowSchema,
  type FlowSchemaCondition,
  flowSchemas,
  mandatoryFlowSchemas,
  mandatoryPriorityLevels,
  type PriorityLevelConfiguration,
  priorityLevelConfigurations,
  type ResourceDefinition,
} from '#api'
import { type Clock, deepClone, deepEqual, type Log, TaskGroup } from '#base'
import { type Client, WorkQueue } from '#client'
import { formatTime, isAlreadyExists, isConflict, isNotFound, type KubernetesObject } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { suggestedFlowSchemas, suggestedPriorityLevels } from './suggested.ts'

const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec'
/** Upstream's names for who writes the configuration, and who says what became of it. */
const PRODUCER = 'api-priority-and-fairness-config-producer-v1'
const CONSUMER = 'api-priority-and-fairness-config-consumer-v1'

/** Keys of schemas whose condition is to be looked at. */
const DANGLING = 'dangling/'

interface Wanted {
  readonly resource: ResourceDefinition
  readonly object: KubernetesObject & { readonly spec?: unknown }
  readonly isMandatory: boolean
}

const wantedOf = <T extends KubernetesObject & { spec?: unknown }>(
  resource: ResourceDefinition<T>,
  mandatory: readonly T[],
  suggested: readonly T[],
): Wanted[] =>
  [...mandatory, ...suggested].map((object) => ({
    resource: resource as unknown as ResourceDefinition,
    object,
    isMandatory: mandatory.includes(object),
  }))

const WANTED: ReadonlyMap<string, Wanted> = new Map(
  [
    ...wantedOf<PriorityLevelConfiguration>(priorityLevelConfigurations, mandatoryPriorityLevels, suggestedPriorityLevels),
    ...wantedOf<FlowSchema>(flowSchemas, mandatoryFlowSchemas, suggestedFlowSchemas),
  ].map((each) => [keyOf(each.resource, each.object), each]),
)

function keyOf(resource: ResourceDefinition, { metadata }: KubernetesObject): string {
  return `${resource.names.plural}/${metadata?.name}`
}

export interface KeeperDependencies {
  readonly client: Client
  readonly cache: WatchCache
  readonly clock: Clock
  readonly log: Log
}

export interface FlowControlKeeper extends AsyncDisposable {
  /** Resolves once every mandatory and suggested object was there. */
  readonly ensured: Promise<void>
}

/**
 * Keeps the mandatory objects as they must be, and the suggested ones as upstream suggests unless an administrator took them over: by the annotation, or, where that is missing, by having
 * changed their spec. Says on every FlowSchema whether its priority level exists.
 * https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#maintenance-of-the-mandatory-and-suggested-configuration-objects
 */
export function keepFlowControl(dependencies: KeeperDependencies): FlowControlKeeper {
  const { cache, clock, log } = dependencies
  const queue = new WorkQueue(clock)
  const tasks = new TaskGroup({ onError: (error) => log.error('Flow control is not kept any more', { error }) })
  const subscriptions = new DisposableStack()
  const keep = async (key: string): Promise<void> => {
    try {
      await reconcile(key, dependencies)
      queue.forget(key)
    } catch (error) {
      if (!isConflict(error)) log.warn('Flow control could not be kept', { key, error })
      queue.addRateLimited(key)
    }
  }
  const begin = async (): Promise<void> => {
    // All at once, since a store that syncs each write to disk takes as long for one as for many.
    await Promise.all([...WANTED.keys()].map(keep))
    await Promise.all(danglingKeys(cache).map(keep))
    follow(cache, queue, subscriptions)
    for (const key of [...WANTED.keys(), ...danglingKeys(cache)]) queue.add(key)
  }
  const ensured = begin()
  tasks.spawn(async () => {
    await ensured
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      await keep(key)
      queue.done(key)
    }
  })
  return {
    ensured,
    async [Symbol.asyncDispose]() {
      queue[Symbol.dispose]()
      await tasks[Symbol.asyncDispose]()
      subscriptions.dispose()
    },
  }
}

/** Every schema, or those that name one level. */
const danglingKeys = (cache: WatchCache, level?: string): string[] =>
  [...(cache.of(flowSchemas).objects() as Iterable<FlowSchema>)]
    .filter(({ spec }) => level === undefined || spec?.priorityLevelConfiguration?.name === level)
    .map(({ metadata }) => DANGLING + metadata?.name)

function follow(cache: WatchCache, queue: WorkQueue, subscriptions: DisposableStack): void {
  const changed = (resource: ResourceDefinition, object: KubernetesObject): void => {
    const key = keyOf(resource, object)
    if (WANTED.has(key)) queue.add(key)
  }
  subscriptions.use(
    cache.of(flowSchemas).subscribe(({ version }) => {
      changed(flowSchemas, version.object)
      queue.add(DANGLING + version.object.metadata?.name)
    }),
  )
  subscriptions.use(
    cache.of(priorityLevelConfigurations).subscribe(({ type, version }) => {
      changed(priorityLevelConfigurations, version.object)
      if (type !== 'MODIFIED') for (const key of danglingKeys(cache, version.object.metadata?.name ?? '')) queue.add(key)
    }),
  )
}

async function reconcile(key: string, dependencies: KeeperDependencies): Promise<void> {
  const wanted = WANTED.get(key)
  if (wanted !== undefined) await ensure(wanted, dependencies)
  else if (key.startsWith(DANGLING)) await tellDangling(key.slice(DANGLING.length), dependencies)
}

async function ensure({ resource, object, isMandatory }: Wanted, { client, cache }: KeeperDependencies): Promise<void> {
  const options = { fieldManager: PRODUCER }
  // What the cache has not seen yet refuses the write, and comes as an event, after which this is done again.
  const current = cache.of(resource).get(object.metadata?.name ?? '')?.object
  if (current === undefined) {
    const metadata = { ...object.metadata, annotations: { [AUTO_UPDATE]: 'true' } }
    try {
      await client.create(resource, { ...object, metadata }, options)
    } catch (error) {
      if (!isAlreadyExists(error)) throw error
    }
    return
  }
  const draft = deepClone(current) as Wanted['object'] & { spec?: unknown }
  const autoUpdate = isMandatory || isAutoUpdated(current)
  if (autoUpdate) draft.spec = keptSpec(draft, object)
  if (booleanOf(current.metadata?.annotations?.[AUTO_UPDATE]) !== autoUpdate) {
    draft.metadata = { ...draft.metadata, annotations: { ...draft.metadata?.annotations, [AUTO_UPDATE]: String(autoUpdate) } }
  }
  if (!deepEqual(draft, current)) await client.update(resource, draft, options)
}

/** What an exempt level takes from the others is the administrator's to say. */
function keptSpec({ spec }: { spec?: unknown }, wanted: Wanted['object']): unknown {
  const { exempt } = (spec ?? {}) as { exempt?: unknown }
  const fixed = deepClone(wanted.spec) as { exempt?: unknown }
  return fixed.exempt !== undefined && exempt !== undefined ? { ...fixed, exempt } : fixed
}

/** Without a word from an administrator, an object that was never changed is still ours. */
const isAutoUpdated = ({ metadata }: KubernetesObject): boolean =>
  booleanOf(metadata?.annotations?.[AUTO_UPDATE]) ?? metadata?.generation === 1

/** As Go reads truth. */
function booleanOf(text: string | undefined): boolean | undefined {
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text ?? '')) return true
  return ['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text ?? '') ? false : undefined
}

async function tellDangling(name: string, { client, cache, clock }: KeeperDependencies): Promise<void> {
  const schema = cache.of(flowSchemas).get(name)?.object as FlowSchema | undefined
  if (schema === undefined) return
  const level = schema.spec?.priorityLevelConfiguration?.name ?? ''
  const isThere = cache.of(priorityLevelConfigurations).get(level) !== undefined
  const told = schema.status?.conditions?.find(({ type }) => type === 'Dangling')
  const about = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`
  const condition: FlowSchemaCondition = {
    type: 'Dangling',
    status: isThere ? 'False' : 'True',
    reason: isThere ? 'Found' : 'NotFound',
    message: isThere ? `${about} and it exists` : `${about} but there is no such object`,
  }
  if (
    told !== undefined &&
    told.status === condition.status &&
    told.reason === condition.reason &&
    told.message === condition.message
  )
    return
  const unchanged = told?.status === condition.status ? told?.lastTransitionTime : undefined
  const status = { conditions: [{ ...condition, lastTransitionTime: unchanged ?? formatTime(clock.now()) }] }
  const body = { apiVersion: schema.apiVersion, kind: schema.kind, metadata: { name }, status }
  try {
    await client.patch(flowSchemas, name, body, { type: 'apply', force: true, fieldManager: CONSUMER, subresource: 'status' })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
