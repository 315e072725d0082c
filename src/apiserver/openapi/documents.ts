import { describe, isPublished, PROTOBUF_MEDIA_TYPE, type ResourceDefinition } from '#api'
import { deref, type Schema } from '#meta'
import { type Operation, operationsOf, type Payload } from './operations.ts'
import { PARAMETERS, patchTypesOf, type QueryParameter } from './parameters.ts'
import type { PlainPath } from './plain-paths.ts'
import { besideReference, type Dialect, definitionsOf, type Json, reference } from './schema-json.ts'

export interface DocumentInput {
  readonly resources: readonly ResourceDefinition[]
  readonly plainPaths: readonly PlainPath[]
  /** Schemas that travel without being a resource: Status, DeleteOptions, Patch, Scale, Eviction ... by definition name. */
  readonly named: (name: string) => Schema
  readonly version: string
}

const INFO_TITLE = 'Kubernetes'
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const LIST_META = `${META}ListMeta`
const PATCH = `${META}Patch`
/** Any list's words for the fields that every list has. */
const TYPICAL_LIST = 'io.k8s.api.core.v1.ConfigMapList'
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md'
const MEDIA_TYPES = ['application/json', 'application/yaml', PROTOBUF_MEDIA_TYPE]
const STREAMED = ['application/json;stream=watch', `${PROTOBUF_MEDIA_TYPE};stream=watch`]
/** A body may come in any form that is understood. */
const ANY = ['*/*']

/** The whole API as one Swagger 2.0 document (`/openapi/v2`). */
export function openApiV2(input: DocumentInput): Json {
  return {
    swagger: '2.0',
    info: { title: INFO_TITLE, version: input.version },
    paths: pathsOf(input, 'v2'),
    definitions: definitions(input, 'v2'),
    securityDefinitions: {
      BearerToken: { description: 'Bearer Token authentication', type: 'apiKey', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  }
}

/** One group-version as an OpenAPI 3.0 document (`/openapi/v3/apis/GROUP/VERSION`). */
export function openApiV3(input: DocumentInput): Json {
  return {
    openapi: '3.0.0',
    info: { title: INFO_TITLE, version: input.version },
    paths: pathsOf(input, 'v3'),
    components: {
      schemas: definitions(input, 'v3'),
      securitySchemes: {
        BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
      },
    },
    security: [{ BearerToken: [] }],
  }
}

function pathsOf(input: DocumentInput, dialect: Dialect): Json {
  const paths: Record<string, Json> = {}
  for (const resource of input.resources) {
    for (const operation of operationsOf(resource)) {
      paths[operation.path] ??= withParameters(operation.pathParameters.map((name) => pathParameter(name, dialect)))
      paths[operation.path]![operation.method] = operationJson(operation, resource, dialect)
    }
  }
  for (const plain of input.plainPaths) paths[plain.path] = { get: plainJson(plain, dialect) }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function plainJson({ id, tag, description, response }: PlainPath, dialect: Dialect): Json {
  const json = { tags: [tag], operationId: id, description }
  const schema: Json = response === undefined ? { type: 'string' } : reference(dialect, response)
  const types = response?.startsWith(META) ? MEDIA_TYPES : ['application/json']
  return dialect === 'v2'
    ? {
        ...json,
        consumes: ['application/json'],
        produces: types,
        schemes: ['https'],
        responses: responsesJson(['200'], schema, types, dialect),
      }
    : { ...json, responses: responsesJson(['200'], schema, types, dialect) }
}

/** Codes of answers that succeed. */
const CODES = {
  get: ['200'],
  list: ['200'],
  connect: ['200'],
  create: ['200', '201', '202'],
  update: ['200', '201'],
  patch: ['200', '201'],
  delete: ['200', '202'],
  deletecollection: ['200'],
} as const
const CODE_NAMES: Readonly<Record<string, string>> = { '200': 'OK', '201': 'Created', '202': 'Accepted' }

function responsesJson(codes: readonly string[], schema: Json, types: readonly string[], dialect: Dialect): Json {
  const body = dialect === 'v2' ? { schema } : { content: contentOf(types, schema) }
  const told = codes.map((code) => [code, { description: CODE_NAMES[code], ...body }])
  return { ...Object.fromEntries(told), '401': { description: 'Unauthorized' } }
}

function operationJson(operation: Operation, resource: ResourceDefinition, dialect: Dialect): Json {
  const { verb, action, gvk } = operation
  const query = [...(verb === 'connect' ? [] : PARAMETERS[verb]), ...(operation.parameters ?? [])]
  const parameters: Json[] = query.map((parameter) => queryParameter(parameter, dialect))
  const request = operation.request && payloadSchema(operation.request, resource, dialect)
  // What deletes needs no options.
  const required = verb !== 'delete' && verb !== 'deletecollection'
  const consumes = verb === 'patch' ? patchTypesOf(resource) : ANY
  const produces = producedBy(operation)
  const json: Json = {
    tags: [operation.tag],
    operationId: operation.id,
    description: `${action} ${gvk.kind}`,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  }
  const responses = responsesJson(CODES[verb], payloadSchema(operation.response, resource, dialect), produces, dialect)
  if (dialect === 'v2') {
    if (request !== undefined) parameters.push({ name: 'body', in: 'body', ...(required && { required }), schema: request })
    return { ...json, consumes, produces, schemes: ['https'], ...withParameters(parameters), responses }
  }
  if (request !== undefined) json['requestBody'] = { ...(required && { required }), content: contentOf(consumes, request) }
  return { ...json, ...withParameters(parameters), responses }
}

function producedBy({ verb, response }: Operation): readonly string[] {
  if (verb === 'connect') return ANY
  if (response.kind === 'text') return ['text/plain', ...MEDIA_TYPES]
  return verb === 'list' ? [...MEDIA_TYPES, ...STREAMED] : MEDIA_TYPES
}

const contentOf = (types: readonly string[], schema: Json): Json => Object.fromEntries(types.map((type) => [type, { schema }]))

function payloadSchema(payload: Payload, resource: ResourceDefinition, dialect: Dialect): Json {
  switch (payload.kind) {
    case 'object':
      return reference(dialect, nameOf(resource))
    case 'list':
      return reference(dialect, listNameOf(resource))
    case 'patch':
      return reference(dialect, PATCH)
    case 'named':
      return reference(dialect, payload.name)
    case 'text':
      return { type: 'string' }
  }
}

function queryParameter({ name, type, description }: QueryParameter, dialect: Dialect): Json {
  const base = { name, in: 'query', description, uniqueItems: true }
  return dialect === 'v2' ? { ...base, type } : { name, in: 'query', description, schema: { type, uniqueItems: true } }
}

function pathParameter(name: string, dialect: Dialect): Json {
  const base = { name, in: 'path', description: `${name} of the object`, required: true }
  return dialect === 'v2'
    ? { ...base, type: 'string', uniqueItems: true }
    : { ...base, schema: { type: 'string', uniqueItems: true } }
}

function definitions(input: DocumentInput, dialect: Dialect): Json {
  const operations = input.resources.flatMap((resource) => operationsOf(resource))
  const travelling = operations.flatMap(({ request, response }) => [request, response])
  const plain = input.plainPaths.flatMap(({ response }) => response ?? [])
  const lists = input.resources.filter(({ verbs }) => verbs.includes('list'))
  const published = lists.map(listNameOf).filter(isPublished)
  const names = new Set(travelling.flatMap((payload) => (payload?.kind === 'named' ? [payload.name] : [])))
  const roots = [
    ...input.resources.map((resource) => resource.schema()),
    ...[...names, ...plain, ...published, ...(lists.length > 0 ? [LIST_META] : []), PATCH].map(input.named),
  ]
  const all = definitionsOf(roots, dialect)
  for (const resource of lists) all[listNameOf(resource)] ??= listDefinition(resource, dialect)
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The list of a custom kind. */
function listDefinition(resource: ResourceDefinition, dialect: Dialect): Json {
  const text = (name: string): Json => ({ type: 'string', description: describe(TYPICAL_LIST, name) })
  const items = `List of ${resource.names.plural}. More info: ${CONVENTIONS}`
  return {
    description: `${resource.listKind} is a list of ${resource.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: text('apiVersion'),
      items: { type: 'array', description: items, items: reference(dialect, nameOf(resource)) },
      kind: text('kind'),
      metadata: besideReference(
        { description: `Standard list metadata. More info: ${CONVENTIONS}#types-kinds` },
        reference(dialect, LIST_META),
        dialect,
      ),
    },
    'x-kubernetes-group-version-kind': [{ group: resource.group, kind: resource.listKind, version: resource.version }],
  }
}

function nameOf(resource: ResourceDefinition): string {
  return deref(resource.schema()).name ?? `${resource.group}.${resource.version}.${resource.kind}`
}

const listNameOf = (resource: ResourceDefinition): string => nameOf(resource).replace(/[^.]+$/, resource.listKind)

/** Upstream's documents have no empty lists. */
const withParameters = (parameters: readonly Json[]): Json => (parameters.length === 0 ? {} : { parameters })
