import { deref, type Schema } from '#meta'

/** The two published forms differ in where definitions live and in what a property may say beside a reference. */
export type Dialect = 'v2' | 'v3'

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
    [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, schema]) => [name, schemaBody(schema, dialect)]),
  )
}

/** A node where it is used: a reference when it has a name, its body otherwise. */
export function schemaJson(schema: Schema, dialect: Dialect): Json {
  const target = deref(schema)
  if (target.name === undefined) return schemaBody(schema, dialect)
  const own: Json = {}
  if (schema.ref !== undefined && schema.description) own['description'] = schema.description
  if (dialect === 'v3' && schema.default !== undefined) own['default'] = schema.default
  if (dialect === 'v2' || Object.keys(own).length === 0) return { ...own, ...reference(dialect, target.name) }
  // OpenAPI 3.0 ignores everything beside a $ref.
  return { ...own, allOf: [reference(dialect, target.name)] }
}

function schemaBody(schema: Schema, dialect: Dialect): Json {
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
      Object.entries(schema.properties).map(([name, property]) => [name, schemaJson(property, dialect)]),
    )
  }
  if (schema.required?.length) body['required'] = schema.required
  if (schema.items !== undefined) body['items'] = schemaJson(schema.items, dialect)
  if (schema.additionalProperties !== undefined) body['additionalProperties'] = schemaJson(schema.additionalProperties, dialect)
  if (dialect === 'v3') {
    if (schema.default !== undefined) body['default'] = schema.default
    if (schema.enum !== undefined) body['enum'] = schema.enum
  }
  return Object.assign(body, extensions(schema))
}

function intOrString(body: Json, dialect: Dialect): void {
  body['format'] = 'int-or-string'
  if (dialect === 'v2') body['type'] = 'string'
  else body['oneOf'] = [{ type: 'integer' }, { type: 'string' }]
}

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
  if (schema.preserveUnknownFields) out['x-kubernetes-preserve-unknown-fields'] = true
  if (schema.embeddedResource) out['x-kubernetes-embedded-resource'] = true
  return out
}
