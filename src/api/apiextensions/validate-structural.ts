import { deepEqual } from '#base'
import type { FieldError } from '#meta'
import { type Findings, forbid, invalidValue, required } from '../validation/findings.ts'
import { patternOf } from './schema/pattern.ts'
import { isEmbedded, type Structural } from './schema/structural.ts'

type Level = 'root' | 'item' | 'field'

/**
 * The rules that make a schema structural
 * (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema).
 */
export function validateStructural(schema: Structural, path: string): FieldError[] {
  const findings = [...invariants(schema, 'root', path), ...completeness(schema, path)]
  const text = ({ field, message }: FieldError): string => `${field}: ${message}`
  return findings.sort((a, b) => (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0))
}

const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
}

function* invariants(node: Structural, level: Level, path: string): Findings {
  const { type, items, properties = {}, additionalProperties: additional } = node
  if (type === 'array' && items === undefined) yield required(`${path}.items`, 'must be specified')
  if (items !== undefined && !Array.isArray(items)) yield* invariants(items, 'item', `${path}.items`)
  for (const [name, property] of Object.entries(properties)) yield* invariants(property, 'field', `${path}.properties[${name}]`)
  if (additional !== undefined && level === 'root') yield forbid(`${path}.additionalProperties`, 'must not be used at the root')
  if (typeof additional === 'object') yield* invariants(additional, 'field', `${path}.additionalProperties`)
  yield* extensions(node, path)
  yield* valueRules(node, path, isIntOrStringChoice(node.anyOf), isIntOrStringChoice(node.allOf?.[0]?.anyOf))
  yield* types(node, level, path)
  yield* resourceFields(node, level, path)
}

function* types(node: Structural, level: Level, path: string): Findings {
  const { type, additionalProperties } = node
  if (isEmbedded(node) && type !== 'object') {
    const detail = 'must be object if x-kubernetes-embedded-resource is true'
    yield type ? invalidValue(`${path}.type`, type, detail) : required(`${path}.type`, detail)
  } else if (!type && !node['x-kubernetes-int-or-string'] && !node['x-kubernetes-preserve-unknown-fields']) {
    yield required(`${path}.type`, EMPTY_TYPE[level])
  }
  if (isEmbedded(node) && additionalProperties !== undefined)
    yield forbid(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set')
  if (level === 'root' && type && type !== 'object') yield invalidValue(`${path}.type`, type, 'must be object at the root')
}

function* extensions(node: Structural, path: string): Findings {
  if (!node['x-kubernetes-int-or-string']) return
  for (const other of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'] as const)
    if (node[other]) yield invalidValue(`${path}.${other}`, true, 'must be false if x-kubernetes-int-or-string is true')
}

/** What every object has is implied: a schema may only narrow its names. */
function* resourceFields(node: Structural, level: Level, path: string): Findings {
  const isResource = level === 'root' || isEmbedded(node)
  const { properties = {} } = node
  for (const name of ['kind', 'apiVersion'] as const) {
    const property = properties[name]
    if (isResource && property !== undefined && property.type !== 'string')
      yield invalidValue(`${path}.properties[${name}].type`, property.type ?? '', 'must be string')
  }
  const { metadata } = properties
  if (metadata !== undefined) {
    const own = `${path}.properties[metadata]`
    if (isResource && metadata.type !== 'object') yield invalidValue(`${own}.type`, metadata.type ?? '', 'must be object')
    if (level === 'root' && !narrowsNamesOnly(metadata))
      yield forbid(own, 'must not specify anything other than name and generateName, but metadata is implicitly specified')
  }
  if (isEmbedded(node) && !node['x-kubernetes-preserve-unknown-fields'] && Object.keys(properties).length === 0) {
    const detail = 'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields'
    yield required(`${path}.properties`, detail)
  }
}

function narrowsNamesOnly({ type: _, properties, ...rest }: Structural): boolean {
  const names = Object.keys(properties ?? {})
  const others = Object.entries(rest).filter(([, value]) => value !== undefined && value !== false && value !== '')
  return others.length === 0 && names.every((name) => name === 'name' || name === 'generateName')
}

const INT_OR_STRING: readonly Structural[] = [{ type: 'integer' }, { type: 'string' }]

const isIntOrStringChoice = (anyOf: readonly Structural[] | undefined): boolean =>
  anyOf !== undefined && deepEqual(anyOf, INT_OR_STRING)

function* valueRules(node: Structural, path: string, skipAnyOf = false, skipFirstAllOf = false): Findings {
  if (!skipAnyOf) for (const [index, each] of (node.anyOf ?? []).entries()) yield* nested(each, `${path}.anyOf[${index}]`)
  for (const [index, each] of (node.allOf ?? []).entries())
    yield* nested(each, `${path}.allOf[${index}]`, skipFirstAllOf && index === 0)
  for (const [index, each] of (node.oneOf ?? []).entries()) yield* nested(each, `${path}.oneOf[${index}]`)
  if (node.not !== undefined) yield* nested(node.not, `${path}.not`)
  if (!node.pattern) return
  try {
    patternOf(node.pattern)
  } catch (error) {
    const detail = `must be a valid regular expression, but isn't: ${(error as Error).message}`
    yield invalidValue(`${path}.pattern`, node.pattern, detail)
  }
}

const FORBIDDEN: readonly (readonly [field: keyof Structural, state: string])[] = [
  ['type', 'empty'],
  ['additionalProperties', 'undefined'],
  ['default', 'undefined'],
  ['title', 'empty'],
  ['description', 'empty'],
  ['nullable', 'false'],
  ['externalDocs', 'undefined'],
  ['x-kubernetes-preserve-unknown-fields', 'false'],
  ['x-kubernetes-embedded-resource', 'false'],
  ['x-kubernetes-int-or-string', 'false'],
  ['x-kubernetes-list-map-keys', 'empty'],
  ['x-kubernetes-list-type', 'undefined'],
  ['x-kubernetes-map-type', 'undefined'],
  ['x-kubernetes-validations', 'empty'],
]

/** Below a junctor values are restricted, but nothing is specified. */
function* nested(node: Structural, path: string, skipAnyOf = false): Findings {
  yield* valueRules(node, path, skipAnyOf)
  if (node.items !== undefined) yield* nested(node.items, `${path}.items`)
  for (const [name, property] of Object.entries(node.properties ?? {})) yield* nested(property, `${path}.properties[${name}]`)
  for (const [field, state] of FORBIDDEN) {
    const value = node[field]
    if (value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0))
      yield forbid(`${path}.${field}`, `must be ${state} to be structural`)
  }
  if (node.properties?.['metadata'] !== undefined)
    yield forbid(`${path}.properties[metadata]`, 'must not be specified in a nested context')
}

/** Every field that a junctor speaks of must be specified outside of it. */
function* completeness(node: Structural, path: string): Findings {
  for (const junctor of ['anyOf', 'allOf', 'oneOf'] as const)
    for (const [index, each] of (node[junctor] ?? []).entries())
      yield* specified(each, node, path, `${path}.${junctor}[${index}]`)
  if (node.not !== undefined) yield* specified(node.not, node, path, `${path}.not`)
  if (node.items !== undefined && !Array.isArray(node.items)) yield* completeness(node.items, `${path}.items`)
  for (const [name, property] of Object.entries(node.properties ?? {}))
    yield* completeness(property, `${path}.properties[${name}]`)
  if (typeof node.additionalProperties === 'object')
    yield* completeness(node.additionalProperties, `${path}.additionalProperties`)
}

function* specified(restriction: Structural, node: Structural, path: string, from: string): Findings {
  if (restriction.items !== undefined) {
    if (node.items === undefined) yield required(`${path}.items`, `because it is defined in ${from}.items`)
    else yield* specified(restriction.items, node.items, `${path}.items`, `${from}.items`)
  }
  for (const [name, property] of Object.entries(restriction.properties ?? {})) {
    const own = node.properties?.[name]
    const place = `properties[${name}]`
    if (own === undefined) yield required(`${path}.${place}`, `because it is defined in ${from}.${place}`)
    else yield* specified(property, own, `${path}.${place}`, `${from}.${place}`)
  }
  for (const junctor of ['anyOf', 'allOf', 'oneOf'] as const)
    for (const [index, each] of (restriction[junctor] ?? []).entries())
      yield* specified(each, node, path, `${from}.${junctor}[${index}]`)
  if (restriction.not !== undefined) yield* specified(restriction.not, node, path, `${from}.not`)
}
