import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { memoryLog, VirtualClock } from '#base'
import { keepSnapshots, snapshotsIn } from './snapshot-schedule.ts'

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
