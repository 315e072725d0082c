import { deepEqual } from '#base'
import { type Findings, invalidValue } from '../validation/findings.ts'
import { fillDefaults } from './schema/fill-defaults.ts'
import { pruneValue } from './schema/prune.ts'
import type { Structural } from './schema/structural.ts'
import { duplicateItems, validateValue } from './schema/validate-value.ts'

/** Defaults must be what they are filled in for: valid, and with nothing that would be pruned. */
export function* validateDefaults(schema: Structural, path: string): Findings {
  if (schema.default !== undefined) yield* validateDefault(schema, `${path}.default`)
  if (schema.items !== undefined) yield* validateDefaults(schema.items, `${path}.items`)
  for (const [name, property] of Object.entries(schema.properties ?? {}))
    yield* validateDefaults(property, `${path}.properties[${name}]`)
  if (typeof schema.additionalProperties === 'object')
    yield* validateDefaults(schema.additionalProperties, `${path}.additionalProperties`)
}

function* validateDefault(schema: Structural, path: string): Findings {
  const value = schema.default
  if (!deepEqual(pruneValue(value, schema).value, value)) {
    yield invalidValue(path, value, 'must not have unknown fields')
    return
  }
  // Fields of the default that have defaults of their own are filled in before anybody sees it.
  const filled: unknown = structuredClone(value)
  fillDefaults(filled, schema)
  for (const { field, ...problem } of [...validateValue(filled, schema), ...duplicateItems(filled, schema)])
    yield { ...problem, field: field === '' || field === '<nil>' ? path : `${path}.${field}` }
}
