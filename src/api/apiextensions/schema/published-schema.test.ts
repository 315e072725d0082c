import assert from 'node:assert/strict'
import test from 'node:test'
import { publishedSchema } from './published-schema.ts'
import type { Structural } from './structural.ts'

const GVK = { group: 'example.com', version: 'v1', kind: 'Foo' }
const EITHER = { 'x-kubernetes-int-or-string': true }
const CHOICE: Structural[] = [{ type: 'integer' }, { type: 'string' }]

function published(x: Structural, version: 'v2' | 'v3'): unknown {
  const schema = publishedSchema({ type: 'object', properties: { x } }, GVK, version) as { properties: { x: unknown } }
  return schema.properties.x
}

test('in v3 an integer or text is also a choice', () => {
  const table: readonly (readonly [node: Structural, expected: object])[] = [
    [EITHER, { ...EITHER, anyOf: CHOICE }],
    [
      { ...EITHER, anyOf: CHOICE },
      { ...EITHER, anyOf: CHOICE },
    ],
    [
      { ...EITHER, allOf: [{ anyOf: CHOICE }] },
      { ...EITHER, allOf: [{ anyOf: CHOICE }] },
    ],
    [
      { ...EITHER, anyOf: [{ maximum: 1 }], allOf: [{ minimum: 0 }] },
      { ...EITHER, anyOf: [{ maximum: 1 }], allOf: [{ anyOf: CHOICE }, { minimum: 0 }] },
    ],
  ]
  for (const [node, expected] of table) assert.deepEqual(published(node, 'v3'), expected)
})

test('in v2 nothing is said that old clients can not work with', () => {
  const string: Structural = { type: 'string' }
  const open = { 'x-kubernetes-preserve-unknown-fields': true }
  const table: readonly (readonly [name: string, node: Structural, expected: object])[] = [
    [
      'what may be null has no type',
      { type: 'object', nullable: true, properties: { a: string }, required: ['a'], title: 't' },
      { required: ['a'], title: 't' },
    ],
    [
      'what keeps anything has neither fields nor type',
      { type: 'object', ...open, properties: { a: string }, minProperties: 1 },
      { ...open, minProperties: 1 },
    ],
    ['a default', { ...string, default: 'a' }, string],
    ['an empty example', { ...string, example: '' }, string],
    ['a list that keeps anything has no items', { type: 'array', ...open, items: string }, open],
    ['a choice', { ...EITHER, anyOf: CHOICE, maxLength: 1 }, { ...EITHER, maxLength: 1 }],
    [
      'what may be null is not required',
      { type: 'object', properties: { a: { ...string, nullable: true }, b: string }, required: ['a', 'b'] },
      { type: 'object', properties: { a: {}, b: string }, required: ['b'] },
    ],
    [
      'values that may be null',
      { type: 'object', additionalProperties: { ...string, nullable: true, maxLength: 1 }, required: ['a'] },
      { type: 'object', additionalProperties: { maxLength: 1 } },
    ],
  ]
  for (const [name, node, expected] of table) assert.deepEqual(published(node, 'v2'), expected, name)
})
