import type { ResourceDefinition, Verb } from '#api'
import type { TransportRequest, TransportResponse } from '#client'
import { failure, methodNotAllowed, notFound, type StatusError } from '#meta'
import type { ResourceCatalog } from './catalog.ts'
import type { RequestInfo } from './request-info.ts'
import { replyText } from './response.ts'

type ResourceInfo = Extract<RequestInfo, { kind: 'resource' }>

/** Nobody answers for the path: not even a Status. */
export const pageNotFound = (): TransportResponse => replyText(404, '404 page not found\n')

/** Below what a built-in group serves there is nothing of that name. */
export const nothingThere = (): StatusError => failure(404, 'NotFound', 'the server could not find the requested resource', {})

export const methodRefused = (): StatusError =>
  failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {})

/**
 * What upstream's routers say to a request for a resource that none of their routes is for; undefined when there is one. Built-in kinds have a route for each
 * method of each path. Custom kinds are looked up by what the request asks for, and leave what they do not know to nobody.
 */
export function unrouted(
  { method }: Pick<TransportRequest, 'method'>,
  info: ResourceInfo,
  resource: ResourceDefinition | undefined,
  catalog: ResourceCatalog,
): TransportResponse | undefined {
  if (resource === undefined) {
    if (isBuiltIn(info.group, catalog)) throw nothingThere()
    return pageNotFound()
  }
  if (resource.custom !== undefined) return unroutedCustom(info, resource)
  const methods = methodsOf(info, resource)
  if (methods.length === 0) throw nothingThere()
  // A proxied request is whatever it is.
  if (info.subresource !== 'proxy' && !methods.includes(method)) throw methodRefused()
  return undefined
}

/** Whether a built-in kind is of the group: routers of these answer for all that begins like it. */
export const isBuiltIn = (group: string, catalog: ResourceCatalog): boolean =>
  group === '' || catalog.all.some((resource) => resource.group === group && resource.custom === undefined)

/** Documents that upstream serves as it serves resources: to GET alone, and with a Status for what is below them. */
export const ROUTED: readonly string[] = ['/version', '/.well-known/openid-configuration', '/openid/v1/jwks']

/** A path that is no resource, and at which there is nothing. */
export function unroutedPath(path: string, catalog: ResourceCatalog): TransportResponse {
  const [, root, group] = path.split('/')
  const isRouted = root === 'api' || (root === 'apis' && group !== undefined && group !== '' && isBuiltIn(group, catalog))
  if (isRouted || ROUTED.some((each) => path.startsWith(`${each}/`))) throw nothingThere()
  return pageNotFound()
}

const ACROSS_NAMESPACES: readonly string[] = ['list', 'watch']
const PART_VERBS: readonly string[] = ['get', 'patch', 'update']

function unroutedCustom(info: ResourceInfo, resource: ResourceDefinition): TransportResponse | undefined {
  const { namespace, verb, subresource, name } = info
  const isNamespaced = resource.scope === 'Namespaced'
  if (!isNamespaced && namespace !== '') return pageNotFound()
  if (isNamespaced && namespace === '' && !ACROSS_NAMESPACES.includes(verb)) return pageNotFound()
  const { status, scale } = resource.subresources
  const isPart = (subresource === 'status' && status) || (subresource === 'scale' && scale !== undefined)
  if (subresource !== '' && !isPart) throw notFound(resource, name)
  // That nothing is made of a kind that goes is said by who would have made it.
  const isKnown = resource.verbs.includes(verb as Verb) || (verb === 'create' && resource.custom?.isTerminating)
  if (isPart ? !PART_VERBS.includes(verb) : !isKnown) throw methodNotAllowed(resource, verb)
  return undefined
}

const ITEM: Readonly<Partial<Record<Verb, string>>> = { get: 'GET', update: 'PUT', patch: 'PATCH', delete: 'DELETE' }
const COLLECTION: Readonly<Partial<Record<Verb, string>>> = { list: 'GET', create: 'POST', deletecollection: 'DELETE' }
const PART: Readonly<Partial<Record<Verb, string>>> = { get: 'GET', create: 'POST', update: 'PUT', patch: 'PATCH' }

/** Of a path, by upstream's routes; none when there is no such path. */
function methodsOf(info: ResourceInfo, resource: ResourceDefinition): readonly string[] {
  const { namespace, subresource, isNamed, isVerbOfPath, verb, rest } = info
  const isNamespaced = resource.scope === 'Namespaced'
  if (!isNamespaced && namespace !== '' && resource.names.plural !== 'namespaces') return []
  const isAcross = isNamespaced && namespace === ''
  if (isAcross && isNamed) return []
  if (isVerbOfPath) return subresource === '' && resource.verbs.includes(verb as Verb) ? ['GET'] : []
  if (subresource !== '') return methodsOfPart(resource, subresource, rest)
  const known = methodsOfKind(resource)
  return isNamed ? known.item : isAcross ? known.across : known.collection
}

interface KindMethods {
  readonly item: readonly string[]
  readonly collection: readonly string[]
  readonly across: readonly string[]
}

/** Found once for each kind, since every request asks. */
const byKind = new WeakMap<ResourceDefinition, KindMethods>()

function methodsOfKind(resource: ResourceDefinition): KindMethods {
  let known = byKind.get(resource)
  if (known === undefined) {
    const { verbs } = resource
    const across = methods(
      COLLECTION,
      verbs.filter((verb) => verb === 'list'),
    )
    known = { item: methods(ITEM, verbs), collection: methods(COLLECTION, verbs), across }
    byKind.set(resource, known)
  }
  return known
}

const methods = (of: Readonly<Partial<Record<Verb, string>>>, verbs: readonly Verb[]): string[] =>
  verbs.map((verb) => of[verb]).filter((method) => method !== undefined)

function methodsOfPart({ subresources }: ResourceDefinition, name: string, rest: string): readonly string[] {
  const other = subresources.others[name]
  if (rest !== '' && !other?.pathSuffix) return []
  const isPlain = (name === 'status' && subresources.status) || (name === 'scale' && subresources.scale !== undefined)
  if (isPlain) return methods(PART, PART_VERBS as readonly Verb[])
  return other?.connect?.map((method) => method.toUpperCase()) ?? methods(PART, other?.verbs ?? [])
}
