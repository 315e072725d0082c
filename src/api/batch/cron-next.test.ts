import assert from 'node:assert/strict'
import test from 'node:test'
import { parseCron } from './cron.ts'
import { nextCronTime } from './cron-next.ts'

const next = (schedule: string, after: string, timeZone?: string): string | undefined => {
  const time = nextCronTime(parseCron(schedule), Date.parse(after), timeZone)
  return time === undefined ? undefined : new Date(time).toISOString().replace(':00.000Z', 'Z')
}

test('a schedule is next due at the first minute that fits all of its fields', () => {
  assert.equal(next('* * * * *', '2026-01-01T00:00:00Z'), '2026-01-01T00:01Z')
  assert.equal(next('*/15 9-17 * * mon-fri', '2026-01-02T17:50:10Z'), '2026-01-05T09:00Z')
  assert.equal(next('@monthly', '2026-12-15T12:00:00Z'), '2027-01-01T00:00Z')
  assert.equal(next('0 12 29 feb *', '2026-01-01T00:00:00Z'), '2028-02-29T12:00Z')
  assert.equal(next('@every 90s', '2026-01-01T00:00:00Z'), '2026-01-01T00:01:30.000Z')
})

test('a day restricted in both ways is due when either fits', () => {
  assert.equal(next('0 0 13 * fri', '2026-01-03T00:00:00Z'), '2026-01-09T00:00Z')
  assert.equal(next('0 0 13 * fri', '2026-01-09T00:00:00Z'), '2026-01-13T00:00Z')
})

test('a date that never comes is never due', () => {
  assert.equal(next('0 0 31 2 *', '2026-01-01T00:00:00Z'), undefined)
})

test('a schedule is read on the clocks of its time zone, through their changes', () => {
  assert.equal(next('0 9 * * *', '2026-07-01T00:00:00Z', 'America/New_York'), '2026-07-01T13:00Z')
  assert.equal(next('0 0 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin'), '2026-03-28T23:00Z')
  assert.equal(next('0 0 * * *', '2026-03-29T12:00:00Z', 'Europe/Berlin'), '2026-03-29T22:00Z')
  assert.equal(next('30 5 * * *', '2026-01-01T00:00:00Z', 'Asia/Kolkata'), '2026-01-02T00:00Z')
  // Half past two is skipped on the last Sunday of March.
  assert.equal(next('30 2 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin'), '2026-03-30T00:30Z')
})
