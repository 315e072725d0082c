import type { ResourceDefinition } from '#api'
import { type Clock, type FeatureGates, type Log, type Random, TaskGroup } from '#base'
import { type Client, EventRecorder, type EventSink, type Informer, type Informers, WorkQueue } from '#client'
import { isConflict, type KubernetesObject, keyOf, type ObjectKey } from '#meta'
import { Expectations } from './expectations.ts'

/** What a reconcile wants next. */
export type Result = { readonly requeueAtMs?: number }

export const done: Result = {}
export const requeueAt = (atMs: number): Result => ({ requeueAtMs: atMs })

/** What every controller of a manager shares. */
export interface ManagerContext {
  readonly informers: Informers
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  clientFor(serviceAccountName: string): Client
  readonly features: FeatureGates
  /** PEM of what clients trust (root-ca-cert-publisher). */
  readonly rootCA: string
  /** Where pods get their addresses from (node IPAM): a range, or one of each family by a comma; empty: nodes get none. */
  readonly clusterCIDR: string
  /** Prefix lengths of the ranges that nodes get; 24 and 64 unless said. */
  readonly nodeMaskSizes?: Readonly<Record<'IPv4' | 'IPv6', number>> | undefined
  /** What certificates are issued with; without it none are. */
  readonly signing?: Signing | undefined
  /** The controller manager itself, whose own rights some need, as upstream. */
  readonly reader: Client
  /** How long a token that was made by itself may be unused until it is marked as invalid, and from then on until it is deleted; a year unless said. */
  readonly legacyTokenPeriodMs?: number | undefined
  /** Signs the claims of a service-account token; without it no Secret gets one. */
  readonly signToken?: ((claims: Readonly<Record<string, unknown>>) => Promise<string>) | undefined
}

export interface Signing {
  /** Certificate and private key (PEM) of the authority of each signer (`kubernetes.io/kubelet-serving`). */
  readonly authorities: Readonly<Record<string, { readonly certificate: string; readonly key: string }>>
  /** The longest that a certificate lives. */
  readonly durationMs: number
}

/** What one reconcile is given. */
export interface ReconcileContext {
  readonly key: ObjectKey
  readonly client: Client
  readonly recorder: EventSink
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly signal: AbortSignal
  /** Of this controller: what it asked for and has not seen yet. */
  readonly expectations: Expectations
  /** Times that this controller remembers between reconciles; lost with the process, so nothing may depend on them but patience. */
  readonly memory: Map<string, number>
  cache<T extends KubernetesObject>(resource: ResourceDefinition<T>): Informer<T>
}

export interface Watch<T extends KubernetesObject> {
  readonly resource: ResourceDefinition<T>
  /** Keys that a change of an object of this kind gives work for. */
  keys(
    object: T,
    context: { cache<U extends KubernetesObject>(resource: ResourceDefinition<U>): Informer<U> },
  ): Iterable<ObjectKey>
}

/**
 * A level-triggered controller: `reconcile` reads all, computes what should be, and writes the difference. It runs for one key at a time, never twice at once,
 * and again after a failure with growing delay.
 */
export interface ControllerDefinition {
  /** Its service account in kube-system. */
  readonly name: string
  /** As `--controllers` names it. */
  readonly flag: string
  /** Whether `*` of `--controllers` means it, too. */
  readonly isOnByDefault: boolean
  readonly for: ResourceDefinition
  readonly watches: readonly Watch<KubernetesObject>[]
  readonly workers: number
  /** Kinds it reads that give it no work of their own. */
  readonly reads: readonly ResourceDefinition[]
  /** Runs once, before the first reconcile; indexes are added here. */
  prepare(context: Pick<ReconcileContext, 'cache'>): void
  reconcile(context: ReconcileContext, manager: ManagerContext): Promise<Result>
}

export interface ControllerInput<T extends KubernetesObject> {
  readonly name: string
  /** As `--controllers` names it, where that is not the service account's name. */
  readonly flag?: string
  /** False for what upstream runs only when it is asked to by name. */
  readonly isOnByDefault?: boolean
  readonly for: ResourceDefinition<T>
  readonly watches?: readonly Watch<never>[]
  readonly reads?: readonly ResourceDefinition<never>[]
  readonly workers?: number
  prepare?(context: Pick<ReconcileContext, 'cache'>): void
  reconcile(context: ReconcileContext, manager: ManagerContext): Promise<Result>
}

const WORKERS = 5

export function defineController<T extends KubernetesObject>(input: ControllerInput<T>): ControllerDefinition {
  return {
    name: input.name,
    flag: input.flag ?? input.name,
    isOnByDefault: input.isOnByDefault ?? true,
    for: input.for as unknown as ResourceDefinition,
    watches: (input.watches ?? []) as unknown as readonly Watch<KubernetesObject>[],
    reads: (input.reads ?? []) as unknown as readonly ResourceDefinition[],
    workers: input.workers ?? WORKERS,
    prepare: (context) => input.prepare?.(context),
    reconcile: (context, manager) => input.reconcile(context, manager),
  }
}

/** Types a watch by its resource. */
export const watch = <T extends KubernetesObject>(resource: ResourceDefinition<T>, keys: Watch<T>['keys']): Watch<never> =>
  ({ resource, keys }) as unknown as Watch<never>

/** Starts one controller; it is running when this resolves and stops when it is disposed. */
export async function startController(definition: ControllerDefinition, manager: ManagerContext): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { informers, clock, random } = manager
  const log = manager.log.child({ controller: definition.name })
  const client = manager.clientFor(definition.name)
  const recorder = stack.use(new EventRecorder({ client, clock, random, log, component: definition.name }))
  const cache = <T extends KubernetesObject>(resource: ResourceDefinition<T>): Informer<T> => informers.for(resource)
  definition.prepare({ cache })
  for (const resource of definition.reads) cache(resource)
  const queue = stack.use(new WorkQueue(clock))
  const expectations = new Expectations(() => clock.now())
  stack.use(cache(definition.for).onChange(({ before, after }) => queue.add(keyOf((after ?? before)!))))
  for (const { resource, keys } of definition.watches) {
    const handler = ({
      before,
      after,
    }: {
      readonly before?: KubernetesObject | undefined
      readonly after?: KubernetesObject | undefined
    }): void => {
      for (const object of [before, after]) {
        if (object === undefined) continue
        for (const key of keys(object, { cache })) {
          expectations.seen(key, object, after === undefined)
          queue.add(key)
        }
      }
    }
    stack.use(cache(resource).onChange(handler))
  }
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('A controller worker stopped', { error }) }))
  await informers.synced(tasks.signal)
  const context = { client, recorder, clock, random, log, cache, expectations, memory: new Map<string, number>() }
  for (let worker = 0; worker < definition.workers; worker++)
    tasks.spawn((signal) => work(definition, manager, queue, { ...context, signal }))
  // Workers that wait for keys end with the queue.
  stack.defer(() => queue[Symbol.dispose]())
  return stack.move()
}

async function work(
  definition: ControllerDefinition,
  manager: ManagerContext,
  queue: WorkQueue,
  context: Omit<ReconcileContext, 'key'>,
): Promise<void> {
  for (;;) {
    const key = await queue.take()
    if (key === undefined || context.signal.aborted) return
    try {
      const { requeueAtMs } = await definition.reconcile({ ...context, key }, manager)
      queue.forget(key)
      if (requeueAtMs !== undefined) queue.addAfter(key, requeueAtMs - context.clock.now())
    } catch (error) {
      if (context.signal.aborted) return
      // A conflict is the sign of a cache that lags behind, not of anything wrong.
      if (!isConflict(error)) context.log.warn('A reconcile failed and is tried again', { key, error })
      queue.addRateLimited(key)
    } finally {
      queue.done(key)
    }
  }
}
