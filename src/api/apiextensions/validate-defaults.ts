import { deepEqual } from '#base'
import type { FieldError } from '#meta'
import { type Findings, invalidValue } from '../validation/findings.ts'
import { loadedRules } from './rules/load.ts'
import { fillDefaults } from './schema/fill-defaults.ts'
import { pruneValue } from './schema/prune.ts'
import { isRuled, type Structural } from './schema/structural.ts'
import { duplicateItems, validateValue } from './schema/validate-value.ts'

/** Defaults must be what they are filled in for: valid, and with nothing that would be pruned. */
export function validateDefaults(schema: Structural, path: string, found: Findings): void {
  for (const [node, place] of defaulted(schema, path)) validateDefault(node, place, found)
}

/** What the rules of a schema, all of which compile, say against its defaults. */
export function validateDefaultsByRules(schema: Structural, path: string, found: Findings): void {
  for (const [node, place] of defaulted(schema, path))
    if (isRuled(node)) located(loadedRules().runRules(filledDefault(node), node, undefined, false), place, found)
}

/** Every node that has a default, with the default's path. */
function* defaulted(schema: Structural, path: string): Iterable<readonly [Structural, string]> {
  if (schema.default !== undefined) yield [schema, `${path}.default`]
  if (schema.items !== undefined) yield* defaulted(schema.items, `${path}.items`)
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* defaulted(property, `${path}.properties[${name}]`)
  if (typeof schema.additionalProperties === 'object')
    yield* defaulted(schema.additionalProperties, `${path}.additionalProperties`)
}

function validateDefault(schema: Structural, path: string, found: Findings): void {
  const value = schema.default
  if (!deepEqual(pruneValue(value, schema).value, value)) {
    found.push(invalidValue(path, value, 'must not have unknown fields'))
    return
  }
  const filled = filledDefault(schema)
  const problems = [...validateValue(filled, schema)]
  duplicateItems(filled, schema, '', problems)
  located(problems, path, found)
}

/** Fields of a default that have defaults of their own are filled in before anybody sees it. */
function filledDefault(schema: Structural): unknown {
  const filled: unknown = structuredClone(schema.default)
  fillDefaults(filled, schema)
  return filled
}

function located(problems: readonly FieldError[], path: string, found: Findings): void {
  for (const { field, ...problem } of problems)
    found.push({ ...problem, field: field === '' || field === '<nil>' ? path : `${path}.${field}` })
}
