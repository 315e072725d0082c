import assert from 'node:assert/strict'
import test from 'node:test'
import { seededRandom } from './random.ts'
import { SortedMap } from './sorted-map.ts'

const sorted = (model: ReadonlyMap<number, number>): [number, number][] => [...model].sort(([a], [b]) => a - b)

test('a sorted map and its clones agree with plain maps over random histories', () => {
  const random = seededRandom(11)
  const pairs: { readonly map: SortedMap<number, number>; readonly model: Map<number, number> }[] = [
    { map: new SortedMap(), model: new Map() },
  ]
  for (let step = 0; step < 60_000; step++) {
    const { map, model } = pairs[random.int(pairs.length)]!
    const key = random.int(3_000)
    // Grows first, then shrinks to nothing and grows again.
    const isShrinking = step % 30_000 > 18_000
    if (random.int(10) < (isShrinking ? 8 : 3)) assert.equal(map.delete(key), model.delete(key))
    else {
      map.set(key, step)
      model.set(key, step)
    }
    assert.equal(map.get(key), model.get(key))
    if (step % 6_000 === 5_999) pairs.push({ map: map.clone(), model: new Map(model) })
  }
  for (const { map, model } of pairs) {
    assert.equal(map.size, model.size)
    assert.deepEqual([...map.entries()], sorted(model))
    const from = 1 + random.int(3_000)
    assert.deepEqual(
      [...map.entries(from)],
      sorted(model).filter(([key]) => key >= from),
    )
  }
})

test('keys that leave take their nodes with them, and the map starts anew', () => {
  const map = new SortedMap<string, number>()
  const keys = Array.from({ length: 5_000 }, (_, at) => String(at).padStart(6, '0'))
  for (const [at, key] of keys.entries()) map.set(key, at)
  assert.deepEqual(map.first(), ['000000', 0])
  for (const key of keys) assert.ok(map.delete(key))
  assert.deepEqual([map.size, map.first(), map.delete('000000')], [0, undefined, false])
  map.set('a', 1)
  assert.deepEqual([...map.entries()], [['a', 1]])
})

test('a clone costs the same whatever the size, and a change of it one path', () => {
  const work = (size: number): readonly [cloned: number, changed: number] => {
    const map = new SortedMap<number, number>()
    for (let key = 0; key < size; key++) map.set(key, key)
    const before = map.nodesMade
    const copy = map.clone()
    const cloned = copy.nodesMade + map.nodesMade - before
    copy.set(5, -5)
    assert.deepEqual([map.get(5), copy.get(5)], [5, -5])
    return [cloned, copy.nodesMade - cloned]
  }
  const [small, large] = [work(100), work(100_000)]
  assert.equal(small[0], large[0])
  assert.ok(large[1] <= 4, `${large[1]} nodes were copied`)
})
