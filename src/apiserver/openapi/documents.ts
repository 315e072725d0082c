import { describe, isPublished, type ResourceDefinition } from '#api'
import { deref, type Schema } from '#meta'
import { operationsOf, type Payload } from './operations.ts'
import { pathsOf } from './path-items.ts'
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
/** What upstream's server of custom kinds says of itself. */
const CUSTOM_INFO = { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' }
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.'
const LIST_META = `${META}ListMeta`
const PATCH = `${META}Patch`
/** Any list's words for the fields that every list has. */
const TYPICAL_LIST = 'io.k8s.api.core.v1.ConfigMapList'
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md'
const BEARER = { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' }

/** The whole API as one Swagger 2.0 document (`/openapi/v2`). */
export function openApiV2(input: DocumentInput): Json {
  const { paths, parameters } = pathsOf(input.resources, input.plainPaths, payloadSchema, 'v2')
  return {
    swagger: '2.0',
    info: { title: INFO_TITLE, version: input.version },
    paths,
    definitions: definitions(input, 'v2'),
    parameters,
    securityDefinitions: { BearerToken: BEARER },
    security: [{ BearerToken: [] }],
  }
}

/** One group-version as an OpenAPI 3.0 document (`/openapi/v3/apis/GROUP/VERSION`); where all kinds are custom ones it is another server's upstream. */
export function openApiV3(input: DocumentInput): Json {
  const { resources, plainPaths } = input
  const isCustom = resources.length > 0 && resources.every(({ custom }) => custom !== undefined)
  const schemas = definitions(input, 'v3')
  for (const name of EVERYWHERE)
    if (schemas[name] !== undefined) schemas[name] = told(schemas[name] as Json, resources[0], isCustom)
  return {
    openapi: '3.0.0',
    info: isCustom ? CUSTOM_INFO : { title: INFO_TITLE, version: input.version },
    paths: pathsOf(resources, plainPaths, payloadSchema, 'v3').paths,
    components: { schemas, ...(!isCustom && { securitySchemes: { BearerToken: BEARER } }) },
  }
}

/** What is registered in every group. */
const EVERYWHERE = [`${META}DeleteOptions`, `${META}WatchEvent`]
/** Whose types are no client's, so that the server of custom kinds does not know them. */
const SERVER_GROUPS = ['admission.k8s.io', 'apiextensions.k8s.io', 'apiregistration.k8s.io', 'imagepolicy.k8s.io']
const GVKS = 'x-kubernetes-group-version-kind'

/** A definition that is in every group, with the names that it has in one. */
function told(definition: Json, resource: ResourceDefinition | undefined, isCustom: boolean): Json {
  const all = definition[GVKS] as readonly { readonly group: string; readonly version: string }[]
  const isOwn = ({ group, version }: { group: string; version: string }): boolean =>
    (group === '' && version === 'v1') || (group === resource?.group && version === resource.version)
  return { ...definition, [GVKS]: all.filter((each) => (isCustom ? !SERVER_GROUPS.includes(each.group) : isOwn(each))) }
}

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

function definitions(input: DocumentInput, dialect: Dialect): Record<string, Json> {
  const operations = input.resources.flatMap((resource) => operationsOf(resource))
  const travelling = operations.flatMap(({ request, response }) => [request, response])
  const plain = input.plainPaths.flatMap(({ response }) => response ?? [])
  const lists = input.resources.filter(({ verbs }) => verbs.includes('list'))
  const published = lists.map(listNameOf).filter(isPublished)
  const names = new Set(travelling.flatMap((payload) => (payload?.kind === 'named' ? [payload.name] : [])))
  if (travelling.some((payload) => payload?.kind === 'patch')) names.add(PATCH)
  const roots = [
    ...input.resources.map((resource) => resource.schema()),
    ...[...names, ...plain, ...published, ...(lists.length > 0 ? [LIST_META] : [])].map(input.named),
  ]
  const all = definitionsOf(roots, dialect)
  for (const resource of lists) all[listNameOf(resource)] ??= listDefinition(resource, dialect)
  for (const resource of input.resources) {
    if (resource.custom === undefined) continue
    for (const name of [nameOf(resource), listNameOf(resource)]) all[name] = { ...all[name], ...selectable(resource) }
  }
  return Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The fields that objects of a custom kind can be selected by. */
function selectable({ selectableFields }: ResourceDefinition): Json {
  const fields = Object.keys(selectableFields).map((fieldPath) => ({ fieldPath }))
  return fields.length === 0 ? {} : { 'x-kubernetes-selectable-fields': fields }
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
