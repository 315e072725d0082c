import assert from 'node:assert/strict'
import test from 'node:test'
import { inByteOrder } from './go-order.ts'

test('texts are ordered by their bytes', () => {
  assert.deepEqual(['\u{1F600}', '\uffff', 'b', 'ba', '', 'é'].sort(inByteOrder), ['', 'b', 'ba', 'é', '\uffff', '\u{1F600}'])
})
