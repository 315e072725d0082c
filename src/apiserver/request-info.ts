import type { TransportRequest } from '#client'
import { badRequest, type FieldSelector, parseFieldSelector } from '#meta'
import { isTrue } from './rest/query-values.ts'

/** The methods that no resource has (OPTIONS ...) have no verb. */
export type RequestVerb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection' | 'proxy' | ''

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
      /** Of the path, or the one that a list selects. */
      readonly name: string
      /** Whether the name is the path's. */
      readonly isNamed: boolean
      /** Whether the verb is the path's (`/api/v1/watch/pods`), as it was once. */
      readonly isVerbOfPath: boolean
      /** What follows the subresource (`proxy/PATH`), with its leading slash. */
      readonly rest: string
      readonly path: string
    }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string }

const VERBS: Readonly<Record<string, RequestVerb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
}

const VERBS_OF_PATHS: readonly string[] = ['watch', 'proxy']

/** Subresources of a namespace; anything else behind its name is a resource inside it. */
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])

export function requestInfoOf({
  method,
  path,
  query,
}: Pick<TransportRequest, 'path' | 'query'> & { readonly method: string }): RequestInfo {
  const parts = segments(path)
  const root = parts[0]
  // Nothing is served at a path that begins with several slashes, and the core group has no other name.
  if ((root !== 'api' && root !== 'apis') || path.startsWith('//')) return pathInfo(method, path)
  let at = 1
  const group = root === 'apis' ? (parts[at++] ?? '') : ''
  const version = parts[at++]
  if (version === undefined || at >= parts.length || (root === 'apis' && group === '')) return pathInfo(method, path)
  let namespace = ''
  const isVerbOfPath = VERBS_OF_PATHS.includes(parts[at]!)
  if (isVerbOfPath && at + 1 >= parts.length) return pathInfo(method, path)
  let verb = isVerbOfPath ? (parts[at++] as RequestVerb) : (VERBS[method] ?? '')
  if (parts[at] === 'namespaces' && at + 1 < parts.length) {
    namespace = parts[at + 1]!
    if (at + 2 < parts.length && !NAMESPACE_SUBRESOURCES.has(parts[at + 2]!)) at += 2
  }
  const resource = parts[at++] ?? ''
  const name = parts[at++] ?? ''
  const subresource = verb === 'proxy' ? '' : (parts[at++] ?? '')
  let selected: string | undefined
  if (name === '' && verb === 'get') {
    verb = isTrue(query?.get('watch')) ? 'watch' : 'list'
    selected = selectedName(query)
  } else if (name === '' && verb === 'delete') verb = 'deletecollection'
  return {
    kind: 'resource',
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: selected ?? name,
    isNamed: name !== '',
    isVerbOfPath,
    rest: at >= parts.length && subresource !== 'proxy' ? '' : restBehind(at, parts, subresource, path),
    path,
  }
}

/** Path and query, as they came where they did. */
export const uriOf = ({ uri, path, query }: TransportRequest): string => {
  if (uri !== undefined) return uri
  const text = query?.toString() ?? ''
  return text === '' ? path : `${path}?${text}`
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

/** Between slashes, once it is decoded: a slash that was escaped is one like any other. */
function segments(path: string): string[] {
  const plain = path.includes('%') ? decoded(path) : path
  let from = 0
  let to = plain.length
  while (from < to && plain[from] === '/') from++
  while (to > from && plain[to - 1] === '/') to--
  return from === to ? [] : plain.slice(from, to).split('/')
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
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
  while (path[at] === '/') at++
  for (let seen = 0; seen < count && at < path.length; ) {
    if (seen > 0) at++
    const slash = path.indexOf('/', at)
    const end = slash === -1 ? path.length : slash
    seen += 1 + (path.slice(at, end).match(/%2f/gi)?.length ?? 0)
    at = end
  }
  return path.slice(at)
}
