import type { PersistentVolumeClaim, Pod, ResourceDefinition } from '#api'
import type { Random } from '#base'
import type { Client, ObjectChange, Source, Sources } from '#client'
import type { KubernetesObject, ObjectKey, ResourceName } from '#meta'
import type { Filters, Ruling } from './framework.ts'
import type { NodeInfo } from './node-info.ts'
import type { PodInfo } from './pod-info.ts'
import type { Snapshot } from './snapshot.ts'
import type { Rejection, Skip, Verdict } from './verdict.ts'

export const SCORE_MAX = 100

/** One attempt to place one pod, as plugins see it. The snapshot does not change while an attempt runs. */
export interface Cycle {
  readonly pod: Pod
  readonly info: PodInfo
  readonly snapshot: Snapshot
}

export type PreFiltered<F> =
  | Skip
  | Rejection
  /** `nodeNames` limits the search to those nodes. */
  | { readonly kind: 'state'; readonly state: F; readonly nodeNames?: ReadonlySet<string> | undefined }

export type PreScored<S> = Skip | { readonly kind: 'state'; readonly state: S }

/**
 * Keeps a plugin's filter state right while pods are put on and taken off a node in thought: preemption asks
 * "what if these were gone", nominated pods ask "what if they were here".
 */
export interface WhatIf<F> {
  clone(state: F): F
  add(state: F, cycle: Cycle, other: PodInfo, node: NodeInfo): void
  remove(state: F, cycle: Cycle, other: PodInfo, node: NodeInfo): void
}

export type Change<T> = ObjectChange<T>

/** A change of the cluster after which a pod that the plugin rejected deserves another attempt. */
export interface RequeueRule {
  readonly resource: ResourceName
  /** The source of these changes. */
  readonly source: (sources: Sources) => Source<KubernetesObject>
  readonly when: (change: Change<KubernetesObject>, pod: Pod) => boolean
}

export interface BindContext {
  readonly client: Client
  readonly signal: AbortSignal
  readonly snapshot: Snapshot
  /** Resolves once the claim is as wanted; rejects when it is gone or that takes too long. */
  readonly untilClaim: (key: ObjectKey, wanted: (claim: PersistentVolumeClaim) => boolean, signal: AbortSignal) => Promise<void>
}

export type PostFiltered =
  /** Once the victims are gone this node should do. */
  | { readonly kind: 'nominated'; readonly nodeName: string; readonly victims: readonly Pod[] }
  | { readonly kind: 'rejected'; readonly message: string }

export interface PostFilterContext {
  readonly cycle: Cycle
  readonly random: Random
  /** Why the pod does not fit on this node. */
  readonly rulingOn: (nodeName: string) => Ruling | undefined
  /** Absent when no node was looked at. */
  readonly filters: Filters | undefined
  /** Runs filters, minding the pods nominated to the node. */
  readonly check: (filters: Filters, node: NodeInfo) => Ruling | undefined
}

/**
 * A rule of scheduling. Every extension point is optional; they run in the order below. Up to `score` everything is
 * synchronous and free of effects, so that one attempt sees one state of the cluster.
 */
export interface Plugin<F = unknown, S = unknown> {
  readonly name: string
  /** Keeps a pod out of the queue. */
  readonly preEnqueue?: (pod: Pod) => Verdict
  readonly preFilter?: (pod: Pod, cycle: Cycle) => PreFiltered<F>
  readonly whatIf?: WhatIf<F>
  readonly filter?: (pod: Pod, node: NodeInfo, state: F) => Verdict
  /** No node passed: make room, or say why not. */
  readonly postFilter?: (pod: Pod, context: PostFilterContext) => PostFiltered
  readonly preScore?: (pod: Pod, nodes: readonly NodeInfo[], cycle: Cycle) => PreScored<S>
  /** Higher is better, before `normalize`. */
  readonly score?: (pod: Pod, node: NodeInfo, state: S) => number
  /** Scales scores to 0…100: `ascending` by the highest, `descending` likewise and reversed. */
  readonly normalize?: 'ascending' | 'descending' | ((scores: number[], nodes: readonly NodeInfo[], state: S) => void)
  readonly reserve?: (pod: Pod, nodeName: string, snapshot: Snapshot) => Verdict
  readonly unreserve?: (pod: Pod, nodeName: string, snapshot: Snapshot) => void
  readonly permit?: (pod: Pod, nodeName: string, context: BindContext) => Promise<Verdict>
  readonly preBind?: (pod: Pod, nodeName: string, context: BindContext) => Promise<void>
  /** Resolves to false to leave binding to the next plugin. */
  readonly bind?: (pod: Pod, nodeName: string, context: BindContext) => Promise<boolean>
  readonly requeueOn?: readonly RequeueRule[]
}

export interface WeightedPlugin {
  readonly plugin: Plugin
  /** Multiplies the normalized score; 0 for plugins that do not score. */
  readonly weight: number
}

export function definePlugin<F = undefined, S = undefined>(plugin: Plugin<F, S>): Plugin {
  // The framework hands each plugin back only the state which that plugin made.
  return plugin as unknown as Plugin
}

/** A requeue rule for changes of `resource`; without `when`, for every change. */
export function on<T extends KubernetesObject>(
  resource: ResourceDefinition<T>,
  when: (change: Change<T>, pod: Pod) => boolean = () => true,
): RequeueRule {
  return {
    resource,
    source: (sources) => sources.for(resource) as unknown as Source<KubernetesObject>,
    when: when as RequeueRule['when'],
  }
}
