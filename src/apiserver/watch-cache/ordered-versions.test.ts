import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { ObjectVersion } from '../registry/object-version.ts'
import { OrderedVersions, RUN_LENGTH_MAX } from './ordered-versions.ts'

const NOTHING = new Uint8Array()
const version = (key: string, revision: number): ObjectVersion => new ObjectVersion(key, revision, NOTHING)
const shown = (versions: readonly ObjectVersion[]): string[] => versions.map(({ key, revision }) => `${key}@${revision}`)

/** The same from a plain map. */
function expected(model: ReadonlyMap<string, number>, from: string, to?: string): string[] {
  const keys = [...model.keys()].filter((key) => key >= from && (to === undefined || key < to)).sort()
  return keys.map((key) => `${key}@${model.get(key)}`)
}

const key = fc.nat(4_000).map((number) => `ns-${number % 7}/web-${number}`)
/** Stretches of keys that come and go together, so that runs are split and joined. */
const step = fc.record({ first: fc.nat(4_000), count: fc.nat(900), stride: fc.constantFrom(1, 3, -1), removes: fc.boolean() })

test('versions stay in the order of their keys, whatever comes and goes, and lists are what lies between', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), key, key, (steps, from, to) => {
      const [ordered, model] = [new OrderedVersions(), new Map<string, number>()]
      let revision = 0
      for (const { first, count, stride, removes } of steps) {
        for (let index = 0; index < count; index++) {
          const number = Math.abs(first + index * stride)
          const name = `ns-${number % 7}/web-${number}`
          if (removes) {
            ordered.delete(name)
            model.delete(name)
          } else {
            ordered.set(version(name, ++revision))
            model.set(name, revision)
          }
        }
        assert.deepEqual(shown(ordered.list()), expected(model, ''))
      }
      assert.deepEqual(shown(ordered.list(from)), expected(model, from))
      assert.deepEqual(shown(ordered.list(from, to)), expected(model, from, to))
      const refilled = new OrderedVersions(ordered.list())
      assert.deepEqual(shown(refilled.list(from, to)), expected(model, from, to))
    }),
    { numRuns: 60 },
  )
})

test('a list is the caller’s own', () => {
  const ordered = new OrderedVersions()
  ordered.set(version('a', 1))
  ordered.list().length = 0
  ordered.list('a', 'b').length = 0
  assert.deepEqual(shown(ordered.list()), ['a@1'])
})

test('an insertion moves no more than a run, however many objects there are', () => {
  const count = 40 * RUN_LENGTH_MAX
  const names = Array.from({ length: count }, (_, index) => `web-${String(index).padStart(6, '0')}`)
  const ordered = new OrderedVersions(names.map((name, index) => version(name, index)))
  const lengths: number[] = []
  const { splice } = Array.prototype
  Array.prototype.splice = function (this: unknown[], ...rest: [number, number]) {
    lengths.push(this.length)
    return Reflect.apply(splice, this, rest)
  }
  try {
    for (let index = 0; index < 100; index++) ordered.set(version(`web-000007-${index}`, count + index))
  } finally {
    Array.prototype.splice = splice
  }
  assert.ok(lengths.length >= 100)
  assert.ok(Math.max(...lengths) <= RUN_LENGTH_MAX + 1)
})
