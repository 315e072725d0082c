import type { RequestOptions } from 'node:https'
import { type APIService, apiServices } from '#api'
import type { Clock, Random } from '#base'
import type { UserInfo } from '#client'
import { failure } from '#meta'
import { forwardedFor, withoutHops } from '../http/upstream.ts'
import { endpointOf, findService } from '../service-endpoint.ts'
import type { ConnectTarget } from '../subresources/types.ts'
import type { WatchCache } from '../watch-cache/watch-cache.ts'

/** What the aggregation layer proves itself with to extension API servers. */
export interface ProxyClient {
  readonly certificate: string
  readonly key: string
}

export interface RemoteDependencies {
  readonly cache: WatchCache
  readonly clock: Clock
  readonly random: Random
  readonly proxyClient: ProxyClient | undefined
}

/** An APIService that another server answers for. */
export type RemoteService = APIService & {
  spec: { group: string; version: string; service: { namespace: string; name: string; port?: number } }
}

export const isRemote = (object: APIService): object is RemoteService => object.spec?.service !== undefined

/** Every group-version that other servers answer for; higher priorities first, then by name. */
export function remoteServices(cache: WatchCache): RemoteService[] {
  const all = [...cache.of(apiServices).objects()] as APIService[]
  return all.filter(isRemote).sort((a, b) => {
    const [one, other] = [a.spec, b.spec]
    return (
      other.groupPriorityMinimum - one.groupPriorityMinimum ||
      (one.group < other.group ? -1 : one.group > other.group ? 1 : 0) ||
      other.versionPriority - one.versionPriority
    )
  })
}

export const isAvailable = ({ status }: APIService): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === 'Available' && value === 'True') === true

/** Those by which only a front proxy may vouch for somebody. */
const VOUCHING = /^(authorization|x-remote-.*|impersonate-.*)$/

/** Where requests for an APIService go, in the name of `user`. Throws 503 when nobody is there. */
export function remoteTarget(
  { spec }: RemoteService,
  user: UserInfo,
  request: {
    readonly path: string
    readonly query?: URLSearchParams | undefined
    readonly headers: Readonly<Record<string, string>>
    /** Of the client, if the request is one's. */
    readonly address?: string | undefined
  },
  dependencies: RemoteDependencies,
): ConnectTarget {
  const { namespace, name, port = 443 } = spec.service
  const { host, port: endpointPort } = endpointFor(spec.service, port, dependencies)
  const search = request.query?.toString() ?? ''
  const { upgrade } = request.headers
  const own = withoutHops(request.headers)
  const passed = Object.entries({ ...own, ...forwardedFor(own, request.address) }).filter(([header]) => !VOUCHING.test(header))
  // Nothing but the upgrade is about the connection: what it named could make somebody on the way forget whom we vouch for.
  const headers = { ...Object.fromEntries(passed), ...(upgrade !== undefined && { connection: 'Upgrade', upgrade }) }
  const serverName = `${name}.${namespace}.svc`
  const { proxyClient } = dependencies
  const options: RequestOptions = {
    host,
    port: endpointPort,
    servername: serverName,
    path: search === '' ? request.path : `${request.path}?${search}`,
    headers: { ...headers, host: `${serverName}:${port}`, ...identityHeaders(user) },
    ...(proxyClient && { cert: proxyClient.certificate, key: proxyClient.key }),
    ...(spec.insecureSkipTLSVerify ? { rejectUnauthorized: false } : spec.caBundle ? { ca: decode(spec.caBundle) } : {}),
    agent: false,
  }
  return { secure: true, options, isComplete: true }
}

const decode = (base64: string): string => Buffer.from(base64, 'base64').toString()

function endpointFor(
  { namespace, name }: { namespace: string; name: string },
  port: number,
  { cache, random }: RemoteDependencies,
): { host: string; port: number } {
  try {
    return endpointOf(findService(cache, namespace, name), String(port), { cache, random })
  } catch (error) {
    throw failure(503, 'ServiceUnavailable', 'service unavailable', undefined, error)
  }
}

/** https://kubernetes.io/docs/tasks/extend-kubernetes/configure-aggregation-layer/#kubernetes-apiserver-client-authentication */
function identityHeaders({ username, uid, groups, extra = {} }: UserInfo): Record<string, string | string[]> {
  const extras = Object.entries(extra).map(([key, values]): [string, string[]] => [
    `X-Remote-Extra-${escaped(key.toLowerCase())}`,
    values.map(inBytes),
  ])
  return {
    'X-Remote-User': inBytes(username),
    ...(uid && { 'X-Remote-Uid': inBytes(uid) }),
    'X-Remote-Group': groups.map(inBytes),
    ...Object.fromEntries(extras),
  }
}

/** UTF-8, each byte as the character that Node sends as it. */
const inBytes = (text: string): string => Buffer.from(text).toString('latin1')

/** Percent-encoded but for what the name of a header may hold (RFC 9110, 5.6.2). */
const escaped = (key: string): string =>
  inBytes(key).replace(/[^!#$&'*+\-.^_`|~\w]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
