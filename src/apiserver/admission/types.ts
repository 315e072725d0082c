import type { ResourceDefinition } from '#api'
import type { Clock, Random } from '#base'
import type { UserInfo } from '#client'
import type { KubernetesObject } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** What an admission plugin is told of a write (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/). */
export interface Attributes {
  readonly user: UserInfo
  readonly operation: Operation
  readonly resource: ResourceDefinition
  readonly subresource: string
  readonly namespace: string
  readonly name: string
  /** The draft that `mutate` may change in place; undefined for deletes. */
  readonly object: KubernetesObject | undefined
  readonly oldObject: KubernetesObject | undefined
  readonly dryRun: boolean
  readonly warnings: string[]
}

export interface AdmissionContext {
  /** Read-only: what is stored. */
  readonly cache: WatchCache
  readonly clock: Clock
  readonly random: Random
}

/** One rule set of admission. Refuses by throwing a `StatusError`. */
export interface AdmissionPlugin {
  readonly name: string
  readonly operations: readonly Operation[]
  /** Changes the draft; runs before validation. */
  mutate?(attributes: Attributes, context: AdmissionContext): Promise<void> | void
  /** Sees the final object. */
  validate?(attributes: Attributes, context: AdmissionContext): Promise<void> | void
}
