import assert from 'node:assert/strict'
import test from 'node:test'
import type { CustomResourceDefinition, JSONSchemaProps } from '#api'
import { crdOf } from '#testing'
import { nonStructuralSchema } from './non-structural-schema.ts'

const NOW = '2026-01-01T00:00:00Z'

const conditionOf = (schema: object, change: (crd: CustomResourceDefinition) => void = () => undefined) => {
  const crd = crdOf({ schema: schema as JSONSchemaProps })
  crd.status = { conditions: [{ type: 'NonStructuralSchema', status: 'True', reason: 'Violations', message: 'old' }] }
  change(crd)
  return nonStructuralSchema(crd, { others: [], now: NOW }).conditions?.map(({ status, reason, message }) => ({
    status,
    reason,
    message,
  }))
}

test('a definition of an older server is told what its schema lacks, until it lacks nothing', () => {
  const path = 'spec.versions[0].schema.openAPIV3Schema'
  assert.deepEqual(
    conditionOf({ properties: { a: {} } }, ({ spec }) => void (spec.preserveUnknownFields = true)),
    [
      {
        status: 'True',
        reason: 'Violations',
        message: `[spec.preserveUnknownFields: Invalid value: true: must be false, ${path}.properties[a].type: Required value: must not be empty for specified object fields, ${path}.type: Required value: must not be empty at the root]`,
      },
    ],
  )
  assert.deepEqual(conditionOf({ type: 'object', $ref: '#/x' }), [
    {
      status: 'Unknown',
      reason: 'StructuralError',
      message: "failed to check validation schema for version v1: OpenAPIV3Schema '$ref' is not supported",
    },
  ])
  assert.deepEqual(conditionOf({ type: 'object' }), [])
})
