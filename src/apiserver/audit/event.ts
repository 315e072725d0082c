import { isIP } from 'node:net'
import type { Peer, TransportRequest, UserInfo } from '#client'
import type { Status, StatusDetails } from '#meta'
import type { AuditLevel, AuditStage } from './policy.ts'

/** What is recorded of a request at one stage (https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Event). */
export interface AuditEvent {
  readonly kind: 'Event'
  readonly apiVersion: 'audit.k8s.io/v1'
  readonly level: AuditLevel
  readonly auditID: string
  readonly stage: AuditStage
  readonly requestURI: string
  readonly verb: string
  readonly user: AuditUser
  readonly impersonatedUser?: AuditUser
  readonly authenticationMetadata?: { readonly impersonationConstraint: string }
  readonly sourceIPs?: readonly string[]
  readonly userAgent?: string
  readonly objectRef?: AuditObjectReference
  readonly responseStatus?: AuditStatus
  readonly requestObject?: unknown
  readonly responseObject?: unknown
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
  readonly annotations?: Readonly<Record<string, string>>
}

export interface AuditUser {
  readonly username?: string
  readonly uid?: string
  readonly groups?: readonly string[]
  readonly extra?: Readonly<Record<string, readonly string[]>>
}

export interface AuditObjectReference {
  resource?: string
  namespace?: string
  name?: string
  uid?: string
  apiGroup?: string
  apiVersion?: string
  resourceVersion?: string
  subresource?: string
}

export interface AuditStatus {
  readonly metadata: object
  readonly status?: Status['status']
  readonly message?: string
  readonly reason?: string
  readonly details?: StatusDetails
  readonly code?: number
}

const USER_AGENT_LENGTH_MAX = 1024

export function userAgentOf({ headers = {} }: TransportRequest): string {
  const agent = headers['user-agent'] ?? ''
  return agent.length > USER_AGENT_LENGTH_MAX ? `${agent.slice(0, USER_AGENT_LENGTH_MAX)}...TRUNCATED` : agent
}

/** Where a request says it came from, proxies included; the address that the connection proves is last. */
export function sourceIPsOf({ headers = {} }: TransportRequest, peer: Peer): string[] {
  const forwarded = (headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((each) => each.trim())
    .filter((each) => isIP(each) !== 0)
  const real = headers['x-real-ip'] ?? ''
  if (isIP(real) !== 0 && !forwarded.includes(real)) forwarded.push(real)
  const remote = peer.kind === 'tls' ? peer.address.replace(/^::ffff:(?=[\d.]+$)/, '') : LOOPBACK
  if (isIP(remote) !== 0 && forwarded.at(-1) !== remote) forwarded.push(remote)
  return forwarded
}

/** As upstream shows a server's requests to itself. */
const LOOPBACK = '::1'

export function auditUserOf({ username, uid, groups, extra }: UserInfo): AuditUser {
  return {
    ...(username !== '' && { username }),
    ...(uid && { uid }),
    ...(groups.length > 0 && { groups }),
    ...(extra !== undefined && Object.keys(extra).length > 0 && { extra }),
  }
}

/** The bounded part of a Status. */
export const auditStatusOf = ({ status, message, reason, details, code }: Partial<Status>): AuditStatus => ({
  metadata: {},
  ...(status && { status }),
  ...(message && { message }),
  ...(reason && { reason }),
  ...(details && { details }),
  ...(code && { code }),
})

/** Go's `%q` and JSON agree on what is printable. */
const quoted = (text: string): string => JSON.stringify(text)
const quotedAll = (texts: readonly string[] = []): string => quoted(texts.map(quoted).join(','))

/** The one-line form of before there was JSON (`--audit-log-format=legacy`). */
export function legacyLine(event: AuditEvent): string {
  const { user, impersonatedUser, objectRef, responseStatus, sourceIPs } = event
  const groups = user.username && user.groups?.length ? quotedAll(user.groups) : quoted('<none>')
  const asGroups = impersonatedUser?.groups === undefined ? quoted('<lookup>') : quotedAll(impersonatedUser.groups)
  const fields = [
    `id=${quoted(event.auditID)}`,
    `stage=${quoted(event.stage)}`,
    `ip=${quoted(sourceIPs?.[0] ?? '<unknown>')}`,
    `method=${quoted(event.verb)}`,
    `user=${quoted(user.username ?? '<none>')}`,
    `groups=${groups}`,
    `as=${quoted(impersonatedUser === undefined ? '<self>' : (impersonatedUser.username ?? ''))}`,
    `asgroups=${asGroups}`,
    `user-agent=${quoted(event.userAgent ?? '')}`,
    `namespace=${quoted(objectRef?.namespace ?? '<none>')}`,
    `uri=${quoted(event.requestURI)}`,
    `response="${responseStatus === undefined ? '<deferred>' : (responseStatus.code ?? 0)}"`,
  ]
  return `${event.requestReceivedTimestamp} AUDIT: ${fields.join(' ')}`
}
