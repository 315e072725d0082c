import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { keptBytes } from './kept-bytes.ts'

test('texts of any length and script are kept as their UTF-8, none in the place of another', () => {
  const unit = fc.string({ unit: 'grapheme', maxLength: 40 })
  const text = fc.tuple(unit, fc.constantFrom(1, 30, 700, 3_000)).map(([part, times]) => part.repeat(times))
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (texts) => {
      const kept = texts.map(keptBytes)
      assert.deepEqual(
        kept.map((bytes) => Buffer.from(bytes).toString()),
        texts.map((each) => each.toWellFormed()),
      )
    }),
    { numRuns: 60 },
  )
})

test('what is kept shares memory with nothing else than what is kept', () => {
  const [first, second] = [keptBytes('a'), keptBytes('b')]
  assert.equal(first.buffer, second.buffer)
  assert.notEqual(first.buffer, Buffer.from('c').buffer)
})
