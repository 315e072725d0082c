import assert from 'node:assert/strict'
import test from 'node:test'
import { type Answer, andThen, ending, recovering } from './answer.ts'

const failing = (): never => {
  throw new Error('no')
}

test('what is there at once goes on at once, and what is promised goes on when it comes', async () => {
  assert.equal(
    andThen(1, (value) => value + 1),
    2,
  )
  const later = andThen(Promise.resolve(1) as Answer<number>, (value) => value + 1)
  assert.ok(later instanceof Promise)
  assert.equal(await later, 2)
})

test('what goes wrong is recovered from, whether it goes wrong at once or later', async () => {
  const told = (error: unknown): string => (error as Error).message
  assert.equal(recovering(failing, told), 'no')
  assert.equal(await recovering(async () => failing(), told), 'no')
  assert.equal(
    recovering(() => 'yes', told),
    'yes',
  )
})

test('an end comes once, after the work, however that ends', async () => {
  const events: string[] = []
  const end = (): void => void events.push('end')
  assert.throws(() => ending(failing, end), /no/)
  await assert.rejects(async () => ending(async () => failing(), end), /no/)
  const slow = Promise.withResolvers<void>()
  const ended = ending(() => slow.promise, end)
  assert.deepEqual(events, ['end', 'end'])
  slow.resolve()
  await ended
  await ending(() => void events.push('work'), end)
  assert.deepEqual(events, ['end', 'end', 'end', 'work', 'end'])
})
