import assert from 'node:assert/strict'
import test from 'node:test'
import { inByteOrder } from './go-order.ts'
import { goQuote } from './go-quote.ts'

test('texts are quoted as Go quotes them', () => {
  const cases: Record<string, string> = {
    plain: '"plain"',
    'ü 日本 \u{1F600}': '"ü 日本 \u{1F600}"',
    'a"b\\c': '"a\\"b\\\\c"',
    '\u0007\b\f\n\r\t\v\0\u001b\u007f': '"\\a\\b\\f\\n\\r\\t\\v\\x00\\x1b\\x7f"',
    '\u00a0\u2028\ue000': '"\\u00a0\\u2028\\ue000"',
    '\u{e0001}\ud800': '"\\U000e0001\ufffd"',
  }
  for (const [text, quoted] of Object.entries(cases)) assert.equal(goQuote(text), quoted)
})

test('texts are ordered by their bytes', () => {
  assert.deepEqual(['\u{1F600}', '\uffff', 'b', 'ba', '', 'é'].sort(inByteOrder), ['', 'b', 'ba', 'é', '\uffff', '\u{1F600}'])
})
