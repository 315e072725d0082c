import { describe } from '../../schemas.ts'
import { isEmbedded, keepsUnknown, type Structural } from './structural.ts'

type Json = Record<string, unknown>
export type OpenApiVersion = 'v2' | 'v3'

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta'
/** Any definition's words for the fields that every object has. */
const TYPICAL = 'io.k8s.api.core.v1.ConfigMap'
const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md'
/** The words that upstream has for an object inside another. */
const EMBEDDED: Readonly<Record<string, string>> = {
  apiVersion: `apiVersion defines the versioned schema of this representation of an object. More info: ${CONVENTIONS}#resources`,
  kind: `kind is a string value representing the type of this object. In CamelCase. More info: ${CONVENTIONS}#types-kinds`,
}

/**
 * A custom kind's schema as clients read it: in v3 all that was declared, in v2 what old versions of kubectl can work with
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#publish-validation-schema-in-openapi).
 */
export function publishedSchema(
  schema: Structural,
  gvk: { readonly group: string; readonly version: string; readonly kind: string },
  version: OpenApiVersion,
): Json {
  const own = [{ group: gvk.group, kind: gvk.kind, version: gvk.version }]
  // kubectl complains about every unknown field once there is one known field, so v2 says nothing of a kind that keeps them.
  const body = version === 'v2' && keepsUnknown(schema) ? { type: 'object' } : nodeJson(schema, version, 'resource')
  return { ...body, 'x-kubernetes-group-version-kind': own }
}

/** What a node describes: a whole object at the root or inside another, or anything else. */
type Role = 'resource' | 'embedded' | 'value'

const roleOf = (node: Structural): Role => (isEmbedded(node) ? 'embedded' : 'value')

function nodeJson(node: Structural, version: OpenApiVersion, role: Role): Json {
  const { properties, additionalProperties, items, allOf, anyOf, oneOf, not, nullable, ...rest } = node
  const json: Json = { ...rest }
  const child = (each: Structural): Json => (version === 'v2' && each.nullable ? {} : nodeJson(each, version, roleOf(each)))
  if (version === 'v3') {
    const nested = (each: Structural): Json => nodeJson(each, version, 'value')
    if (nullable) json['nullable'] = true
    if (allOf) json['allOf'] = allOf.map(nested)
    if (anyOf) json['anyOf'] = anyOf.map(nested)
    if (oneOf) json['oneOf'] = oneOf.map(nested)
    if (not) json['not'] = nested(not)
  } else if (nullable || node['x-kubernetes-int-or-string']) {
    delete json['type']
    if (nullable) return withoutChildren(json)
  }
  const closed = version === 'v2' && node['x-kubernetes-preserve-unknown-fields'] === true
  const shown = closed ? undefined : properties
  if (shown !== undefined || role !== 'value') {
    json['properties'] = {
      ...Object.fromEntries(Object.entries(shown ?? {}).map(([name, each]) => [name, propertyJson(each, version)])),
      ...(role !== 'value' && !closed && objectProperties(role, version)),
    }
    if (Object.keys(json['properties'] as Json).length === 0) delete json['properties']
  }
  if (items !== undefined && !closed) json['items'] = child(items)
  if (additionalProperties !== undefined)
    json['additionalProperties'] = typeof additionalProperties === 'object' ? child(additionalProperties) : additionalProperties
  if (version === 'v2' && Array.isArray(json['required'])) {
    const required = (json['required'] as string[]).filter((name) => !properties?.[name]?.nullable)
    if (required.length > 0) json['required'] = required
    else delete json['required']
  }
  if (role === 'embedded' && !closed)
    json['required'] = [...new Set([...((json['required'] ?? []) as string[]), 'kind', 'apiVersion'])]
  return json
}

const propertyJson = (node: Structural, version: OpenApiVersion): Json => nodeJson(node, version, roleOf(node))

function withoutChildren({ required: _, ...json }: Json): Json {
  return json
}

function objectProperties(role: Role, version: OpenApiVersion): Json {
  const text = (name: string): Json => ({
    description: role === 'embedded' ? EMBEDDED[name] : describe(TYPICAL, name),
    type: 'string',
  })
  const description = describe(TYPICAL, 'metadata')
  const metadata =
    version === 'v2'
      ? { description, $ref: `#/definitions/${OBJECT_META}` }
      : { description, allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }] }
  return { apiVersion: text('apiVersion'), kind: text('kind'), metadata }
}
