import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom, systemRandom } from './random.ts'

/** Enough draws that a value which never comes, or always, can't be chance. */
const DRAWS = 20_000

for (const [name, random] of [
  ['of the system', systemRandom],
  ['from a seed', seededRandom(7)],
] as const) {
  test(`randomness ${name}: every value comes, about as often as any other, and nothing twice`, () => {
    const counts = new Array<number>(10).fill(0)
    for (let draw = 0; draw < DRAWS; draw++) counts[random.int(10)]!++
    for (const count of counts) assert.ok(Math.abs(count - DRAWS / 10) < DRAWS / 50, counts.join(' '))
    const floats = Array.from({ length: DRAWS }, () => random.float())
    assert.ok(floats.every((value) => value >= 0 && value < 1))
    assert.ok(Math.abs(floats.reduce((sum, value) => sum + value, 0) / DRAWS - 0.5) < 0.02)
    for (const draw of [() => random.uuid(), () => random.suffix(10), () => Buffer.from(random.bytes(16)).toString('hex')])
      assert.equal(new Set(Array.from({ length: 1_000 }, draw)).size, 1_000)
    for (const length of [0, 1, 64, 65, 10_000]) assert.equal(random.bytes(length).length, length)
  })
}

test('bytes that were handed out are nobody else’s', () => {
  const first = systemRandom.bytes(16)
  const copy = [...first]
  for (let draw = 0; draw < 1_000; draw++) systemRandom.bytes(16).fill(0)
  assert.deepEqual([...first], copy)
})

test('the same seed gives the same values', () => {
  const draw = (seed: number): string => seededRandom(seed).suffix(20)
  assert.equal(draw(3), draw(3))
  assert.notEqual(draw(3), draw(4))
})
