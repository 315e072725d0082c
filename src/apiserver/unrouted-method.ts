import type { TransportRequest, TransportResponse } from '#client'
import type { ResourceCatalog } from './catalog.ts'
import { requestInfoOf } from './request-info.ts'
import { replyText } from './response.ts'

const ROUTED = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])
const ITEM_METHODS = { GET: 'get', PUT: 'update', PATCH: 'patch', DELETE: 'delete' } as const
const COLLECTION_METHODS = { GET: 'list', POST: 'create', DELETE: 'deletecollection' } as const

/** 405 with the methods that there are, for a resource that is asked by a method that no resource has (HEAD, OPTIONS ...). */
export function unroutedMethod(request: TransportRequest, catalog: ResourceCatalog): TransportResponse | undefined {
  if (ROUTED.has(request.method)) return undefined
  const info = requestInfoOf({ method: 'GET', path: request.path, query: request.query })
  // A proxied request is whatever it is.
  if (info.kind !== 'resource' || info.subresource === 'proxy') return undefined
  const resource = catalog.find(info.group, info.version, info.resource)
  if (resource === undefined) return undefined
  const methods = Object.entries(info.name === '' ? COLLECTION_METHODS : ITEM_METHODS)
  const allowed = methods.filter(([, verb]) => resource.verbs.includes(verb)).map(([method]) => method)
  const response = replyText(405, '405: Method Not Allowed')
  return { ...response, headers: { ...response.headers, allow: allowed.join(', ') } }
}
