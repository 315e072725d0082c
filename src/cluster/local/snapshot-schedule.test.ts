import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { memoryLog, VirtualClock } from '#base'
import { dueAfter, keepSnapshots, snapshotsIn } from './snapshot-schedule.ts'

const HOUR_MS = 3_600_000

test('snapshots are taken in their interval, and the oldest are removed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-schedule-'))
  try {
    const clock = new VirtualClock()
    const log = memoryLog()
    let fails = false
    const take = async (file: string) => {
      if (fails) throw new Error('no space')
      writeFileSync(file, 'whole')
      return { revision: 1, bytes: 5 }
    }
    // Of another server, and one that was never finished.
    for (const name of ['t8s-snapshot-other-1.tar', 't8s-snapshot-a-2.tar.new']) writeFileSync(join(directory, name), '')
    const plan = { intervalMs: HOUR_MS, retention: 2, directory }
    const kept = () => snapshotsIn(directory, 'a').map(({ takenAtMs }) => takenAtMs)
    const startMs = clock.now()
    {
      await using _keeping = keepSnapshots(plan, { take, name: 'a', clock, log })
      await clock.advance(HOUR_MS - 1)
      assert.deepEqual(kept(), [])
      await clock.advance(3 * HOUR_MS)
      assert.deepEqual(
        kept(),
        [3, 2].map((hour) => Math.floor((startMs + hour * HOUR_MS) / 1000) * 1000),
      )
    }
    // The next is due when it would have been without the restart; one that fails is tried again soon.
    fails = true
    await using _again = keepSnapshots(plan, { take, name: 'a', clock, log })
    await clock.advance(10)
    assert.ok(log.lines.some(({ message, level }) => level === 'error' && message === 'A snapshot could not be taken'))
    fails = false
    await clock.advance(HOUR_MS / 4)
    assert.equal(kept().length, 2)
    assert.ok(kept()[0]! > startMs + 3 * HOUR_MS)
    assert.deepEqual(
      readdirSync(directory).filter((name) => !name.endsWith('.tar') || name.includes('other')),
      ['t8s-snapshot-a-2.tar.new', 't8s-snapshot-other-1.tar'],
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('snapshots are taken when a schedule says so, and one that was missed is made up for', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-schedule-'))
  try {
    const clock = new VirtualClock(Date.UTC(2026, 2, 1, 10, 59, 30))
    const take = async (file: string) => {
      writeFileSync(file, 'whole')
      return { revision: 1, bytes: 5 }
    }
    const plan = { intervalMs: 0, schedule: '0 */6 * * *', retention: 3, directory }
    const kept = () => snapshotsIn(directory, 'a').map(({ takenAtMs }) => new Date(takenAtMs).toISOString().slice(0, 16))
    {
      await using _keeping = keepSnapshots(plan, { take, name: 'a', clock, log: memoryLog() })
      await clock.advance(HOUR_MS)
      assert.deepEqual(kept(), [])
      await clock.advance(18 * HOUR_MS)
      assert.deepEqual(kept(), ['2026-03-02T00:00', '2026-03-01T18:00', '2026-03-01T12:00'])
    }
    await clock.advance(2 * HOUR_MS)
    await using _again = keepSnapshots(plan, { take, name: 'a', clock, log: memoryLog() })
    await clock.advance(1)
    assert.deepEqual(kept(), ['2026-03-02T07:59', '2026-03-02T00:00', '2026-03-01T18:00'])
    await clock.advance(5 * HOUR_MS)
    assert.equal(kept()[0], '2026-03-02T12:00')
  } finally {
    rmSync(directory, { recursive: true })
  }
})

test('a schedule that is none, or never comes, is refused in a sentence', () => {
  const due = (schedule: string): number => dueAfter({ intervalMs: 0, schedule }, Date.UTC(2026, 0, 1))
  assert.equal(due('@daily'), Date.UTC(2026, 0, 2))
  assert.equal(due('@every 90m'), Date.UTC(2026, 0, 1, 1, 30))
  assert.throws(() => due('0 0 31 2 *'), /the schedule "0 0 31 2 \*" never comes/)
  assert.throws(() => due('daily'), /expected exactly 5 fields, found 1/)
})
