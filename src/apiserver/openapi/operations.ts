import { PROTOBUF_MEDIA_TYPE, type ResourceDefinition, type SubresourceDefinition, type Verb } from '#api'
import { apiVersionOf } from '#meta'
import { capitalised, describeOperation, describeWatch, groupWord, operationId, tagOf, word } from './operation-names.ts'
import { type DocumentedVerb, optionsOf, type Parameter, parametersOf, patchTypesOf, pathParameter } from './parameters.ts'

/** One HTTP operation of the API, before either dialect writes it down. */
export interface Operation {
  readonly path: string
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete' | 'head' | 'options'
  readonly action: string
  readonly id: string
  readonly tag: string
  readonly description: string
  readonly gvk: { readonly group: string; readonly version: string; readonly kind: string }
  readonly parameters: readonly Parameter[]
  readonly consumes: readonly string[]
  readonly produces: readonly string[]
  /** Status codes of answers that succeed. */
  readonly codes: readonly string[]
  /** What travels: the object itself, a list of it, a Status, a patch, or raw text. */
  readonly request: Payload | undefined
  readonly requestRequired: boolean
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
const SCALE: Payload = { kind: 'named', name: 'io.k8s.api.autoscaling.v1.Scale' }
const OBJECT: Payload = { kind: 'object' }

const TEXTS = ['application/json', 'application/yaml']
export const MEDIA_TYPES = [...TEXTS, PROTOBUF_MEDIA_TYPE]
const STREAMED = ['application/json;stream=watch', `${PROTOBUF_MEDIA_TYPE};stream=watch`]
/** A body may come in any form that is understood. */
const ANY = ['*/*']

const METHODS = {
  get: 'get',
  list: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'delete',
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
const CODES: Readonly<Record<DocumentedVerb, readonly string[]>> = {
  get: ['200'],
  list: ['200'],
  create: ['200', '201', '202'],
  update: ['200', '201'],
  patch: ['200', '201'],
  delete: ['200', '202'],
  deletecollection: ['200'],
}

/** Every documented operation on one resource, its subresources included. */
export function operationsOf(resource: ResourceDefinition): Operation[] {
  const root = `${resource.group === '' ? '/api' : '/apis'}/${apiVersionOf(resource)}`
  const namespaced = resource.scope === 'Namespaced'
  const collection = `${root}${namespaced ? '/namespaces/{namespace}' : ''}/${resource.names.plural}`
  const item = `${collection}/{name}`
  const operations = resource.verbs.filter(isDocumented).map((verb) => {
    const onItem = verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete'
    return build(resource, verb, onItem ? item : collection)
  })
  if (namespaced && resource.verbs.includes('list')) {
    const everywhere = build(resource, 'list', `${root}/${resource.names.plural}`)
    operations.push({ ...everywhere, id: `${everywhere.id}ForAllNamespaces` })
  }
  for (const verb of ['get', 'patch', 'update'] as const) {
    if (resource.subresources.status) operations.push(build(resource, verb, `${item}/status`, 'status'))
    if (resource.subresources.scale) operations.push(scaled(resource, verb, `${item}/scale`))
  }
  for (const [name, subresource] of Object.entries(resource.subresources.others))
    operations.push(...subresourceOperations(resource, subresource, name, `${item}/${name}`))
  // Upstream tells nothing of the deprecated paths of custom kinds.
  const isWatched = resource.verbs.includes('watch') && resource.custom === undefined
  return isWatched ? [...operations, ...watchOperations(resource, root)] : operations
}

/** The deprecated paths below `/watch/`. */
function watchOperations(resource: ResourceDefinition, root: string): Operation[] {
  const { kind, names } = resource
  const [all, group] = [`${root}/watch/${names.plural}`, groupWord(resource)]
  const watch = (path: string, isList: boolean, id: string): Operation => ({
    ...build(resource, 'list', path),
    action: isList ? 'watchlist' : 'watch',
    id: `watch${group}${id}`,
    description: describeWatch(kind, isList),
    response: WATCH_EVENT,
  })
  if (resource.scope === 'Cluster') return [watch(all, true, `${kind}List`), watch(`${all}/{name}`, false, kind)]
  const collection = `${root}/watch/namespaces/{namespace}/${names.plural}`
  return [
    watch(all, true, `${kind}ListForAllNamespaces`),
    watch(collection, true, `Namespaced${kind}List`),
    watch(`${collection}/{name}`, false, `Namespaced${kind}`),
  ]
}

/** An operation on a resource or on a subresource of it that is of the same kind. */
function build(resource: ResourceDefinition, verb: DocumentedVerb, path: string, subresource = ''): Operation {
  const isCustom = resource.custom !== undefined
  return {
    path,
    method: METHODS[verb],
    action: ACTIONS[verb],
    id: operationId(verb, resource, subresource, path),
    tag: tagOf(resource),
    description: describeOperation(verb, resource, subresource),
    gvk: { group: resource.group, version: resource.version, kind: resource.kind },
    parameters: [...parametersOf(verb, resource), ...pathParametersOf(path, resource.kind)],
    consumes: verb === 'patch' ? patchTypesOf(resource) : isCustom ? TEXTS : ANY,
    produces: isCustom ? TEXTS : verb === 'list' ? [...MEDIA_TYPES, ...STREAMED] : MEDIA_TYPES,
    codes: isCustom && verb === 'patch' ? ['200'] : CODES[verb],
    request: requestOf(verb, resource),
    // What deletes needs no options.
    requestRequired: verb !== 'delete' && verb !== 'deletecollection',
    response: responseOf(verb, resource),
  }
}

const pathParametersOf = (path: string, kind: string): Parameter[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => pathParameter(name!, kind))

function responseOf(verb: DocumentedVerb, { returnsDeleted }: ResourceDefinition): Payload {
  if (verb === 'list') return { kind: 'list' }
  return (verb === 'delete' && !returnsDeleted) || verb === 'deletecollection' ? STATUS : OBJECT
}

function requestOf(verb: DocumentedVerb, { custom }: ResourceDefinition): Payload | undefined {
  if (verb === 'create' || verb === 'update') return OBJECT
  if (verb === 'patch') return { kind: 'patch' }
  return verb === 'delete' || (verb === 'deletecollection' && custom === undefined) ? DELETE_OPTIONS : undefined
}

function scaled(resource: ResourceDefinition, verb: 'get' | 'patch' | 'update', path: string): Operation {
  const operation = build(resource, verb, path, 'scale')
  const request = operation.request?.kind === 'object' ? SCALE : operation.request
  if (resource.custom !== undefined) return { ...operation, request, response: SCALE }
  const gvk = { group: 'autoscaling', version: 'v1', kind: 'Scale' }
  const parameters = [...parametersOf(verb, resource), ...pathParametersOf(path, gvk.kind)]
  return { ...operation, gvk, parameters, request, response: SCALE }
}

function subresourceOperations(
  resource: ResourceDefinition,
  subresource: SubresourceDefinition,
  name: string,
  path: string,
): Operation[] {
  if (subresource.connect !== undefined) {
    const paths = subresource.pathSuffix ? [path, `${path}/{path}`] : [path]
    return paths.flatMap((each) =>
      subresource.connect!.map((method) => connectOperation(resource, subresource, name, each, method)),
    )
  }
  const gvk = gvkOf(resource, subresource)
  const isText = name === 'log'
  const payload: Payload = gvk.kind === resource.kind ? OBJECT : { kind: 'named', name: definitionName(gvk) }
  return subresource.verbs.map((verb) => {
    const operation = build(resource, verb, path, name)
    const query = [...parametersOf(verb, resource), ...(isText ? optionsOf('PodLogOptions') : [])]
    return {
      ...operation,
      gvk,
      parameters: [...query, ...pathParametersOf(path, gvk.kind)],
      produces: isText ? ['text/plain', ...operation.produces] : operation.produces,
      request: operation.request?.kind === 'object' ? payload : operation.request,
      response: isText ? { kind: 'text' } : payload,
    }
  })
}

/** Of a subresource whose requests go on to somebody else. */
function connectOperation(
  resource: ResourceDefinition,
  subresource: SubresourceDefinition,
  name: string,
  path: string,
  method: string,
): Operation {
  const gvk = gvkOf(resource, subresource)
  const scope = resource.scope === 'Namespaced' ? 'Namespaced' : ''
  const behind = path.endsWith('{path}') ? 'WithPath' : ''
  return {
    ...build(resource, 'get', path, name),
    method: method.toLowerCase() as Operation['method'],
    action: 'connect',
    id: `connect${groupWord(resource)}${capitalised(method.toLowerCase())}${scope}${word(resource.kind)}${capitalised(name)}${behind}`,
    description: `connect ${method.toUpperCase()} requests to ${name} of ${resource.kind}`,
    gvk,
    parameters: [...optionsOf(gvk.kind), ...pathParametersOf(path, gvk.kind)],
    produces: ANY,
    response: { kind: 'text' },
  }
}

const gvkOf = (resource: ResourceDefinition, { group, version, kind }: SubresourceDefinition): Operation['gvk'] => ({
  group: group ?? resource.group,
  version: version ?? resource.version,
  kind,
})

/** The published definition name of a subresource's own kind. */
function definitionName(gvk: Operation['gvk']): string {
  const group = gvk.group === '' ? 'core' : gvk.group.replace(/\..*$/, '')
  return `io.k8s.api.${group}.${gvk.version}.${gvk.kind}`
}

const isDocumented = (verb: Verb): verb is DocumentedVerb => verb !== 'watch'
