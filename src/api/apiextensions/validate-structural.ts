import type { FieldError } from '#meta'
import type { JSONSchemaProps } from '../generated/types.ts'
import { type Findings, forbid, foundBy, invalidValue, required } from '../validation/findings.ts'
import { SCHEMA_FIELDS } from './internal-form.ts'
import { emptiesOf } from './schema/empties.ts'
import { patternOf } from './schema/pattern.ts'
import { unreadable } from './schema/readable.ts'
import { isEmbedded, isIntOrStringChoice, type Structural, structuralOf } from './schema/structural.ts'

type Level = 'root' | 'item' | 'field'

/**
 * The rules that make a schema structural
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
 */
export function validateStructural(schema: Structural, path: string, found: Findings): void {
  const own = foundBy((findings) => {
    invariants(schema, 'root', path, findings)
    completeness(schema, path, findings)
  })
  const text = ({ field, message }: FieldError): string => `${field}: ${message}`
  found.push(...own.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0)))
}

/** What keeps a schema from being structural; a text says why it can't even be read as one. */
export const structuralProblems = (schema: JSONSchemaProps, path: string): readonly FieldError[] | string =>
  unreadable(structuralOf(schema)) ?? foundBy((found) => validateStructural(structuralOf(schema), path, found))

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function invariants(node: Structural, level: Level, path: string, found: Findings): void {
  const { type, items, properties = {}, additionalProperties: additional } = node
  if (type === 'array' && (items === undefined || Array.isArray(items)))
    found.push(required(`${path}.items`, 'must be specified'))
  if (items !== undefined && !Array.isArray(items)) invariants(items, 'item', `${path}.items`, found)
  for (const [name, property] of Object.entries(properties)) invariants(property, 'field', `${path}.properties[${name}]`, found)
  if (additional !== undefined && level === 'root')
    found.push(forbid(`${path}.additionalProperties`, 'must not be used at the root'))
  if (typeof additional === 'object') invariants(additional, 'field', `${path}.additionalProperties`, found)
  extensions(node, path, found)
  valueRules(node, path, isIntOrStringChoice(node.anyOf), isIntOrStringChoice(node.allOf?.[0]?.anyOf), found)
  types(node, level, path, found)
  resourceFields(node, level, path, found)
}

function types(node: Structural, level: Level, path: string, found: Findings): void {
  const { type, additionalProperties } = node
  if (isEmbedded(node) && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true'
    found.push(type ? invalidValue(`${path}.type`, type, detail) : required(`${path}.type`, detail))
  } else if (!type && !node['x-kubernetes-int-or-string'] && !node['x-kubernetes-preserve-unknown-fields']) {
    found.push(required(`${path}.type`, EMPTY_TYPE[level]))
  }
  if (isEmbedded(node) && additionalProperties !== undefined)
    found.push(forbid(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'))
  if (level === 'root' && type && type !== 'object') found.push(invalidValue(`${path}.type`, type, 'must be object at the root'))
}

function extensions(node: Structural, path: string, found: Findings): void {
  if (!node['x-kubernetes-int-or-string']) return
  for (const other of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    if (node[other]) found.push(invalidValue(`${path}.${other}`, true, 'must be false if x-kubernetes-int-or-string is true'))
}

/** What every object has is implied: a schema may only narrow its names. */
function resourceFields(node: Structural, level: Level, path: string, found: Findings): void {
  const isResource = level === 'root' || isEmbedded(node)
  const { properties = {} } = node
  for (const name of ['kind', 'apiVersion'] as const) {
    const property = properties[name]
    if (isResource && property !== undefined && property.type !== 'string')
      found.push(invalidValue(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'))
  }
  const { metadata } = properties
  if (metadata !== undefined) {
    const own = `${path}.properties[metadata]`
    if (isResource && metadata.type !== 'object') found.push(invalidValue(`${own}.type`, metadata.type ?? '', 'must be object'))
    if (level === 'root' && !narrowsNamesOnly(metadata))
      found.push(forbid(own, 'must not specify anything other than name and generateName, but metadata is implicitly specified'))
  }
  if (isEmbedded(node) && !node['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0) {
    const detail = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    found.push(required(`${path}.properties`, detail))
  }
}

/** Whether a default may stand here is a question of its own. */
const BESIDE_NAMES = new Set<string>(['type', 'properties', 'default'] satisfies (keyof Structural)[])
/** Lists that a schema has even while they are empty. */
const KEPT_EMPTY = ['required', 'x-kubernetes-list-map-keys', 'x-kubernetes-validations']

function narrowsNamesOnly(node: Structural): boolean {
  const names = Object.keys(node.properties ?? {})
  const empties = emptiesOf(node)
  // A list of no schemas is none for any item.
  const hasNoItems = Array.isArray(node.items) && node.items.length === 0
  const says = ([field, , zero]: (typeof SCHEMA_FIELDS)[number]): boolean =>
    !BESIDE_NAMES.has(field) && node[field] !== undefined && node[field] !== zero && !(field === 'items' && hasNoItems)
  if (SCHEMA_FIELDS.some(says) || KEPT_EMPTY.some((field) => empties.has(field))) return false
  return names.every((name) => name === 'name' || name === 'generateName')
}

function valueRules(node: Structural, path: string, skipAnyOf: boolean, skipFirstAllOf: boolean, found: Findings): void {
  if (!skipAnyOf) for (const [index, each] of (node.anyOf ?? []).entries()) nested(each, `${path}.anyOf[${index}]`, false, found)
  for (const [index, each] of (node.allOf ?? []).entries())
    nested(each, `${path}.allOf[${index}]`, skipFirstAllOf && index === 0, found)
  for (const [index, each] of (node.oneOf ?? []).entries()) nested(each, `${path}.oneOf[${index}]`, false, found)
  if (node.not !== undefined) nested(node.not, `${path}.not`, false, found)
  if (!node.pattern) return
  try {
    patternOf(node.pattern)
  } catch (error) {
    const detail = `must be a valid regular expression, but isn't: ${(error as Error).message}`
    found.push(invalidValue(`${path}.pattern`, node.pattern, detail))
  }
}

const FORBIDDEN: readonly (readonly [field: keyof Structural, state: string])[] = [
  ['type', 'empty'],
  ['additionalProperties', 'undefined'],
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
]

/** Below a junctor values are restricted, but nothing is specified. */
function nested(node: Structural, path: string, skipAnyOf: boolean, found: Findings): void {
  valueRules(node, path, skipAnyOf, false, found)
  if (node.items !== undefined && !Array.isArray(node.items)) nested(node.items, `${path}.items`, false, found)
  for (const [name, property] of Object.entries(node.properties ?? {}))
    nested(property, `${path}.properties[${name}]`, false, found)
  for (const [field, state] of FORBIDDEN) {
    const value = node[field]
    // What must be undefined may not even be empty, but that nothing is allowed beside properties says nothing of any value.
    const isAbsent =
      value === undefined || (state === 'undefined' ? field === 'additionalProperties' && value === false : isZero(value))
    if (!isAbsent) found.push(forbid(`${path}.${field}`, `must be ${state} to be structural`))
  }
  if (node.properties?.['metadata'] !== undefined)
    found.push(forbid(`${path}.properties[metadata]`, 'must not be specified in a nested context'))
}

const isZero = (value: unknown): boolean => value === false || value === '' || (Array.isArray(value) && value.length === 0)

/** Every field that a junctor of the root speaks of must be specified outside of it; further below upstream does not look. */
function completeness(node: Structural, path: string, found: Findings): void {
  for (const junctor of ['anyOf', 'allOf', 'oneOf'] as const)
    for (const [index, each] of (node[junctor] ?? []).entries())
      specified(each, node, path, `${path}.${junctor}[${index}]`, found)
  if (node.not !== undefined) specified(node.not, node, path, `${path}.not`, found)
}

function specified(restriction: Structural, node: Structural, path: string, from: string, found: Findings): void {
  if (restriction.items !== undefined && !Array.isArray(restriction.items)) {
    if (node.items === undefined || Array.isArray(node.items))
      found.push(required(`${path}.items`, `because it is defined in ${from}.items`))
    else specified(restriction.items, node.items, `${path}.items`, `${from}.items`, found)
  }
  for (const [name, property] of Object.entries(restriction.properties ?? {})) {
    const own = node.properties?.[name]
    const place = `properties[${name}]`
    if (own === undefined) found.push(required(`${path}.${place}`, `because it is defined in ${from}.${place}`))
    else specified(property, own, `${path}.${place}`, `${from}.${place}`, found)
  }
  for (const junctor of ['anyOf', 'allOf', 'oneOf'] as const)
    for (const [index, each] of (restriction[junctor] ?? []).entries())
      specified(each, node, path, `${from}.${junctor}[${index}]`, found)
  if (restriction.not !== undefined) specified(restriction.not, node, path, `${from}.not`, found)
}
