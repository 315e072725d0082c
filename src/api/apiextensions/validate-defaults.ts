import { deepEqual } from '#base'
import type { FieldError } from '#meta'
import { type Findings, invalidValue } from '../validation/findings.ts'
import { loadedRules } from './rules/load.ts'
import { fillDefaults } from './schema/fill-defaults.ts'
import { pruneValue } from './schema/prune.ts'
import { isRuled, type Structural } from './schema/structural.ts'
import { type Former, validateValue } from './schema/validate-value.ts'

/** Defaults must be what they are filled in for: valid, also by the rules of their schema, and with nothing that would be pruned. */
export function validateDefaults(schema: Structural, path: string, mustBePruned: boolean, found: Findings): void {
  if (schema.default !== undefined) validateDefault(schema, `${path}.default`, mustBePruned, found)
  // Those of a map's values are filled in, but upstream looks at none.
  if (schema.items !== undefined) validateDefaults(schema.items, `${path}.items`, mustBePruned, found)
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    validateDefaults(property, `${path}.properties[${name}]`, mustBePruned, found)
}

function validateDefault(schema: Structural, path: string, mustBePruned: boolean, found: Findings): void {
  const value = schema.default
  if (mustBePruned && !deepEqual(pruneValue(value, schema).value, value))
    found.push(invalidValue(path, value, 'must not have unknown fields'))
  const filled = filledDefault(schema)
  const problems = validateValue(filled, schema)
  for (const { field, ...problem } of problems)
    found.push({ ...problem, field: field === '' || field === '<nil>' ? path : `${path}.${field}` })
  if (problems.length === 0 && isRuled(schema)) found.push(...ruledDefault(filled, schema, path))
}

/** A default is there before and after an update, and comes to be where nothing was. */
function ruledDefault(value: unknown, schema: Structural, path: string): Findings {
  const run = (former: Former | undefined): FieldError[] =>
    loadedRules().runRules(value, schema, { path, former, isRoot: false, ratchets: false }).problems
  const kept = run({ value })
  return kept.length > 0 ? kept : run(undefined)
}

/** Fields of a default that have defaults of their own are filled in before anybody sees it. */
function filledDefault(schema: Structural): unknown {
  const filled: unknown = structuredClone(schema.default)
  fillDefaults(filled, schema)
  return filled
}
