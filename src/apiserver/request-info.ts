import type { TransportRequest } from '#client'
import { badRequest, type FieldSelector, parseFieldSelector } from '#meta'
import { isTrue } from './rest/query-values.ts'

export type RequestVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'proxy'

/** What a request asks for, read from its method, path and query (https://kubernetes.io/docs/reference/access-authn-authz/authorization/). */
export type RequestInfo =
  | {
      readonly kind: 'resource'
      readonly verb: RequestVerb
      readonly group: string
      readonly version: string
      readonly resource: string
      readonly subresource: string
      readonly namespace: string
      readonly name: string
      /** What follows the subresource (`proxy/PATH`), with its leading slash. */
      readonly rest: string
      readonly path: string
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string }

const ITEM_VERBS: Readonly<Record<string, RequestVerb>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}
const COLLECTION_VERBS: Readonly<Record<string, RequestVerb>> = { GET: 'list', POST: 'create', DELETE: 'deletecollection' }

/** Subresources of a namespace; anything else behind its name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

export function requestInfoOf({
  method,
  path,
  query,
}: Pick<TransportRequest, 'path' | 'query'> & { readonly method: string }): RequestInfo {
  const parts = segments(path)
  const root = parts[0]
  if (root !== 'api' && root !== 'apis') return pathInfo(method, path)
  let at = 1
  const group = root === 'apis' ? (parts[at++] ?? '') : ''
  const version = parts[at++]
  if (version === undefined || at >= parts.length) return pathInfo(method, path)
  let namespace = ''
  // The deprecated /watch/ prefix is the watch verb.
  const watchPrefix = parts[at] === 'watch' && at + 1 < parts.length
  if (watchPrefix) at++
  if (parts[at] === 'namespaces' && at + 1 < parts.length) {
    namespace = parts[at + 1]!
    if (at + 2 < parts.length && !NAMESPACE_SUBRESOURCES.has(parts[at + 2]!)) at += 2
  }
  const resource = parts[at++] ?? ''
  const name = parts[at++] ?? ''
  const subresource = parts[at++] ?? ''
  const verbs = name === '' ? COLLECTION_VERBS : ITEM_VERBS
  let verb = verbs[method === 'HEAD' ? 'GET' : method] ?? (subresource === 'proxy' ? 'get' : undefined)
  if (verb === undefined) return pathInfo(method, path)
  const watching = watchPrefix || isTrue(query?.get('watch'))
  // Nothing is written through it.
  if (watchPrefix && verb !== 'list' && verb !== 'get') return pathInfo(method, path)
  if ((verb === 'list' && watching) || watchPrefix) verb = 'watch'
  const named = verb === 'list' || verb === 'watch' || verb === 'deletecollection' ? selectedName(query) : undefined
  return {
    kind: 'resource',
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: name || (named ?? ''),
    rest: at >= parts.length && subresource !== 'proxy' ? '' : restBehind(at, parts, subresource, path),
    path,
  }
}

/**
 * A list of one name is authorised like a read of it. The selector is read as the list will read it: a comma that is part of a value begins nothing, or a name
 * in it would open the whole list.
 */
function selectedName(query: URLSearchParams | undefined): string | undefined {
  const text = query?.get('fieldSelector')
  if (!text?.includes(NAME)) return undefined
  let selector: FieldSelector
  try {
    selector = parseFieldSelector(text)
  } catch {
    return undefined
  }
  const name = selector.find(({ path, negated }) => path === NAME && !negated)?.value
  return name === undefined || /^\.\.?$|[/%]/.test(name) ? undefined : name
}

const NAME = 'metadata.name'

const pathInfo = (method: string, path: string): RequestInfo => ({ kind: 'path', verb: method.toLowerCase(), path })

function segments(path: string): string[] {
  const parts: string[] = []
  for (let at = 0; at < path.length; ) {
    const slash = path.indexOf('/', at)
    const end = slash === -1 ? path.length : slash
    if (end > at) parts.push(path.slice(at, end))
    at = end + 1
  }
  return path.includes('%') ? parts.map((part) => decoded(part, path)) : parts
}

function decoded(part: string, path: string): string {
  try {
    return decodeURIComponent(part)
  } catch (error) {
    throw badRequest(`the path ${JSON.stringify(path)} is not valid percent-encoding`, error)
  }
}

const restBehind = (at: number, parts: readonly string[], subresource: string, path: string): string =>
  subresource === 'proxy'
    ? restOf(path, Math.min(at, parts.length))
    : parts
        .slice(at)
        .map((part) => `/${part}`)
        .join('')

/** The raw remainder of a path behind its first `count` segments, with a trailing slash kept. */
function restOf(path: string, count: number): string {
  let at = 0
  for (let seen = 0; seen < count; seen++) {
    while (path[at] === '/') at++
    while (at < path.length && path[at] !== '/') at++
  }
  return path.slice(at)
}
