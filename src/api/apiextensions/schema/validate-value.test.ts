import assert from 'node:assert/strict'
import test from 'node:test'
import type { Structural } from './structural.ts'
import { at, type ValidateOptions, validateValue } from './validate-value.ts'

const said = (value: unknown, schema: Structural, options?: ValidateOptions): string[] =>
  validateValue({ x: value }, { type: 'object', properties: { x: schema } }, options).map(
    ({ field, message }) => `${field}: ${message}`,
  )

const wrongType = (expected: string, found: string, path = 'x'): string =>
  `${path}: Invalid value: "${found}": ${path} in body must be of type ${expected}: "${found}"`
const should = (value: unknown, what: string): string => `x: Invalid value: ${JSON.stringify(value)}: x in body should be ${what}`
const nowhere = (what: string): string => `<nil>: Invalid value: "": ${what}`

test('values are judged as upstream judges them', () => {
  const table: readonly (readonly [name: string, value: unknown, schema: Structural, expected: readonly string[]])[] = [
    [
      'one complaint about a text',
      'abc',
      { type: 'string', maxLength: 1, pattern: '^x$' },
      ['x: Too long: may not be more than 1 byte'],
    ],
    ['fewer than nothing', 'abc', { type: 'string', maxLength: -1 }, ['x: Too long: value is too long']],
    ['a list may be a text of a format', [1], { type: 'string', format: 'date' }, []],
    ['a format that a map has not', {}, { type: 'string', format: 'date' }, [wrongType('date', '')]],
    ['a format that a number has not', 5, { type: 'string', format: 'date' }, [wrongType('date', 'int64')]],
    ['a format that nobody checks', 'x', { type: 'string', format: 'unheard-of' }, []],
    [
      'a number beyond integers',
      1e21,
      { type: 'integer' },
      [wrongType('integer', 'number'), nowhere('Checked value must be of type integer (default format) in x')],
    ],
    [
      'int32',
      2 ** 31,
      { type: 'integer', format: 'int32' },
      [nowhere('Checked value must be of type integer with format int32 in x')],
    ],
    [
      'float',
      1e300,
      { type: 'number', format: 'float' },
      [nowhere('Checked value must be of type number with format float in x')],
    ],
    ['a bound loses its fraction', 2, { type: 'number', maximum: 1.5 }, [should(2, 'less than or equal to 1')]],
    [
      'unless it fits no integer',
      2,
      { type: 'integer', maximum: 1.5 },
      [nowhere('Maximum boundary value must be of type integer (default format) in x'), should(2, 'less than or equal to 1.5')],
    ],
    ['a bound as Go prints floats', 1.5, { type: 'number', minimum: 1e6 }, [should(1.5, 'greater than or equal to 1e+06')]],
    ['a bound beyond integers', 5, { type: 'number', maximum: 1e300 }, [should(5, 'less than or equal to -9223372036854775808')]],
    [
      'no factor',
      2,
      { type: 'number', multipleOf: 0.1 },
      ['x: Invalid value: 0: factor MultipleOf declared for x must be positive: 0'],
    ],
    [
      'minimum before maximum',
      5,
      { type: 'integer', maximum: 4, minimum: 6 },
      [should(5, 'greater than or equal to 6'), should(5, 'less than or equal to 4')],
    ],
    [
      'null is never an alternative',
      null,
      { type: 'string', nullable: true, enum: [null, 'a'] },
      ['x: Unsupported value: null: supported values: "null", "a"'],
    ],
    ['a fraction is its integer part', 1.5, { type: 'number', enum: [1] }, []],
    ['an integer is its character', 97, { enum: ['a'] }, []],
    [
      'shown in the order of keys',
      { b: 1, a: 2 },
      { type: 'object', enum: [{ d: 1, c: 2 }] },
      ['x: Unsupported value: {"a":2,"b":1}: supported values: "{\\"c\\":2,\\"d\\":1}"'],
    ],
    [
      'few properties, and what else is wrong',
      {},
      { type: 'object', minProperties: 2, required: ['a'] },
      ['x: Invalid value: 0: x in body should have at least 2 properties', 'x.a: Required value'],
    ],
    [
      'a forbidden property',
      { a: 1 },
      { type: 'object', additionalProperties: false },
      ['x: Invalid value: "a": x.a in body is a forbidden property'],
    ],
    [
      'what is required is told last',
      { b: 1 },
      { type: 'object', required: ['a'], properties: { a: {}, b: { type: 'string' } } },
      [wrongType('string', 'integer', 'x.b'), 'x.a: Required value'],
    ],
    [
      'the alternative that passed most checks',
      { a: 1, b: 'x' },
      {
        type: 'object',
        anyOf: [
          { properties: { a: { minimum: 5 } } },
          { properties: { a: { minimum: 5 }, b: { enum: ['x'] } }, required: ['c'] },
        ],
      },
      [
        nowhere('"x" must validate at least one schema (anyOf)'),
        'x.a: Invalid value: 1: x.a in body should be greater than or equal to 5',
        'x.c: Required value',
      ],
    ],
    [
      'what several say is said once',
      'abc',
      { type: 'string', allOf: [{ maxLength: 1 }, { maxLength: 1 }] },
      ['x: Too long: may not be more than 1 byte', nowhere('"x" must validate all the schemas (allOf). None validated')],
    ],
  ]
  for (const [name, value, schema, expected] of table) assert.deepEqual(said(value, schema), expected, name)
})

test('what did not change may stay wrong, as far as the schema correlates it', () => {
  const text: Structural = { type: 'string', maxLength: 1 }
  const keyed: Structural = {
    type: 'array',
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['k'],
    items: { type: 'object', properties: { k: { type: 'string' }, v: text } },
  }
  const root = (schema: Structural): Structural => ({ type: 'object', properties: { x: schema } })
  const after = (value: unknown, old: unknown, schema: Structural): number =>
    said(value, schema, { former: { value: { x: old }, node: root(schema) } }).length
  assert.equal(after('abc', 'abc', text), 0)
  assert.equal(after('abc', 'abd', text), 1)
  const item = (k: string, v: string) => ({ k, v })
  assert.equal(after([item('b', 'bbb'), item('a', 'aaa')], [item('a', 'aaa'), item('b', 'bbb')], keyed), 0)
  // Items of other lists have no identity, and fields that the schema does not know count as changed.
  assert.equal(after([item('a', 'aaa'), item('c', 'c')], [item('a', 'aaa')], { ...keyed, 'x-kubernetes-list-type': 'atomic' }), 1)
  const open: Structural = {
    type: 'object',
    'x-kubernetes-preserve-unknown-fields': true,
    maxProperties: 1,
    properties: { a: {}, b: {} },
  }
  assert.equal(after({ a: 1, b: 2 }, { a: 1, b: 2 }, open), 0)
  assert.equal(after({ a: 1, other: 2 }, { a: 1, other: 2 }, open), 1)
  // Below an alternative, too.
  const choice: Structural = { type: 'object', properties: { a: {} }, anyOf: [{ properties: { a: { maxLength: 1 } } }] }
  assert.equal(after({ a: 'abc', b: 1 }, { a: 'abc' }, choice), 0)
})

test('defaults are judged by their type alone, and stand at a place', () => {
  const judge = (value: unknown, schema: Structural): string[] =>
    at('p.default', validateValue(value, schema, { isDefault: true })).map(({ field, message }) => `${field}: ${message}`)
  assert.deepEqual(judge({}, { 'x-kubernetes-int-or-string': true }), [])
  assert.deepEqual(judge({ a: 5 }, { type: 'object', additionalProperties: { type: 'string' } }), [
    'p.default.a: Invalid value: "integer": .a in body must be of type string: "integer"',
  ])
  assert.deepEqual(judge(5, { type: 'string', format: 'unheard-of' }), [
    'p.default: Invalid value: "int64":  in body must be of type unheard-of: "int64"',
  ])
  assert.deepEqual(judge(2, { not: { minimum: 1 } }), ['p.default: Invalid value: "": "" must not validate the schema (not)'])
})
