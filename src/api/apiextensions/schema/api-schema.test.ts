import assert from 'node:assert/strict'
import test from 'node:test'
import { apiSchema } from './api-schema.ts'

test('below what keeps fields that no schema names, apply takes such fields everywhere', () => {
  const inner = { type: 'object', properties: { b: { type: 'string' } } }
  const open = {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    properties: { a: { type: 'array', items: inner } },
  }
  const schema = apiSchema({ type: 'object', properties: { open, closed: inner } }, { group: 'a.b', version: 'v1', kind: 'C' })
  const { open: kept, closed } = schema.properties!
  assert.equal(kept!.properties!['a']!.items!.preserveUnknownFields, true)
  assert.equal(closed!.preserveUnknownFields, undefined)
})
