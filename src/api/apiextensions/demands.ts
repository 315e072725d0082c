import { deepEqual } from '#base'
import type { CustomResourceDefinition, CustomResourceDefinitionSpec } from '../generated/types.ts'
import { foundBy } from '../validation/findings.ts'
import { pruneValue } from './schema/prune.ts'
import { unreadable } from './schema/readable.ts'
import { nodesOf, type Structural, structuralOf } from './schema/structural.ts'
import { validateMapKeys, validateSetItems } from './validate-extensions.ts'
import { validateStructural } from './validate-structural.ts'

/** Checks that came after the first definitions: one that an old definition fails is not made of what it becomes. */
export interface Demands {
  /** A schema in every version, or else in those that are served. */
  readonly schemas: boolean
  readonly structural: boolean
  readonly types: boolean
  readonly prunedDefaults: boolean
  readonly atomicSets: boolean
  readonly mapKeys: boolean
}

export const SCHEMA_TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string']

const EVERYTHING: Demands = {
  schemas: true,
  structural: true,
  types: true,
  prunedDefaults: true,
  atomicSets: true,
  mapKeys: true,
}

/** What is asked of a definition, which `old` was before an update. Fields that are dropped, filled in or ruled need a structure in any case. */
export function demandsOf(spec: CustomResourceDefinitionSpec, old: CustomResourceDefinition | undefined): Demands {
  const demands = old === undefined ? EVERYTHING : kept(old.spec)
  return {
    ...demands,
    structural: demands.structural || !spec.preserveUnknownFields || hasDefaults(spec) || someNode(spec, isExtended),
  }
}

export const hasDefaults = (spec: CustomResourceDefinitionSpec): boolean =>
  someNode(spec, ({ default: value }) => value !== undefined)

function kept(spec: CustomResourceDefinitionSpec): Demands {
  const schemas = schemasOf(spec)
  return {
    schemas: schemas.length === (spec.versions ?? []).length,
    structural: schemas.every(isStructural),
    types: !someNode(spec, ({ type }) => Boolean(type) && !SCHEMA_TYPES.includes(type!)),
    prunedDefaults: schemas.every((schema) => !isStructural(schema) || [...nodesOf(schema)].every(isPruned)),
    atomicSets: !someNode(spec, (node) => foundBy((found) => validateSetItems(node, '', found)).length > 0),
    mapKeys: !someNode(spec, (node) => foundBy((found) => validateMapKeys(node, '', found)).length > 0),
  }
}

const isStructural = (schema: Structural): boolean =>
  unreadable(schema) === undefined && foundBy((found) => validateStructural(schema, '', found)).length === 0

const isPruned = (node: Structural): boolean =>
  node.default === undefined || deepEqual(pruneValue(node.default, node), node.default)

const isExtended = (node: Structural): boolean =>
  Boolean(node['x-kubernetes-embedded-resource'] || node['x-kubernetes-int-or-string']) ||
  node['x-kubernetes-preserve-unknown-fields'] !== undefined ||
  node['x-kubernetes-list-type'] !== undefined ||
  Boolean(node['x-kubernetes-list-map-keys']?.length || node['x-kubernetes-validations']?.length)

const schemasOf = ({ versions = [] }: CustomResourceDefinitionSpec): Structural[] =>
  versions.flatMap(({ schema }) => (schema?.openAPIV3Schema === undefined ? [] : [structuralOf(schema.openAPIV3Schema)]))

const someNode = (spec: CustomResourceDefinitionSpec, is: (node: Structural) => boolean): boolean =>
  schemasOf(spec).some((schema) => [...nodesOf(schema)].some(is))
