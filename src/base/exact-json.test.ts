import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { exactInteger, parseJson } from './exact-json.ts'
import { deepClone, deepEqual } from './freeze.ts'

test('integers of 64 bits keep their digits, there and back', () => {
  const text =
    '{"a":9007199254740993,"b":[-9223372036854775808,9223372036854775807],"c":9007199254740991,"d":1,"e":"9007199254740993"}'
  const value = parseJson(text)
  assert.deepEqual(value, {
    a: 9007199254740993n,
    b: [-9223372036854775808n, 9223372036854775807n],
    c: 9007199254740991,
    d: 1,
    e: '9007199254740993',
  })
  assert.equal(JSON.stringify(value), text)
  assert.ok(deepEqual(deepClone(value), value))
  assert.ok(!deepEqual(value, parseJson(text.replace('740993', '740995'))))
})

test('what is no integer of 64 bits is a number as ever', () => {
  for (const text of ['9223372036854775808', '1e20', '123456789012345678.5', '-0', '1.0'])
    assert.ok(Object.is(parseJson(text), Number(text)))
  assert.deepEqual(['12', '1.0', '', '-9223372036854775809'].map(exactInteger), [12, undefined, undefined, undefined])
})

test('a long number is found wherever it stands', () => {
  for (let before = 0; before < 40; before++) {
    for (const number of ['9007199254740993', '-1234567890123456789']) {
      const text = `["${'x'.repeat(before)}",${number},"${'1'.repeat(before)}"]`
      assert.equal(JSON.stringify(parseJson(text)), text)
    }
  }
})

test('any JSON reads as JSON.parse reads it, but for long integers', () => {
  const rounded = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  fc.assert(fc.property(fc.json(), (text) => assert.deepEqual(rounded(parseJson(text)), rounded(JSON.parse(text)))))
})
