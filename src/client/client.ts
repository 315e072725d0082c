import type { ResourceDefinition } from '#api'
import type { KubernetesList, KubernetesObject, ObjectKey } from '#meta'
import type { TransportRequest, TransportResponse } from './transport.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string | undefined
  readonly dryRun?: boolean | undefined
  readonly fieldValidation?: 'Strict' | 'Warn' | 'Ignore' | undefined
  /** `status`, `scale`, ... */
  readonly subresource?: string | undefined
}

export interface PatchOptions extends WriteOptions {
  readonly type: 'json' | 'merge' | 'strategic' | 'apply'
  readonly force?: boolean | undefined
}

export interface DeleteOptions extends CallOptions {
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string } | undefined
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan' | undefined
  readonly gracePeriodSeconds?: number | undefined
  readonly dryRun?: boolean | undefined
}

export interface SelectorOptions extends CallOptions {
  readonly namespace?: string | undefined
  /** In the query's syntax: `app=web,tier!=db`. */
  readonly labelSelector?: string | undefined
  readonly fieldSelector?: string | undefined
}

export interface ListCallOptions extends SelectorOptions {
  readonly limit?: number | undefined
  readonly continue?: string | undefined
  readonly resourceVersion?: string | undefined
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
}

export interface WatchCallOptions extends SelectorOptions {
  readonly resourceVersion?: string | undefined
  readonly allowWatchBookmarks?: boolean | undefined
  readonly sendInitialEvents?: boolean | undefined
  readonly timeoutSeconds?: number | undefined
}

export type WatchEvent<T> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly object: KubernetesObject }

/**
 * Typed calls to any Kubernetes API server. Refusals throw `StatusError`. Objects returned are frozen.
 * A watch throws `StatusError` (410 Expired among them) when the server sends an ERROR frame, and ends when the server ends it.
 */
export interface Client {
  get<T extends KubernetesObject>(resource: ResourceDefinition<T>, key: ObjectKey, options?: CallOptions): Promise<T>
  /** As `get`, but undefined when there is none. */
  find<T extends KubernetesObject>(resource: ResourceDefinition<T>, key: ObjectKey, options?: CallOptions): Promise<T | undefined>
  list<T extends KubernetesObject>(resource: ResourceDefinition<T>, options?: ListCallOptions): Promise<KubernetesList<T>>
  watch<T extends KubernetesObject>(resource: ResourceDefinition<T>, options?: WatchCallOptions): AsyncIterable<WatchEvent<T>>
  /** The namespace is the object's own. */
  create<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options?: WriteOptions): Promise<T>
  update<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options?: WriteOptions): Promise<T>
  updateStatus<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: ObjectKey,
    body: unknown,
    options: PatchOptions,
  ): Promise<T>
  /** Resolves with the object while it still exists (finalizers, grace), else undefined. */
  delete<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    key: ObjectKey,
    options?: DeleteOptions,
  ): Promise<T | undefined>
  deleteCollection<T extends KubernetesObject>(
    resource: ResourceDefinition<T>,
    options?: SelectorOptions & Omit<DeleteOptions, 'preconditions'>,
  ): Promise<void>
  /** POST to a subresource whose body is another kind: binding, eviction, token. */
  createSubresource<B extends KubernetesObject>(
    resource: ResourceDefinition,
    key: ObjectKey,
    subresource: string,
    body: B,
    options?: WriteOptions,
  ): Promise<B>
  /** Anything else (proxy, logs, discovery). Throws `StatusError` for a status of 400 and above. */
  request(request: TransportRequest): Promise<TransportResponse>
}
