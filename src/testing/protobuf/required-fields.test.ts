import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { allResources, protobufMessageOf } from '#api'
import { seededRandom } from '#base'
import { apiVersionOf, deref, fillRequired, hasRequired, isObject, type Schema } from '#meta'
import { randomMessage } from './random-message.ts'

const SEEDS_PER_KIND = 8
/** Of all fields, those that are taken out. */
const LOST = 0.02

type IsOptional = (field: Schema) => boolean

/** Whether something is missing, asked of the schema at each step. */
function isComplete(value: unknown, schema: Schema, isOptional: IsOptional = () => false): boolean {
  const { items, required = [], properties, additionalProperties } = deref(schema)
  if (Array.isArray(value)) return items === undefined || value.every((item) => isComplete(item, items, isOptional))
  if (!isObject(value)) return true
  if (required.some((name) => value[name] === undefined && !isOptional(properties![name]!))) return false
  return Object.entries(value).every(([name, child]) => {
    const type = properties === undefined ? additionalProperties : properties[name]
    return type === undefined || isComplete(child, type, isOptional)
  })
}

function withLosses(value: unknown, chance: () => number): unknown {
  if (Array.isArray(value)) return value.map((item) => withLosses(item, chance))
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(() => chance() > LOST)
  return Object.fromEntries(kept.map(([name, child]) => [name, withLosses(child, chance)]))
}

for (const resource of allResources) {
  const apiVersion = apiVersionOf(resource)
  test(`required fields: of ${apiVersion} ${resource.kind} something is told where something is missing`, () => {
    const message = protobufMessageOf(apiVersion, resource.kind)!
    const schema = resource.schema()
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const random = seededRandom(seed)
        const object = withLosses(randomMessage(message, seed), () => random.float())
        assert.equal(hasRequired(object, schema), isComplete(object, schema))
        fillRequired(object, schema)
        assert.ok(isComplete(object, schema, (field) => !field.always))
      }),
      { numRuns: SEEDS_PER_KIND },
    )
  })
}
