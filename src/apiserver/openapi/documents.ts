import type { ResourceDefinition } from '#api'
import { deref, type Schema } from '#meta'
import { type Operation, operationsOf, type Payload } from './operations.ts'
import { PARAMETERS, PATCH_TYPES, type QueryParameter } from './parameters.ts'
import { type Dialect, definitionsOf, type Json, reference } from './schema-json.ts'

export interface DocumentInput {
  readonly resources: readonly ResourceDefinition[]
  /** Schemas that travel without being a resource: Status, DeleteOptions, Patch, Scale, Eviction ... by definition name. */
  readonly named: (name: string) => Schema
  readonly version: string
}

const INFO_TITLE = 'Kubernetes'
const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta'
const PATCH = 'io.k8s.apimachinery.pkg.apis.meta.v1.Patch'
const MEDIA_TYPES = ['application/json', 'application/yaml']
const STREAMED = 'application/json;stream=watch'

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
      paths[operation.path] ??= { parameters: operation.pathParameters.map((name) => pathParameter(name, dialect)) }
      paths[operation.path]![operation.method] = operationJson(operation, resource, dialect)
    }
  }
  return Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1)))
}

function operationJson(operation: Operation, resource: ResourceDefinition, dialect: Dialect): Json {
  const query = operation.verb === 'connect' ? [] : PARAMETERS[operation.verb]
  const parameters: Json[] = query.map((parameter) => queryParameter(parameter, dialect))
  const request = operation.request && payloadSchema(operation.request, resource, dialect)
  const consumes = operation.request?.kind === 'patch' ? [...PATCH_TYPES] : MEDIA_TYPES
  const json: Json = {
    tags: [operation.tag],
    operationId: operation.id,
    description: `${operation.action} ${operation.gvk.kind}`,
    'x-kubernetes-action': operation.action,
    'x-kubernetes-group-version-kind': operation.gvk,
  }
  const produces = operation.response.kind === 'list' ? [...MEDIA_TYPES, STREAMED] : MEDIA_TYPES
  const response = payloadSchema(operation.response, resource, dialect)
  if (dialect === 'v2') {
    if (request !== undefined) parameters.push({ name: 'body', in: 'body', required: true, schema: request })
    const responses = { '200': { description: 'OK', schema: response }, '401': { description: 'Unauthorized' } }
    return { ...json, consumes, produces, schemes: ['https'], parameters, responses }
  }
  if (request !== undefined) json['requestBody'] = { required: true, content: contentOf(consumes, request) }
  const responses = {
    '200': { description: 'OK', content: contentOf(produces, response) },
    '401': { description: 'Unauthorized' },
  }
  return { ...json, parameters, responses }
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
  const names = new Set(travelling.flatMap((payload) => (payload?.kind === 'named' ? [payload.name] : [])))
  const lists = input.resources.filter(({ verbs }) => verbs.includes('list'))
  const roots = [
    ...input.resources.map((resource) => resource.schema()),
    ...[...names, ...(lists.length > 0 ? [LIST_META] : []), PATCH].map(input.named),
  ]
  const all = definitionsOf(roots, dialect)
  for (const resource of lists) all[listNameOf(resource)] = listDefinition(resource, dialect)
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Lists are alike for every kind, so their definitions are made, not stored. */
function listDefinition(resource: ResourceDefinition, dialect: Dialect): Json {
  const text = (description: string): Json => ({ type: 'string', description })
  return {
    description: `${resource.listKind} is a list of ${resource.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: text('The versioned schema of this representation.'),
      items: { type: 'array', description: `List of ${resource.names.plural}.`, items: reference(dialect, nameOf(resource)) },
      kind: text('The kind of this representation.'),
      metadata: reference(dialect, LIST_META),
    },
    'x-kubernetes-group-version-kind': [{ group: resource.group, kind: resource.listKind, version: resource.version }],
  }
}

function nameOf(resource: ResourceDefinition): string {
  return deref(resource.schema()).name ?? `${resource.group}.${resource.version}.${resource.kind}`
}

const listNameOf = (resource: ResourceDefinition): string => nameOf(resource).replace(/[^.]+$/, resource.listKind)
