import type { ResourceDefinition } from '#api'
import type { Clock, Log, Random } from '#base'
import type { Client, UserInfo } from '#client'
import type { GroupVersionKind, KubernetesObject } from '#meta'
import type { Timekeeper } from '../audit/index.ts'
import type { Authorizer } from '../authorization/index.ts'
import type { ResourceCatalog } from '../catalog.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { WebhookCaller } from '../webhook-caller.ts'
import type { AdmissionMetrics } from './metrics.ts'
import type { AdmissionFunction } from './webhook/index.ts'

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT'

/** What an admission plugin is told of a write (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/). */
export interface Attributes {
  readonly user: UserInfo
  readonly operation: Operation
  readonly resource: ResourceDefinition
  readonly subresource: string
  /** Of `object`: of a subresource it may be another than the resource's (Binding, Scale, PodExecOptions ...). */
  readonly kind: GroupVersionKind
  readonly namespace: string
  readonly name: string
  /** The draft, in its stored form, that `mutate` may change in place; undefined for deletes. */
  readonly object: KubernetesObject | undefined
  readonly oldObject: KubernetesObject | undefined
  /** The request's CreateOptions, UpdateOptions, PatchOptions or DeleteOptions. */
  readonly options: Readonly<Record<string, unknown>>
  readonly dryRun: boolean
  readonly warnings: string[]
  /** For the audit event of the request. */
  readonly annotations: Map<string, string>
  /** Where the time of webhooks is kept, if anywhere. */
  readonly timekeeper: Timekeeper | undefined
  /** Whether this is the second round of mutation, and whether something in the first asked for one. */
  readonly reinvocation: { again: boolean; wanted: boolean }
}

export interface AdmissionContext {
  /** Read-only: what is stored. */
  readonly cache: WatchCache
  readonly catalog: ResourceCatalog
  readonly authorizers: readonly Authorizer[]
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly webhooks: WebhookCaller
  readonly metrics: AdmissionMetrics
  /** Webhooks that run in this process. */
  readonly functions: readonly AdmissionFunction[]
  /** The server's own client, for what a plugin keeps in objects (quota). */
  client(): Client
}

/** For a plugin that is configured. */
export interface ConfigurationContext {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Owns what the plugin opens as long as the server runs. */
  readonly stack: AsyncDisposableStack
}

/** One rule set of admission. Refuses by throwing a `StatusError`. */
export interface AdmissionPlugin {
  /** As `--enable-admission-plugins` names it. */
  readonly name: string
  /** Runs only when it is named. */
  readonly off?: boolean
  readonly operations: readonly Operation[]
  /**
   * The plugin as its part of the AdmissionConfiguration says; undefined: none does. Rejects with what is wrong with it, also when the plugin is nothing without. A
   * plugin without this takes no configuration.
   */
  configured?(bytes: Uint8Array | undefined, context: ConfigurationContext): Promise<AdmissionPlugin> | AdmissionPlugin
  /** Changes the draft; runs before validation. */
  mutate?(attributes: Attributes, context: AdmissionContext): Promise<void> | void
  /** Sees the final object. */
  validate?(attributes: Attributes, context: AdmissionContext): Promise<void> | void
}
