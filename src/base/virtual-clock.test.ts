import assert from 'node:assert/strict'
import test from 'node:test'
import { settle, VirtualClock } from './virtual-clock.ts'

test('timers fire in order of time, each seeing its own time', async () => {
  const clock = new VirtualClock(1000)
  const seen: string[] = []
  clock.after(10, () => seen.push(`a@${clock.now()}`))
  clock.after(5, () => seen.push(`b@${clock.now()}`))
  clock.after(5, () => seen.push(`c@${clock.now()}`))
  await clock.advance(9)
  assert.deepEqual(seen, ['b@1005', 'c@1005'])
  await clock.advance(1)
  assert.deepEqual(seen, ['b@1005', 'c@1005', 'a@1010'])
  assert.equal(clock.pendingTimers, 0)
})

test('a sleeper that sleeps again wakes within the same advance', async () => {
  const clock = new VirtualClock(0)
  const wakes: number[] = []
  const loop = (async () => {
    for (let i = 0; i < 3; i++) {
      await clock.sleep(10)
      wakes.push(clock.now())
    }
  })()
  await clock.advance(30)
  await loop
  assert.deepEqual(wakes, [10, 20, 30])
})

test('an aborted sleep rejects with the reason and leaves no timer', async () => {
  const clock = new VirtualClock(0)
  const controller = new AbortController()
  const sleeping = assert.rejects(clock.sleep(10, { signal: controller.signal }), /enough/)
  controller.abort(new Error('enough'))
  await sleeping
  await settle()
  assert.equal(clock.pendingTimers, 0)
})
