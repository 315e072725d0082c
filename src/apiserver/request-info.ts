import type { TransportRequest } from '#client'
import { badRequest } from '#meta'

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
  const nonResource: RequestInfo = { kind: 'path', verb: method.toLowerCase(), path }
  const [root, ...rest] = parts
  let group = ''
  if (root === 'apis') group = rest.shift() ?? ''
  else if (root !== 'api') return nonResource
  const version = rest.shift()
  if (version === undefined || rest.length === 0) return nonResource
  let namespace = ''
  // The deprecated /watch/ prefix is the watch verb.
  const watchPrefix = rest[0] === 'watch' && rest.length > 1
  if (watchPrefix) rest.shift()
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1]!
    if (rest.length > 2 && !NAMESPACE_SUBRESOURCES.has(rest[2]!)) rest.splice(0, 2)
  }
  const [resource = '', name = '', subresource = '', ...after] = rest
  const verbs = name === '' ? COLLECTION_VERBS : ITEM_VERBS
  let verb = verbs[method === 'HEAD' ? 'GET' : method] ?? (subresource === 'proxy' ? 'get' : undefined)
  if (verb === undefined) return { ...nonResource }
  const watching = watchPrefix || isTrue(query?.get('watch'))
  // Nothing is written through it.
  if (watchPrefix && verb !== 'list' && verb !== 'get') return nonResource
  if ((verb === 'list' && watching) || watchPrefix) verb = 'watch'
  const named = verb === 'list' || verb === 'watch' || verb === 'deletecollection' ? selectedName(query) : undefined
  const rawRest = subresource === 'proxy' ? restOf(path, parts.length - after.length) : after.map((part) => `/${part}`).join('')
  return {
    kind: 'resource',
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: name || (named ?? ''),
    rest: rawRest,
    path,
  }
}

/** A list of one name is authorised like a read of it. */
function selectedName(query: URLSearchParams | undefined): string | undefined {
  return /(?:^|,)metadata\.name==?([^,\\]+)(?:,|$)/.exec(query?.get('fieldSelector') ?? '')?.[1]
}

export const isTrue = (value: string | null | undefined): boolean =>
  value !== null && value !== undefined && value !== '0' && value !== 'false'

function segments(path: string): string[] {
  try {
    return path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => (part.includes('%') ? decodeURIComponent(part) : part))
  } catch (error) {
    throw badRequest(`the path ${JSON.stringify(path)} is not valid percent-encoding`, error)
  }
}

/** The raw remainder of a path behind its first `count` segments, with a trailing slash kept. */
function restOf(path: string, count: number): string {
  let at = 0
  for (let seen = 0; seen < count; seen++) {
    while (path[at] === '/') at++
    while (at < path.length && path[at] !== '/') at++
  }
  return path.slice(at)
}
