import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone, seededRandom } from '#base'
import { conform, fillRequired, type KubernetesObject, StructureError } from '#meta'
import { randomObject } from '#testing'
import { allResources, loadExpressions, type ResourceDefinition } from './index.ts'
import { type Findings, foundBy } from './validation/findings.ts'

await loadExpressions()

const SEEDS_PER_KIND = Number(process.env['T8S_SEEDS'] ?? 12)
const context = { nowMs: Date.parse('2026-01-01T00:00:00Z') }

/** A random object as the server would have it: read, defaulted, prepared. */
function made(resource: ResourceDefinition, seed: number): KubernetesObject | undefined {
  const sent = randomObject(resource, seededRandom(seed))
  try {
    const draft = conform(sent, resource.schema()).value as KubernetesObject
    resource.default(draft)
    fillRequired(draft, resource.schema())
    resource.prepareForCreate(draft, [])
    return draft
  } catch (error) {
    if (error instanceof StructureError) return undefined
    throw error
  }
}

/** Everything that is asked of an object and of its update. */
function judged(resource: ResourceDefinition, object: KubernetesObject, old: KubernetesObject): Findings {
  return foundBy((found) => {
    resource.validate(object, found, { ...context, isNew: true })
    resource.validate(object, found, { ...context, old })
    resource.validateUpdate(object, old, found, context)
    resource.validateStatusUpdate(object, old, found, context)
    for (const part of Object.keys(resource.subresources.others))
      resource.validateSubresourceUpdate(part, object, old, found, context)
  })
}

/** Only what was accepted is shown and warned of. */
const isSound = (resource: ResourceDefinition, object: KubernetesObject): boolean =>
  foundBy((found) => resource.validate(object, found, { ...context, isNew: true })).length === 0

function shown(resource: ResourceDefinition, object: KubernetesObject, old: KubernetesObject): void {
  for (const column of resource.columns) column.value(object, context)
  resource.rowConditions?.(object)
  for (const field of Object.values(resource.selectableFields)) field(object)
  resource.warnings(object, undefined, [])
  resource.warnings(object, old, [])
  resource.statusWarnings(object, [])
  resource.gracePeriodSeconds(object)
  resource.blocksDeletion(object)
}

for (const resource of allResources) {
  test(`${resource.kind} of ${resource.group || 'core'}/${resource.version}: whatever an object says, its rules find fault, and none breaks`, () => {
    for (let seed = 0; seed < SEEDS_PER_KIND; seed++) {
      const [object, old] = [made(resource, seed), made(resource, seed + 1_000_003)]
      if (object === undefined || old === undefined) continue
      try {
        for (const { field, message } of judged(resource, object, old)) assert.ok(field !== '' && message !== '')
        if (isSound(resource, object)) shown(resource, object, old)
        const updated = deepClone(object)
        resource.prepareForUpdate(updated, old)
        resource.prepareForStatusUpdate(deepClone(object), old)
        resource.prepareForDelete(deepClone(object))
        judged(resource, updated, object)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
}
