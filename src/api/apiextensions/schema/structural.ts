import { deepEqual } from '#base'
import type { JSONSchemaProps } from '../../generated/types.ts'

type Nested = 'additionalProperties' | 'allOf' | 'anyOf' | 'items' | 'not' | 'oneOf' | 'properties'

/**
 * A CRD's schema that was checked to be structural (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema):
 * what pruning, defaulting, validation, apply and OpenAPI read.
 */
export interface Structural extends Omit<JSONSchemaProps, Nested> {
  properties?: Record<string, Structural>
  additionalProperties?: Structural | boolean
  items?: Structural
  allOf?: Structural[]
  anyOf?: Structural[]
  oneOf?: Structural[]
  not?: Structural
}

export const structuralOf = (schema: JSONSchemaProps): Structural => schema as Structural

export const propertyOf = (node: Structural, name: string): Structural | undefined =>
  node.properties !== undefined && Object.hasOwn(node.properties, name) ? node.properties[name] : undefined

/** The schema of what a map holds beside its declared properties. */
export const additionalOf = (node: Structural): Structural | undefined =>
  typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined

/** The schema of one field: declared, or what all fields of the map have in common. */
export const fieldOf = (node: Structural, name: string): Structural | undefined => propertyOf(node, name) ?? additionalOf(node)

/** The choice that `x-kubernetes-int-or-string` stands for. */
export const INT_OR_STRING: readonly Structural[] = [{ type: 'integer' }, { type: 'string' }]

export const isIntOrStringChoice = (anyOf: readonly Structural[] | undefined): boolean =>
  anyOf !== undefined && deepEqual(anyOf, INT_OR_STRING)

/** Whether fields that no schema names are kept. */
export const keepsUnknown = (node: Structural): boolean =>
  node['x-kubernetes-preserve-unknown-fields'] === true || node.additionalProperties === true

/** Whether the node holds a whole object with apiVersion, kind and metadata of its own. */
export const isEmbedded = (node: Structural): boolean => node['x-kubernetes-embedded-resource'] === true

/** A node and everything below it, also what junctors say and what no structural schema may hold. */
export function* nodesOf(node: Structural): Iterable<Structural> {
  yield node
  const { items, additionalProperties, not, allOf = [], anyOf = [], oneOf = [], properties = {} } = node
  const { patternProperties = {}, additionalItems, definitions = {}, dependencies = {} } = node
  const maps = [properties, patternProperties, definitions, dependencies].flatMap((map) => Object.values(map))
  const lists = Array.isArray(items) ? items : [items]
  for (const below of [...lists, ...allOf, ...anyOf, ...oneOf, not, ...maps, additionalProperties, additionalItems])
    if (typeof below === 'object' && !Array.isArray(below)) yield* nodesOf(below as Structural)
}

const hasRules = new WeakMap<Structural, boolean>()

/** Whether a node or anything below it has rules; the rest need not be walked. */
export function isRuled(node: Structural): boolean {
  let found = hasRules.get(node)
  if (found === undefined) {
    const { items, additionalProperties, properties = {} } = node
    const below = [items, additionalProperties, ...Object.values(properties)].filter((each) => typeof each === 'object')
    found = Boolean(node['x-kubernetes-validations']?.length) || below.some((each) => isRuled(each))
    hasRules.set(node, found)
  }
  return found
}
