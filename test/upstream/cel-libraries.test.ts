/**
 * What Kubernetes' libraries make of texts, sound and hostile: type, value, error, cost and the most that a call may cost, with the texts in variables and as
 * literals; and what they make of values that are no texts. Kept apart, for reasons:
 * - estimates past 2^53 are too much on both sides, and upstream's are not rounded as ours; the least estimate, which nothing in Kubernetes asks for, is left out;
 * - of exponents of more than three digits upstream makes numbers that it never finishes; ours refuses them, and texts of more than a thousand characters;
 * - adding to a quantity changes the one that is added to, upstream, if that is counted in more than 64 bits, and comparing changes how it is counted; ours do not
 *   change. Nobody sees that in one call;
 * - upstream crashes where a value that it can not hash is looked for in a list, and says "internal error";
 * - Go 1.26 knows the characters of Unicode 15, and quotes what came later by its number;
 * - the peer is built without a module, so that Go would fall back to reading URLs as it did years ago.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LIBRARY_CALLS, type LibraryCall, MISFITS } from './cel/library-calls.ts'
import { answerTo, type ExpressionAnswer, type ExpressionCase } from './cel/ours.ts'
import { Peer } from './peer.ts'

const RUNS = 3_000

const celPeer = (): Peer => new Peer('cel', [], { GODEBUG: 'urlstrictcolons=1' })

for (const [title, calls] of Object.entries(LIBRARY_CALLS)) {
  test(`${title} are what they are upstream`, async () => {
    await using peer = celPeer()
    await fc.assert(
      fc.asyncProperty(calls, async (call) => {
        for (const each of forms(call)) await same(peer, each)
      }),
      { numRuns: RUNS },
    )
  })
}

test('values of other types are refused as upstream refuses them', async () => {
  await using peer = celPeer()
  for (const text of MISFITS) await same(peer, { text, variables: { ...AUTHORIZER, x: { value: [1, null, 'a'] } } })
})

const AUTHORIZER = { authorizer: { value: null } }

function forms({ call, s, t }: LibraryCall): ExpressionCase[] {
  const written = call.replaceAll(/\b([st])\b(?!')/g, (_, name: string) => JSON.stringify(name === 's' ? s : t))
  return [
    { text: call, variables: { ...AUTHORIZER, s: { value: s }, t: { value: t } } },
    { text: written, variables: AUTHORIZER },
  ]
}

async function same(peer: Peer, asked: ExpressionCase): Promise<void> {
  const theirs = await peer.ask<ExpressionAnswer>({ expression: asked })
  if (theirs.error?.includes('internal error: ') === true) return
  assert.deepEqual(comparable(answerTo(asked)), comparable(theirs), `${asked.text} of ${JSON.stringify(asked.variables)}`)
}

const AMPLE = 2 ** 53

function comparable({ min: _, max, value, ...rest }: ExpressionAnswer): unknown {
  // Of what libraries added, the type alone is compared.
  const isOpaque = Array.isArray(value) && value[0] === 'opaque'
  const bounded = Number(max) > AMPLE ? 'too much' : max
  return JSON.parse(JSON.stringify({ ...rest, max: bounded, value: isOpaque ? value.slice(0, 2) : value }))
}
