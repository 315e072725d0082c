import type { ResourceDefinition } from '#api'
import type { Clock, Patience } from '#base'
import type { RequestBody, TransportRequest, UserInfo } from '#client'
import type { AuditTrail } from './audit/index.ts'
import { WebhookTime } from './latencies.ts'
import type { RequestInfo } from './request-info.ts'

/** One request to a resource after the pipeline has read, authenticated and authorised it. */
export interface RequestContext {
  readonly info: Extract<RequestInfo, { kind: 'resource' }>
  readonly resource: ResourceDefinition
  /** The HTTP method, which the verb of a proxied request hides. */
  readonly method: string
  readonly user: UserInfo
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: RequestBody | undefined
  /** Sentences for the `Warning:` header. */
  readonly warnings: string[]
  /** Where the request is recorded; absent when the audit policy wants nothing of it. */
  readonly audit: AuditTrail | undefined
  /** What is spent on webhooks. */
  readonly webhookTime: WebhookTime
  readonly patience: Patience
  /** Asked right before anything is written; see {@link TransportRequest.fence}. */
  readonly fence: TransportRequest['fence']
  /** Where it comes from; nowhere, when that is this process. */
  readonly clientAddress: string | undefined
  /** Whether the answer goes out in bytes; who is in this process takes objects. */
  readonly isRemote: boolean
}

/** Who asks, from where, and where that is recorded. */
interface Requester {
  readonly user: UserInfo
  readonly trail: AuditTrail | undefined
  readonly address: string | undefined
}

/** Of a request that may go on, by whom it is. */
export function contextOf(
  request: TransportRequest,
  info: Extract<RequestInfo, { kind: 'resource' }>,
  resource: ResourceDefinition,
  { user, trail, address }: Requester,
  patience: Patience,
  clock: Clock,
): RequestContext {
  if (resource.deprecation !== undefined) trail?.annotations.set('k8s.io/deprecated', 'true')
  const audit = trail?.isOn ? trail : undefined
  return {
    info,
    resource,
    method: request.method,
    user,
    query: request.query ?? NO_QUERY,
    headers: request.headers ?? {},
    body: request.body,
    clientAddress: address,
    isRemote: request.uri !== undefined,
    warnings: resource.deprecation === undefined ? [] : [resource.deprecation],
    audit,
    webhookTime: new WebhookTime(clock, audit),
    patience,
    fence: request.fence,
  }
}

const NO_QUERY = new URLSearchParams()
