import type { ResourceDefinition } from '#api'
import type { KubernetesObject, ObjectKey } from '#meta'

export interface ObjectChange<T> {
  readonly before?: T | undefined
  readonly after?: T | undefined
}

/** What a component needs of an informer: objects of one kind, kept current. */
export interface Source<T> {
  get(key: ObjectKey): T | undefined
  list(options?: { readonly namespace?: string }): readonly T[]
  /** Tells of what is there already, too, then of every change, in order. */
  onChange(handler: (change: ObjectChange<T>) => void): Disposable
  /** Resolves once all that was there at the start has been told. */
  synced(signal: AbortSignal): Promise<void>
}

/** Where a component gets its informers, one for each kind and selection, shared by all who ask. */
export interface Sources {
  for<T extends KubernetesObject>(resource: ResourceDefinition<T>, options?: { readonly fieldSelector?: string }): Source<T>
}

/** Where a component's events about objects go. */
export interface EventSink {
  event(object: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}
