import assert from 'node:assert/strict'
import test from 'node:test'
import { type CronFields, parseCron } from './cron.ts'

const fields = (text: string): CronFields => parseCron(text) as CronFields

test('fields, ranges, steps, lists and names', () => {
  const schedule = fields('0,30 9-17/4 1 jan-Mar mon')
  assert.deepEqual([...schedule.minutes], [0, 30])
  assert.deepEqual([...schedule.hours], [9, 13, 17])
  assert.deepEqual([...schedule.months], [1, 2, 3])
  assert.deepEqual([...schedule.daysOfWeek], [1])
  assert.deepEqual([schedule.anyDayOfMonth, schedule.anyDayOfWeek], [false, false])
  assert.deepEqual([...fields('50/5 * * * *').minutes], [50, 55])
  assert.equal(fields('* * */2 * ?').anyDayOfMonth, true)
})

test('descriptors', () => {
  assert.deepEqual([...fields('@daily').hours], [0])
  assert.deepEqual(parseCron('@every 1h30m'), { everyMs: 5_400_000 })
  assert.deepEqual(parseCron('@every 10ms'), { everyMs: 1000 })
})

test('what is no schedule says why', () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ['', /empty spec string/],
    ['* * * *', /expected exactly 5 fields, found 4: \[\* \* \* \*\]/],
    ['60 * * * *', /end of range \(60\) above maximum \(59\): 60/],
    ['5-1 * * * *', /beginning of range \(5\) beyond end of range \(1\): 5-1/],
    ['*/0 * * * *', /step of range should be a positive number/],
    ['* * * * 7', /above maximum \(6\)/],
    ['* * L * *', /failed to parse int from L/],
    ['1/2/3 * * * *', /too many slashes/],
    ['@never', /unrecognized descriptor: @never/],
    ['@every soon', /failed to parse duration @every soon/],
  ]
  for (const [text, error] of cases) assert.throws(() => parseCron(text), error)
})
