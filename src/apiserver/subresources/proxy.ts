import { type Node, nodes, type Pod, type Service } from '#api'
import type { TransportResponse } from '#client'
import { apiVersionOf, badRequest, failure } from '#meta'
import type { RequestContext } from '../context.ts'
import { callUpstream, forwardedFor, withoutHops } from '../http/upstream.ts'
import { kubeletAddress } from '../node-connection.ts'
import { isProxyable, proxyableAddress } from '../proxyable.ts'
import { endpointOf } from '../service-endpoint.ts'
import { admitConnect } from './connect.ts'
import { kubeletTarget } from './kubelet.ts'
import { proxyPath } from './proxy-path.ts'
import { relocate } from './relocate.ts'
import type { ConnectTarget, HandlerDependencies, Subresource } from './types.ts'

/** `pods/proxy`, `services/proxy` and `nodes/proxy`: any HTTP request, passed through with its path below the prefix. */
export const proxy: Subresource = {
  name: 'proxy',
  resources: ['pods', 'services', 'nodes'],
  async handle(context, dependencies) {
    const prefix = prefixOf(context)
    if (context.info.rest === '') {
      await admitConnect(context, dependencies.registry)
      return toDirectory(prefix, context.query)
    }
    const target = await proxyTarget(context, dependencies)
    const { body, headers, patience } = context
    const bytes = body?.kind === 'bytes' ? body.bytes : body?.kind === 'stream' ? body.stream : undefined
    const { host, port } = target.options
    const options = {
      ...target.options,
      method: context.method,
      headers: { ...target.options.headers, ...framing(bytes, headers) },
    }
    const response = await callUpstream({ ...target, options }, bytes, patience.signal)
    const requestHost = headers['host'] ?? headers[':authority'] ?? ''
    return relocate(response, { prefix, upstreamHost: `${host}:${port}`, requestHost })
  },
}

/** Says where the body ends, for methods too that seldom have one. */
function framing(
  body: Uint8Array | AsyncIterable<Uint8Array> | undefined,
  headers: RequestContext['headers'],
): Readonly<Record<string, string>> {
  if (body === undefined || headers['content-length'] !== undefined) return {}
  return body instanceof Uint8Array ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' }
}

/** The path up to the one that is passed on. */
function prefixOf({ info, resource }: RequestContext): string {
  const root = resource.group === '' ? '/api' : '/apis'
  const place = info.namespace !== '' && resource.scope === 'Namespaced' ? `/namespaces/${info.namespace}` : ''
  return `${root}/${apiVersionOf(resource)}${place}/${info.resource}/${info.name}/proxy`
}

/** Relative links of a first page only work below a slash. */
function toDirectory(prefix: string, query: URLSearchParams): TransportResponse {
  const search = query.toString()
  return { status: 301, headers: { location: `${prefix}/${search === '' ? '' : `?${search}`}` }, body: { kind: 'none' } }
}

/** Where such a request goes, once admission lets it. The name may be `scheme:name:port`. */
export async function proxyTarget(context: RequestContext, dependencies: HandlerDependencies): Promise<ConnectTarget> {
  await admitConnect(context, dependencies.registry)
  const { info, query, headers } = context
  const { scheme, name, port } = splitName(info)
  const path = info.rest === '' ? '/' : proxyPath(info.rest)
  const search = query.toString()
  const uri = `${prefixOf(context)}${path}`
  const own = withoutHops(headers)
  const passed = { ...own, ...forwardedFor(own, context.clientAddress), 'x-forwarded-uri': uri }
  const options = { path: search === '' ? path : `${path}?${search}`, headers: passed }
  if (info.resource === 'nodes' && isKubelet(name, port, dependencies)) {
    const target = kubeletTarget(name, dependencies)
    return { ...target, options: { ...target.options, ...options } }
  }
  const place = await placeOf(context, { name, port }, dependencies)
  return { secure: scheme === 'https', options: { ...options, ...place, rejectUnauthorized: false } }
}

interface Place {
  readonly host: string
  readonly port: number
}

/** Where a pod, a Service or another port of a node than the kubelet's is. Throws a Status when the API server is not to be led there. */
async function placeOf(
  { info, resource }: RequestContext,
  { name, port }: { readonly name: string; readonly port: string },
  { registry, random, reachPod }: HandlerDependencies,
): Promise<Place> {
  switch (info.resource) {
    case 'nodes': {
      const host = await proxyableAddress(kubeletAddress(nodeOf(name, registry)).host)
      return { host: reachPod?.(host) ?? host, port: portNumber(port) }
    }
    case 'pods': {
      const pod = (await registry.get(resource, info.namespace, name)).object as Pod
      const host = pod.status?.podIP
      if (!host) throw failure(503, 'ServiceUnavailable', `pod ${name} has no IP address yet`)
      if (!isProxyable(host)) throw badRequest('address not allowed')
      return { host: reachPod?.(host) ?? host, port: port === '' ? firstPort(pod) : numbered(port, pod) }
    }
    default: {
      const service = (await registry.get(resource, info.namespace, name)).object as Service
      return endpointOf(service, port, { cache: registry.cache, random })
    }
  }
}

/** Without a port, or with the one it says of itself, a node is its kubelet, which has to prove that it is. */
function isKubelet(name: string, port: string, { registry }: HandlerDependencies): boolean {
  return port === '' || String(kubeletAddress(nodeOf(name, registry)).port) === port
}

function nodeOf(name: string, { cache }: HandlerDependencies['registry']): Node {
  const node = cache.of(nodes).get(name)?.object as Node | undefined
  if (node === undefined) throw failure(404, 'NotFound', `nodes "${name}" not found`, { kind: 'nodes', name })
  return node
}

const KINDS: Readonly<Record<string, string>> = { nodes: 'node', pods: 'pod', services: 'service' }

/** `name`, `name:port` or `scheme:name:port`. */
function splitName({ name: text, resource }: RequestContext['info']): {
  readonly scheme: string
  readonly name: string
  readonly port: string
} {
  const parts = text.split(':')
  const [scheme = '', name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts]
  if (parts.length > 3 || name === '' || !['http', 'https', ''].includes(scheme))
    throw badRequest(`invalid ${KINDS[resource]} request ${JSON.stringify(text)}`)
  return { scheme: scheme || 'http', name, port }
}

const firstPort = (pod: Pod): number => pod.spec?.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort ?? 80

function numbered(port: string, pod: Pod): number {
  if (/^\d+$/.test(port)) return portNumber(port)
  const found = pod.spec?.containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === port)
  if (found === undefined) throw badRequest(`pod ${pod.metadata?.name} has no port ${JSON.stringify(port)}`)
  return found.containerPort
}

const PORT_MAX = 65_535

/** What is no port leads nowhere, and least of all to the one that a library takes for granted. */
function portNumber(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX)
    throw failure(503, 'ServiceUnavailable', `error trying to reach service: ${JSON.stringify(text)} is no port`)
  return port
}
