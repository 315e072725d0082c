import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { unifiedDiff } from '../../src/base/unified-diff.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_RUNS ?? 2_000)
const line = fc.constantFrom(...'abcdefgh')
const own = fc.integer({ min: 0, max: 400 }).map(String)
const lines = fc.oneof(fc.array(line, { maxLength: 30 }), fc.array(fc.oneof(line, own), { minLength: 150, maxLength: 400 }))
/** A text, and the same with a few places other than they were. */
const changed = fc
  .tuple(lines, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 4 }), fc.array(line, { maxLength: 4 })), { maxLength: 6 }))
  .map(([from, changes]) => {
    const to = [...from]
    for (const [at, count, added] of changes) to.splice(at % (to.length + 1), count, ...added)
    return [from, to] as const
  })

const pretty = (value: unknown): string => JSON.stringify(value, null, 1)

for (const [name, pair] of Object.entries({ changed, apart: fc.tuple(lines, lines) }))
  test(`in what two texts differ is told as by upstream (${name})`, async () => {
    await using peer = new Peer('differences')
    await fc.assert(
      fc.asyncProperty(pair, async ([from, to]) => {
        assert.equal(unifiedDiff(pretty(from), pretty(to)), await peer.ask({ from, to }))
      }),
      { numRuns: RUNS },
    )
  })
