import { isPublished } from '#api'
import { deref, type Schema } from '#meta'

/** The two published forms differ in where definitions live and in what a property may say beside a reference. */
export type Dialect = 'v2' | 'v3'

/** The definition that a node is written for. */
interface Place {
  readonly dialect: Dialect
  /** Not a custom kind's, which has the defaults that its author wrote and no others. */
  readonly published: boolean
}

export type Json = { [key: string]: unknown }

const REFERENCE_PREFIX: Readonly<Record<Dialect, string>> = { v2: '#/definitions/', v3: '#/components/schemas/' }

export const reference = (dialect: Dialect, name: string): Json => ({ $ref: REFERENCE_PREFIX[dialect] + name })

/** Named definitions reachable from some schemas, each as JSON, in order of name. */
export function definitionsOf(roots: Iterable<Schema>, dialect: Dialect): Record<string, Json> {
  const found = new Map<string, Schema>()
  const visit = (schema: Schema): void => {
    const target = deref(schema)
    if (target.name !== undefined) {
      if (found.has(target.name)) return
      found.set(target.name, target)
    }
    for (const child of Object.values(target.properties ?? {})) visit(child)
    if (target.items !== undefined) visit(target.items)
    if (target.additionalProperties !== undefined) visit(target.additionalProperties)
  }
  for (const root of roots) visit(root)
  return Object.fromEntries(
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, schema]) => [name, schemaBody(schema, { dialect, published: isPublished(name) })]),
  )
}

/** A property: a reference when it has a name, its body otherwise; in v3 with the value that it has while nobody sets it. */
const propertyJson = (schema: Schema, place: Place): Json =>
  schemaJson(schema, place, schema.default ?? (schema.always ? zeroOf(schema) : undefined))

/** A node where it is used. */
function schemaJson(schema: Schema, place: Place, initial: unknown): Json {
  const { dialect } = place
  const target = deref(schema)
  if (target.name === undefined) return schemaBody(schema, place, initial)
  const own: Json = {}
  if (schema.ref !== undefined && schema.description) own['description'] = schema.description
  if (dialect === 'v3' && initial !== undefined) own['default'] = initial
  if (schema.ref !== undefined) Object.assign(own, extensions(schema))
  return besideReference(own, reference(dialect, target.name), dialect)
}

/** OpenAPI 3.0 ignores everything beside a $ref, so there the reference stands in a list of its own. */
export function besideReference(own: Json, json: Json, dialect: Dialect): Json {
  if (dialect === 'v2' || json['$ref'] === undefined || Object.keys(own).length === 0) return { ...own, ...json }
  return { ...own, allOf: [json] }
}

/** Go's zero value of what is no pointer: of a scalar, or of a struct. Wrapped scalars (times, quantities) have none in OpenAPI. */
function zeroOf(schema: Schema): unknown {
  const target = deref(schema)
  if (target.name !== undefined) return target.properties === undefined ? undefined : {}
  switch (target.type) {
    case 'string':
      return ''
    case 'boolean':
      return false
    case 'integer':
    case 'number':
      return 0
    default:
      return undefined
  }
}

function schemaBody(schema: Schema, place: Place, initial: unknown = schema.default): Json {
  const { dialect, published } = place
  if (schema.published !== undefined) return schema.published(dialect)
  const body: Json = {}
  if (schema.description) body['description'] = schema.description
  if (schema.intOrString || schema.format === 'int-or-string') intOrString(body, dialect)
  else {
    if (schema.type !== undefined) body['type'] = schema.type
    if (schema.format !== undefined) body['format'] = schema.format
  }
  if (schema.properties !== undefined) {
    body['properties'] = Object.fromEntries(
      Object.entries(schema.properties).map(([name, property]) => [name, propertyJson(property, place)]),
    )
  }
  if (schema.required?.length) body['required'] = schema.required
  for (const key of ['items', 'additionalProperties'] as const) {
    const child = schema[key]
    // Go's items and values are no pointers.
    if (child !== undefined) body[key] = schemaJson(child, place, child.default ?? (published ? zeroOf(child) : undefined))
  }
  if (schema.enum !== undefined) body['enum'] = schema.enum
  if (dialect === 'v3' && initial !== undefined) body['default'] = initial
  return Object.assign(body, extensions(schema))
}

function intOrString(body: Json, dialect: Dialect): void {
  body['format'] = 'int-or-string'
  if (dialect === 'v2') body['type'] = 'string'
  else body['oneOf'] = [{ type: 'integer' }, { type: 'string' }]
}

/** Wrappers of open JSON, which OpenAPI shows as plain objects. */
const OPEN = /^io\.k8s\.(apimachinery|apiextensions-apiserver)\.pkg\./

function extensions(schema: Schema): Json {
  const out: Json = {}
  if (schema.gvk?.length) {
    out['x-kubernetes-group-version-kind'] = schema.gvk.map(([group, version, kind]) => ({ group, kind, version }))
  }
  if (schema.listType !== undefined) out['x-kubernetes-list-type'] = schema.listType
  if (schema.listMapKeys !== undefined) out['x-kubernetes-list-map-keys'] = schema.listMapKeys
  if (schema.mapType !== undefined) out['x-kubernetes-map-type'] = schema.mapType
  if (schema.patchMergeKey !== undefined) out['x-kubernetes-patch-merge-key'] = schema.patchMergeKey
  if (schema.patchStrategy !== undefined) out['x-kubernetes-patch-strategy'] = schema.patchStrategy
  if (schema.unions !== undefined) out['x-kubernetes-unions'] = schema.unions
  if (schema.preserveUnknownFields && !OPEN.test(schema.name ?? '')) out['x-kubernetes-preserve-unknown-fields'] = true
  if (schema.embeddedResource) out['x-kubernetes-embedded-resource'] = true
  return out
}
