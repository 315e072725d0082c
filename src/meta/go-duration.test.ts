import assert from 'node:assert/strict'
import test from 'node:test'
import { parseGoDuration, printGoDuration } from './go-duration.ts'

test('durations are read and printed as Go does', () => {
  const cases: readonly (readonly [text: string, ms: number, printed: string])[] = [
    ['0', 0, '0s'],
    ['-0s', 0, '0s'],
    ['1h30m', 5_400_000, '1h30m0s'],
    ['1.5h', 5_400_000, '1h30m0s'],
    ['-15s', -15_000, '-15s'],
    ['+.5s', 500, '500ms'],
    ['1500us', 1.5, '1.5ms'],
    ['1\u03bcs', 0.001, '1\u00b5s'],
    ['7ns', 0.000007, '7ns'],
    ['1m0.000000001s', 60_000.000001, '1m0.000000001s'],
    ['100h', 360_000_000, '100h0m0s'],
  ]
  for (const [text, ms, printed] of cases) {
    assert.equal(parseGoDuration(text), ms, text)
    assert.equal(printGoDuration(ms), printed, text)
  }
  for (const text of ['', '-', '1', '1d', '1 s', 's', '.s', '1s1', '3000000h'])
    assert.equal(parseGoDuration(text), undefined, text)
})
