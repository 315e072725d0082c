import assert from 'node:assert/strict'
import test from 'node:test'
import { parseGoTime } from './go-time.ts'

const written = (text: string, micro = false): string => {
  const { seconds, micros } = parseGoTime(text, micro)
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros).padStart(6, '0')}`
}

test('times are read as Go reads them', () => {
  assert.equal(written('2024-02-29T03:04:05Z'), '2024-02-29T03:04:05.000000')
  assert.equal(written('2024-01-02T3:04:05,1234567+02:30'), '2024-01-02T00:34:05.123456')
  assert.equal(written('2024-01-02T03:04:05.678901-01:00', true), '2024-01-02T04:04:05.678901')
})

test('a text that is no time is refused where it parts from the layout', () => {
  const as = 'as "2006-01-02T15:04:05Z07:00": cannot parse'
  const cases: Record<string, string> = {
    soon: `"soon" ${as} "soon" as "2006"`,
    '2024-1-02T03:04:05Z': `"2024-1-02T03:04:05Z" ${as} "1-02T03:04:05Z" as "01"`,
    '2024-01-02 03:04:05Z': `"2024-01-02 03:04:05Z" ${as} " 03:04:05Z" as "T"`,
    '2024-01-02T03:04:05': `"2024-01-02T03:04:05" ${as} "" as "Z07:00"`,
    '2024-01-02T03:04:05z': `"2024-01-02T03:04:05z" ${as} "z" as "Z07:00"`,
    'é"\\': String.raw`"\xc3\xa9\"\\" ${as} "\xc3\xa9\"\\" as "2006"`,
    '2024-13-02T03:04:05Z': '"2024-13-02T03:04:05Z": month out of range',
    '2024-01-02T24:04:05Z': '"2024-01-02T24:04:05Z": hour out of range',
    '2024-01-02T03:04:05+25:00': '"2024-01-02T03:04:05+25:00": time zone offset hour out of range',
    '2023-02-29T03:04:05Z': '"2023-02-29T03:04:05Z": day out of range',
    '2024-01-02T03:04:05Zx': '"2024-01-02T03:04:05Zx": extra text: "x"',
  }
  for (const [text, message] of Object.entries(cases))
    assert.throws(() => parseGoTime(text), { message: `parsing time ${message}` }, text)
  assert.throws(() => parseGoTime('2024-01-02T03:04:05Z', true), {
    message: 'parsing time "2024-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
  })
})
