import assert from 'node:assert/strict'
import test from 'node:test'
import { goQuote, goQuoteBytes } from './go-quote.ts'

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

test('bytes are quoted as Go quotes them, character by character where they are text', () => {
  const cases: Record<string, string> = {
    c3a9: '"é"',
    '61c3': '"a\\xc3"',
    ff00eda0806122: '"\\xff\\x00\\xed\\xa0\\x80a\\""',
    f09f9880f09f98: '"😀\\xf0\\x9f\\x98"',
  }
  for (const [hex, quoted] of Object.entries(cases)) assert.equal(goQuoteBytes(Buffer.from(hex, 'hex')), quoted)
})
