import type { KubernetesObject } from '#meta'
import { type Authorizer, requireAuthorization } from '../authorization/index.ts'
import type { RequestContext } from '../context.ts'
import type { Registry } from '../registry/registry.ts'

const FLAGS = ['stdin', 'stdout', 'stderr', 'tty'] as const

/** What a connect request says in its query, as the kind that admission is shown. */
const OPTIONS: Readonly<Record<string, (context: RequestContext) => Record<string, unknown>>> = {
  'pods/exec': ({ query }) => ({ kind: 'PodExecOptions', ...streams(query), command: query.getAll('command') }),
  'pods/attach': ({ query }) => ({ kind: 'PodAttachOptions', ...streams(query) }),
  'pods/portforward': ({ query }) => ({ kind: 'PodPortForwardOptions', ports: portsOf(query) }),
  'pods/proxy': ({ info }) => ({ kind: 'PodProxyOptions', path: info.rest }),
  'services/proxy': ({ info }) => ({ kind: 'ServiceProxyOptions', path: info.rest }),
  'nodes/proxy': ({ info }) => ({ kind: 'NodeProxyOptions', path: info.rest }),
}

/**
 * Whoever opens a stream into a container needs the verb `create`, however the stream is asked for: a WebSocket begins with a GET, which would be
 * authorised as a read (KEP-5457, AuthorizePodWebsocketUpgradeCreatePermission).
 */
export async function authorizeStream(
  { info, user, resource }: RequestContext,
  authorizers: readonly Authorizer[],
): Promise<void> {
  if (info.verb !== 'create')
    await requireAuthorization(authorizers, { ...info, verb: 'create', user, isResource: true }, resource)
}

/** Admission of a request that opens a connection; throws a Status when it is refused. */
export async function admitConnect(context: RequestContext, registry: Registry): Promise<void> {
  const { info } = context
  const options = OPTIONS[`${info.resource}/${info.subresource}`]?.(context)
  if (options === undefined) return
  await registry.admit(context, {
    operation: 'CONNECT',
    subresource: info.subresource,
    name: info.name,
    object: { apiVersion: 'v1', ...options } as KubernetesObject,
    oldObject: undefined,
    dryRun: false,
    kind: { group: '', version: 'v1', kind: String(options['kind']) },
  })
}

function streams(query: URLSearchParams): Record<string, unknown> {
  const container = query.get('container')
  const set = FLAGS.filter((name) => query.get(name) === 'true' || query.get(name) === '1')
  return { ...Object.fromEntries(set.map((name) => [name, true])), ...(container && { container }) }
}

const portsOf = (query: URLSearchParams): number[] =>
  query
    .getAll('ports')
    .flatMap((each) => each.split(','))
    .map(Number)
    .filter((port) => Number.isInteger(port))
