import assert from 'node:assert/strict'
import test from 'node:test'
import { joined } from '../presentation/body.ts'
import { together } from './together.ts'

const bytesOf = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value)

test('a body of one part is sent as it is, without a copy', () => {
  const only = bytesOf(100, 1)
  assert.equal(together(joined([only])), only)
  assert.equal(together(joined([])).length, 0)
})

test('what was put together stays as it is, however much comes after it', () => {
  const sizes = [3, 5_000, 16_384, 16_385, 64 * 1024, 200_000]
  const made = Array.from({ length: 60 }, (_, at) => {
    const [length, value] = [sizes[at % sizes.length]!, at + 1]
    return { value, length: length + 2, whole: together(joined([bytesOf(1, value), bytesOf(length, value), bytesOf(1, value)])) }
  })
  for (const { value, length, whole } of made) {
    assert.equal(whole.length, length)
    assert.ok(whole.every((byte) => byte === value))
  }
})
