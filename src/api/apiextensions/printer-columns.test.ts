import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { printerColumns } from './printer-columns.ts'

const object = {
  metadata: { name: 'a' },
  spec: {
    text: 'x',
    empty: '',
    none: null,
    list: [{ x: 'one', t: 'Ready' }, { x: 'two' }, { x: 'three', t: 'Ready' }],
    numbers: [2.5, 1],
    large: 1e21,
    half: 2500000.5,
    map: { z: '<b>', a: [1, null] },
    flag: true,
    when: '2020-01-01',
  },
} as KubernetesObject

const cell = (type: string, jsonPath: string): unknown =>
  printerColumns([{ name: 'C', type, jsonPath }])[1]!.value(object, { nowMs: Date.parse('2020-01-03T00:00:00Z') })

test('cells of a custom kind are what Go prints of the first result', () => {
  const table: readonly (readonly [type: string, jsonPath: string, expected: unknown])[] = [
    ['string', '.spec.list[*].x', 'one'],
    ['string', ".spec.list[?(@.t=='Ready')].x", 'one'],
    ['string', '.spec.numbers', '[2.5,1]'],
    ['string', '.spec.map', '{"a":[1,null],"z":"\\u003cb\\u003e"}'],
    ['string', '.spec.none', '<no value>'],
    ['string', '.spec.missing', null],
    ['string', '.spec.large', '1e+21'],
    ['string', '.spec.half', '2.5000005e+06'],
    ['string', '.spec.flag', 'true'],
    ['integer', '.spec.numbers[*]', 2],
    ['integer', '.spec.text', null],
    ['number', '.spec.numbers[*]', 2.5],
    ['boolean', '.spec.flag', true],
    ['boolean', '.spec.text', null],
    ['date', '.spec.empty', '<unknown>'],
    ['date', '.spec.when', '<invalid>'],
    ['date', '.spec.numbers', null],
  ]
  for (const [type, jsonPath, expected] of table) assert.equal(cell(type, jsonPath), expected, `${type} ${jsonPath}`)
})

test('a column whose path can not be read ends the table', () => {
  const columns = printerColumns([
    { name: 'A', type: 'string', jsonPath: '.spec.text' },
    { name: 'B', type: 'string', jsonPath: '.spec.text[' },
    { name: 'C', type: 'string', jsonPath: '.spec.text' },
  ])
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['Name', 'A'],
  )
})
