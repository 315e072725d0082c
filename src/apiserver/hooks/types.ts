import type { ResourceDefinition } from '#api'
import type { Clock, Log, Random } from '#base'
import type { Client, UserInfo } from '#client'
import type { KubernetesObject } from '#meta'
import type { Store } from '#store'
import type { Authorizer, RbacAuthorizer } from '../authorization/index.ts'
import type { StorageForm } from '../registry/object-version.ts'

/**
 * Work that belongs to writes of one kind and needs more than the object: allocations that are made before the object is stored,
 * kept when it was, given back when it was not. The registry calls `begin…` on the defaulted and admitted draft, before the kind's validation.
 */
export interface Hook<T extends KubernetesObject> {
  readonly resource: ResourceDefinition<T>
  /** May complete the draft in place. Throws `StatusError` when the write can't be. */
  beginCreate(draft: T, context: WriteContext): Promise<Transaction>
  beginUpdate(draft: T, old: T, context: WriteContext): Promise<Transaction>
  /** The object has gone from the store. */
  afterDelete(old: T, context: HookContext): Promise<void>
}

export interface HookContext {
  /** Acts as the API server itself. */
  readonly client: Client
  readonly store: Store
  readonly storageForm: StorageForm
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** At most one of each family; the first is of the default family. */
  readonly serviceClusterIPRanges: readonly string[]
  readonly serviceNodePortRange: PortRange
  readonly authorizers: readonly Authorizer[]
  readonly rbac: RbacAuthorizer
  /** Nothing may be changed; the draft is completed as far as that allows. */
  readonly dryRun: boolean
}

export interface WriteContext extends HookContext {
  /** Whose request it is. */
  readonly user: UserInfo
}

export interface PortRange {
  readonly from: number
  readonly to: number
}

export interface Transaction {
  /** The write is durable. */
  commit(): Promise<void>
  /** The write failed; nothing of this transaction may stay. */
  rollback(): Promise<void>
}

export const nothingToDo: Transaction = { async commit() {}, async rollback() {} }
