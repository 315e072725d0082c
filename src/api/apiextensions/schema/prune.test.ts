import assert from 'node:assert/strict'
import test from 'node:test'
import { fillDefaults } from './fill-defaults.ts'
import { pruneObject } from './prune.ts'
import type { Structural } from './structural.ts'

const string: Structural = { type: 'string' }
const object = (properties: Record<string, Structural>, more: Structural = {}): Structural => ({
  type: 'object',
  properties,
  ...more,
})
const pruned = (x: unknown, schema: Structural, lenient = false) => {
  const { value, unknown } = pruneObject({ apiVersion: 'a/v1', kind: 'A', x }, object({ x: schema }), { lenient })
  return { x: (value as { x: unknown }).x, unknown }
}

test('what the schema does not know is left out, as far as upstream looks', () => {
  const table: readonly (readonly [
    name: string,
    schema: Structural,
    value: unknown,
    expected: unknown,
    unknown: readonly string[],
  ])[] = [
    ['in values of any kind', { type: 'object', additionalProperties: true }, { a: { b: 1 }, c: 2 }, { a: {}, c: 2 }, ['x.a.b']],
    ['in items of a list without a schema', string, [{ a: 1 }], [{}], ['x[0].a']],
    [
      'not in items of a list that keeps what it does not know',
      { type: 'array', 'x-kubernetes-preserve-unknown-fields': true, items: object({ a: object({}) }) },
      [{ a: { b: 1 }, c: 2 }],
      [{ a: {}, c: 2 }],
      ['x[0].a.b'],
    ],
    ['not below what keeps it', { 'x-kubernetes-preserve-unknown-fields': true }, { a: [{ b: 1 }] }, { a: [{ b: 1 }] }, []],
  ]
  for (const [name, schema, value, expected, unknown] of table)
    assert.deepEqual(pruned(value, schema), { x: expected, unknown }, name)
})

test('metadata of an object inside an object', () => {
  const inner = object({ metadata: { type: 'object' }, spec: object({}) }, { 'x-kubernetes-embedded-resource': true })
  assert.deepEqual(pruned({ metadata: null, kind: 'B' }, inner).x, { kind: 'B' })
  assert.deepEqual(pruned({ metadata: null, kind: 'B' }, { ...inner, properties: {} }).x, { metadata: {}, kind: 'B' })
  assert.throws(() => pruned({ kind: 5 }, inner), /^StructureError: x\.kind: Invalid value: 5: must be a string$/)
  assert.throws(
    () => pruned({ k: { kind: { b: 1, a: 2 } } }, { type: 'object', additionalProperties: inner }),
    /^StructureError: x\[k\]\.kind: Invalid value: \{"a":2,"b":1\}: must be a string$/,
  )
  assert.deepEqual(pruned({ metadata: { name: 5, labels: { a: 'b' } }, kind: 5 }, inner, true).x, {
    metadata: { labels: { a: 'b' } },
  })
})

test('unknown fields are told of in upstream order', () => {
  const schema = object({ x: object({}, { 'x-kubernetes-embedded-resource': true }) })
  const { unknown } = pruneObject({ z: 1, metadata: { odd: 1 }, x: { a: 1, metadata: { odd: 1 } } }, schema)
  assert.deepEqual(unknown, ['metadata.odd', 'x.a', 'z', 'x.metadata.odd'])
})

test('nulls that are neither allowed nor replaced go, also out of maps', () => {
  const value = { map: { a: null, b: 'c' }, list: [null], filled: null, kept: null }
  fillDefaults(
    value,
    object({
      map: { type: 'object', additionalProperties: string },
      list: { type: 'array', items: string },
      filled: { type: 'string', default: 'x' },
      kept: { type: 'string', nullable: true, default: 'y' },
    }),
  )
  assert.deepEqual(value, { map: { b: 'c' }, list: [null], filled: 'x', kept: null })
})
