import type { ResourceDefinition, SubresourceDefinition, Verb } from '#api'
import { apiVersionOf } from '#meta'
import { type DocumentedVerb, PARAMETERS, type QueryParameter, SUBRESOURCE_PARAMETERS } from './parameters.ts'

/** One HTTP operation of the API, before either dialect writes it down. */
export interface Operation {
  readonly path: string
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options'
  readonly action: string
  readonly verb: DocumentedVerb | 'connect'
  /** Query parameters beside those of the verb. */
  readonly parameters?: readonly QueryParameter[]
  readonly id: string
  readonly tag: string
  readonly gvk: { readonly group: string; readonly version: string; readonly kind: string }
  readonly pathParameters: readonly string[]
  /** What travels: the object itself, a list of it, a Status, a patch, or raw text. */
  readonly request: Payload | undefined
  readonly response: Payload
}

export type Payload =
  | { readonly kind: 'object' }
  | { readonly kind: 'list' }
  | { readonly kind: 'patch' }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'text' }

const STATUS: Payload = { kind: 'named', name: 'io.k8s.apimachinery.pkg.apis.meta.v1.Status' }
const WATCH_EVENT: Payload = { kind: 'named', name: 'io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent' }
const DELETE_OPTIONS: Payload = { kind: 'named', name: 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions' }
const OBJECT: Payload = { kind: 'object' }

const METHODS = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
} as const
const WORDS = {
  get: 'read',
  list: 'list',
  create: 'create',
  update: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
} as const
const ACTIONS = {
  get: 'get',
  list: 'list',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deletecollection',
} as const

/** Every documented operation on one resource, its subresources included. */
export function operationsOf(resource: ResourceDefinition): Operation[] {
  const root = `${resource.group === '' ? '/api' : '/apis'}/${apiVersionOf(resource)}`
  const namespaced = resource.scope === 'Namespaced'
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource.names.plural}`
  const item = `${collection}/{name}`
  const scoped = namespaced ? ['namespace'] : []
  const build = builder(resource)
  const operations = resource.verbs.filter(isDocumented).map((verb) => {
    const onItem = verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete'
    return build(verb, onItem ? item : collection, onItem ? [...scoped, 'name'] : scoped, '')
  })
  if (namespaced && resource.verbs.includes('list')) {
    const everywhere = build('list', `${root}/${resource.names.plural}`, [], '')
    operations.push({ ...everywhere, id: `list${groupWord(resource)}${resource.kind}ForAllNamespaces` })
  }
  for (const verb of ['get', 'patch', 'update'] as const) {
    if (resource.subresources.status) operations.push(build(verb, `${item}/status`, [...scoped, 'name'], 'status'))
    if (resource.subresources.scale) {
      const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
      operations.push(scaled(build(verb, `${item}/scale`, [...scoped, 'name'], 'scale'), scale))
    }
  }
  for (const [name, subresource] of Object.entries(resource.subresources.others)) {
    operations.push(...subresourceOperations(resource, subresource, name, `${item}/${name}`, [...scoped, 'name'], build))
  }
  return resource.verbs.includes('watch') ? [...operations, ...watchOperations(resource, root, build)] : operations
}

/** The deprecated paths below `/watch/`. */
function watchOperations(resource: ResourceDefinition, root: string, build: Build): Operation[] {
  const { kind, names } = resource
  const [all, group] = [`${root}/watch/${names.plural}`, groupWord(resource)]
  const watch = (path: string, pathParameters: readonly string[], action: string, id: string): Operation => ({
    ...build('list', path, pathParameters, ''),
    action,
    id: `watch${group}${id}`,
    response: WATCH_EVENT,
  })
  if (resource.scope === 'Cluster') {
    return [watch(all, [], 'watchlist', `${kind}List`), watch(`${all}/{name}`, ['name'], 'watch', kind)]
  }
  const collection = `${root}/watch/namespaces/{namespace}/${names.plural}`
  return [
    watch(all, [], 'watchlist', `${kind}ListForAllNamespaces`),
    watch(collection, ['namespace'], 'watchlist', `Namespaced${kind}List`),
    watch(`${collection}/{name}`, ['namespace', 'name'], 'watch', `Namespaced${kind}`),
  ]
}

type Build = (verb: DocumentedVerb, path: string, pathParameters: readonly string[], subresource: string) => Operation

function builder(resource: ResourceDefinition): Build {
  const prefix = `${groupWord(resource)}${resource.scope === 'Namespaced' ? 'Namespaced' : ''}`
  return (verb, path, pathParameters, subresource) => ({
    path,
    method: METHODS[verb],
    action: ACTIONS[verb],
    verb,
    id: `${WORDS[verb]}${verb === 'list' && !path.includes('{namespace}') ? groupWord(resource) : prefix}${resource.kind}${capitalised(subresource)}`,
    tag: tagOf(resource),
    gvk: { group: resource.group, version: resource.version, kind: resource.kind },
    pathParameters,
    request: requestOf(verb),
    response: responseOf(verb, resource),
  })
}

function responseOf(verb: DocumentedVerb, { returnsDeleted }: ResourceDefinition): Payload {
  if (verb === 'list') return { kind: 'list' }
  return (verb === 'delete' && !returnsDeleted) || verb === 'deletecollection' ? STATUS : OBJECT
}

function requestOf(verb: DocumentedVerb): Payload | undefined {
  if (verb === 'create' || verb === 'update') return OBJECT
  if (verb === 'patch') return { kind: 'patch' }
  if (verb === 'delete' || verb === 'deletecollection') return DELETE_OPTIONS
  return undefined
}

function scaled(operation: Operation, gvk: Operation['gvk']): Operation {
  const scale: Payload = { kind: 'named', name: 'io.k8s.api.autoscaling.v1.Scale' }
  return { ...operation, gvk, request: operation.request?.kind === 'object' ? scale : operation.request, response: scale }
}

function subresourceOperations(
  resource: ResourceDefinition,
  subresource: SubresourceDefinition,
  name: string,
  path: string,
  pathParameters: readonly string[],
  build: Build,
): Operation[] {
  const gvk = {
    group: subresource.group ?? resource.group,
    version: subresource.version ?? resource.version,
    kind: subresource.kind,
  }
  if (subresource.connect !== undefined) {
    const paths = subresource.pathSuffix ? [path, `${path}/{path}`] : [path]
    return paths.flatMap((each) =>
      subresource.connect!.map((method) => ({
        ...build('get', each, each === path ? pathParameters : [...pathParameters, 'path'], name),
        method: method.toLowerCase() as Operation['method'],
        action: 'connect',
        verb: 'connect' as const,
        id: `connect${groupWord(resource)}${capitalised(method.toLowerCase())}Namespaced${resource.kind}${capitalised(name)}${each === path ? '' : 'WithPath'}`,
        gvk,
        request: undefined,
        response: { kind: 'text' } as const,
        parameters: SUBRESOURCE_PARAMETERS[subresource.kind] ?? [],
      })),
    )
  }
  const own = gvk.kind === resource.kind
  return subresource.verbs.map((verb) => {
    const operation = build(verb, path, pathParameters, name)
    const payload: Payload = own ? OBJECT : { kind: 'named', name: definitionName(gvk) }
    const request = operation.request?.kind === 'object' ? payload : operation.request
    const parameters = SUBRESOURCE_PARAMETERS[name] ?? []
    return { ...operation, gvk, request, parameters, response: name === 'log' ? { kind: 'text' } : payload }
  })
}

/** The published definition name of a subresource's own kind. */
function definitionName(gvk: Operation['gvk']): string {
  const group = gvk.group === '' ? 'core' : gvk.group.replace(/\..*$/, '')
  return `io.k8s.api.${group}.${gvk.version}.${gvk.kind}`
}

const isDocumented = (verb: Verb): verb is Exclude<Verb, 'watch'> => verb in PARAMETERS
const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)

/** `CoreV1`, `AppsV1`, `RbacAuthorizationV1`: how operation ids spell a group-version. */
export function groupWord({ group, version }: { readonly group: string; readonly version: string }): string {
  const words = group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.')
  return [...words, version].map(capitalised).join('')
}

function tagOf({ group, version }: ResourceDefinition): string {
  const word = groupWord({ group, version })
  const name = word.slice(0, word.length - version.length)
  return `${name.charAt(0).toLowerCase()}${name.slice(1)}_${version}`
}
