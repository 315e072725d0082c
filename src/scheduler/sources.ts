import type { ResourceDefinition } from '#api'
import type { KubernetesObject, ObjectKey } from '#meta'
import type { Change } from './framework/index.ts'

/** What the scheduler needs of an informer. */
export interface Source<T> {
  get(key: ObjectKey): T | undefined
  list(options?: { readonly namespace?: string }): readonly T[]
  /** Tells of what is there already, too, then of every change. */
  onChange(handler: (change: Change<T>) => void): Disposable
  synced(signal: AbortSignal): Promise<void>
}

/** What it needs of the set of informers: one for each kind, shared by all who ask. */
export interface Sources {
  for<T extends KubernetesObject>(resource: ResourceDefinition<T>, options?: { readonly fieldSelector?: string }): Source<T>
}

/** Where events about pods go. */
export interface EventSink {
  event(object: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string): void
}
