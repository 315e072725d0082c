import type { Clock, Log, Random } from '#base'
import type { TransportResponse } from '#client'
import type { Store } from '#store'
import type { Authentication, ServiceAccountTokens } from '../authentication/index.ts'
import type { Authorizer } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import type { NodeConnection } from '../node-connection.ts'
import type { Presenter } from '../presentation/presenter.ts'
import type { Registry } from '../registry/registry.ts'

/** What handlers of subresources and virtual kinds may use. */
export interface HandlerDependencies {
  readonly registry: Registry
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly nodes: NodeConnection | undefined
  readonly authentication: Authentication
  readonly tokens: ServiceAccountTokens
  readonly authorizers: readonly Authorizer[]
  /** Where a pod of that address is, if it is not there. */
  readonly reachPod?: ((address: string) => string) | undefined
  presenter(context: RequestContext): Presenter
}

/** Serves one subresource of one or several resources. */
export interface Subresource {
  readonly name: string
  /** `plural` or `plural.group`; absent: any resource that declares it. */
  readonly resources?: readonly string[]
  handle(context: RequestContext, dependencies: HandlerDependencies): Promise<TransportResponse>
}

/** A connection that an upgrade opens: to what the bytes go, once the client may. */
export interface ConnectTarget {
  readonly secure: boolean
  readonly options: import('node:https').RequestOptions
  /** The headers are all that is to be sent; otherwise the client's go along. */
  readonly isComplete?: boolean
}
