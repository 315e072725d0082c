import { describe } from '../../schemas.ts'
import {
  additionalOf,
  INT_OR_STRING,
  isEmbedded,
  isIntOrStringChoice,
  keepsUnknown,
  propertyOf,
  type Structural,
} from './structural.ts'

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
  const isSilent = version === 'v2' && keepsUnknown(schema)
  const body = isSilent ? { type: 'object' } : nodeJson(version === 'v2' ? forV2(schema) : schema, version, 'resource')
  return { ...body, 'x-kubernetes-group-version-kind': own }
}

/** What old versions of kubectl can work with: no choices, no defaults, and nothing of what is inside a value that may be null or anything. */
function forV2(node: Structural): Structural {
  const { allOf: _all, anyOf: _any, oneOf: _one, not: _not, default: _default, nullable, ...out } = node
  const isOpen = out['x-kubernetes-preserve-unknown-fields'] === true
  if (nullable || isOpen) {
    delete out.items
    delete out.properties
  }
  if (nullable || (out.type === 'array' && out.items === undefined) || (out.type === 'object' && isOpen)) delete out.type
  const additional = additionalOf(out)
  const required = additional?.nullable ? [] : (out.required ?? []).filter((name) => !propertyOf(out, name)?.nullable)
  if (required.length > 0) out.required = required
  else delete out.required
  if (out.items !== undefined) out.items = forV2(out.items)
  if (additional !== undefined) out.additionalProperties = forV2(additional)
  if (out.properties !== undefined)
    out.properties = Object.fromEntries(Object.entries(out.properties).map(([name, each]) => [name, forV2(each)]))
  return out
}

/** With the choice that `x-kubernetes-int-or-string` stands for, also for those who do not know that. */
function unfolded(node: Structural): Structural {
  const { 'x-kubernetes-int-or-string': either, anyOf, allOf = [] } = node
  if (!either || isIntOrStringChoice(anyOf) || isIntOrStringChoice(allOf[0]?.anyOf)) return node
  const choice = { anyOf: [...INT_OR_STRING] }
  return anyOf?.length ? { ...node, allOf: [choice, ...allOf] } : { ...node, ...choice }
}

/** What a node describes: a whole object at the root or inside another, or anything else. */
type Role = 'resource' | 'embedded' | 'value'

const roleOf = (node: Structural): Role => (isEmbedded(node) ? 'embedded' : 'value')

function nodeJson(node: Structural, version: OpenApiVersion, role: Role): Json {
  const { properties, additionalProperties, items, allOf, anyOf, oneOf, not, nullable, example, ...rest } = node
  const json: Json = { ...rest }
  if (!isEmpty(example)) json['example'] = example
  const child = (each: Structural): Json => nodeJson(version === 'v3' ? unfolded(each) : each, version, roleOf(each))
  const nested = (each: Structural): Json => nodeJson(each, version, 'value')
  if (nullable) json['nullable'] = true
  if (allOf) json['allOf'] = allOf.map(nested)
  if (anyOf) json['anyOf'] = anyOf.map(nested)
  if (oneOf) json['oneOf'] = oneOf.map(nested)
  if (not) json['not'] = nested(not)
  const closed = version === 'v2' && node['x-kubernetes-preserve-unknown-fields'] === true
  const own = Object.entries(properties ?? {}).map(([name, each]) => [name, child(each)])
  const all: Json = { ...Object.fromEntries(own), ...(role !== 'value' && !closed && objectProperties(role, version)) }
  if (Object.keys(all).length > 0) json['properties'] = all
  if (items !== undefined) json['items'] = child(items)
  if (additionalProperties !== undefined)
    json['additionalProperties'] = typeof additionalProperties === 'object' ? child(additionalProperties) : additionalProperties
  if (role === 'embedded' && !closed)
    json['required'] = [...new Set([...((json['required'] ?? []) as string[]), 'kind', 'apiVersion'])]
  return json
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (typeof value === 'object' && Object.keys(value ?? {}).length === 0)

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
