import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { jsonProblem } from './syntax.ts'

test('what is no JSON is refused in the words of Go', () => {
  const cases: Record<string, string> = {
    '': 'unexpected end of JSON input',
    '{"a"': 'unexpected end of JSON input',
    '{a': "invalid character 'a' looking for beginning of object key string",
    '{"a" 1}': "invalid character '1' after object key",
    '{"a":1 "b"}': `invalid character '"' after object key:value pair`,
    '{"a":1,}': "invalid character '}' looking for beginning of object key string",
    '[1 2]': "invalid character '2' after array element",
    '[1,]': "invalid character ']' looking for beginning of value",
    "'": String.raw`invalid character '\'' looking for beginning of value`,
    '\ufeff{}': "invalid character 'ï' looking for beginning of value",
    '"a\nb"': String.raw`invalid character '\n' in string literal`,
    '"\\x"': "invalid character 'x' in string escape code",
    '"\\u12g4"': String.raw`invalid character 'g' in \u hexadecimal character escape`,
    '-x': "invalid character 'x' in numeric literal",
    '1.x': "invalid character 'x' after decimal point in numeric literal",
    '1e+': 'unexpected end of JSON input',
    '1e+x': "invalid character 'x' in exponent of numeric literal",
    '01': "invalid character '1' after top-level value",
    nul1: "invalid character '1' in literal null (expecting 'l')",
    '{} {}': "invalid character '{' after top-level value",
    [`${'['.repeat(10_001)}`]: 'exceeded max depth',
  }
  for (const [text, problem] of Object.entries(cases)) assert.equal(jsonProblem(Buffer.from(text)), problem, text.slice(0, 20))
})

test('a problem is found in every text that is no JSON, and in no other', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '1',
    '-',
    '.5',
    'e3',
    'true',
    'null',
    ' ',
    '\\',
    '\\u00e9',
    '0',
  )
  const text = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc.json(),
  )
  const isJson = (each: string): boolean => {
    try {
      JSON.parse(each)
      return true
    } catch {
      return false
    }
  }
  fc.assert(
    fc.property(text, (each) => assert.equal(jsonProblem(Buffer.from(each)) === undefined, isJson(each))),
    { seed: 1, numRuns: 2_000 },
  )
})
