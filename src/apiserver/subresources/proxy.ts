import { type Pod, type Service, validateExternalIP } from '#api'
import type { TransportResponse } from '#client'
import { apiVersionOf, badRequest, failure } from '#meta'
import type { RequestContext } from '../context.ts'
import { callUpstream, HOP_BY_HOP } from '../http/upstream.ts'
import { endpointOf } from '../service-endpoint.ts'
import { admitConnect } from './connect.ts'
import { kubeletTarget } from './kubelet.ts'
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
  const { scheme, name, port } = splitName(info.name)
  const rest = info.rest === '' ? '/' : info.rest
  const search = query.toString()
  const passed = Object.fromEntries(
    Object.entries(headers).filter(
      ([header]) => !HOP_BY_HOP.has(header) && header !== 'authorization' && !header.startsWith(':'),
    ),
  )
  const uri = `${prefixOf(context)}${rest}`
  const options = { path: search === '' ? rest : `${rest}?${search}`, headers: { ...passed, 'x-forwarded-uri': uri } }
  const secure = scheme === 'https'
  switch (info.resource) {
    case 'nodes': {
      const target = kubeletTarget(name, dependencies)
      return { ...target, options: { ...target.options, ...options } }
    }
    case 'pods': {
      const pod = (await dependencies.registry.get(context.resource, info.namespace, name)).object as Pod
      const host = pod.status?.podIP
      if (!host) throw failure(503, 'ServiceUnavailable', `pod ${name} has no IP address yet`)
      if ([...validateExternalIP(host, '')].length > 0) throw badRequest('address not allowed')
      return {
        secure,
        options: {
          ...options,
          host: dependencies.reachPod?.(host) ?? host,
          port: port === '' ? firstPort(pod) : numbered(port, pod),
          rejectUnauthorized: false,
        },
      }
    }
    default: {
      const service = (await dependencies.registry.get(context.resource, info.namespace, name)).object as Service
      const endpoint = endpointOf(service, port, { cache: dependencies.registry.cache, random: dependencies.random })
      return { secure, options: { ...options, ...endpoint, rejectUnauthorized: false } }
    }
  }
}

function splitName(text: string): { readonly scheme: string; readonly name: string; readonly port: string } {
  const parts = text.split(':')
  if (parts.length === 1) return { scheme: 'http', name: parts[0]!, port: '' }
  if (parts.length === 2) return { scheme: 'http', name: parts[0]!, port: parts[1]! }
  if (parts.length === 3 && ['http', 'https', ''].includes(parts[0]!))
    return { scheme: parts[0] || 'http', name: parts[1]!, port: parts[2]! }
  throw badRequest(`invalid request ${JSON.stringify(text)}: expected [scheme:]name[:port]`)
}

const firstPort = (pod: Pod): number => pod.spec?.containers.flatMap(({ ports }) => ports ?? [])[0]?.containerPort ?? 80

function numbered(port: string, pod: Pod): number {
  if (/^\d+$/.test(port)) return Number(port)
  const found = pod.spec?.containers.flatMap(({ ports }) => ports ?? []).find(({ name }) => name === port)
  if (found === undefined) throw badRequest(`pod ${pod.metadata?.name} has no port ${JSON.stringify(port)}`)
  return found.containerPort
}
