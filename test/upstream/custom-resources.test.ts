/**
 * Definitions as upstream's API server judges them: the whole answer, but for the order of what is found in maps, which is another one there each time.
 *
 * Where upstream tells only of the first thing that it finds wrong in a map, which one that is is chance too: it is asked again, and has to say what we say in time.
 *
 * Kept apart, for reasons:
 * - a definition whose selectable fields have no schema to be looked up in makes upstream panic; we refuse it;
 * - upstream rewrites metadata in a default while it judges it, and then shows the schema around it so; we show what was sent;
 * - `resourceVersion`, managers and conditions of what is only tried out.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { hostileDefinition } from './custom-generators.ts'
import { type Answered, Exchange } from './exchange.ts'
import { type Servers, startServers } from './servers.ts'

let servers: Servers
let exchange: Exchange
before(async () => {
  servers = await startServers()
  exchange = new Exchange(servers)
})
after(async () => {
  exchange[Symbol.dispose]()
  await servers[Symbol.asyncDispose]()
})

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

/** One of two fields of a small map comes first in every eighth run at least. */
const ASKED_AGAIN_MAX = 100

const METADATA_IN_DEFAULT = /"default":[[{].*"metadata"/

interface Refusal {
  readonly message?: string
  readonly details?: {
    readonly causes?: readonly { readonly field: string; readonly reason: string; readonly message: string }[]
  }
}

function comparable({ status, body }: Answered): unknown {
  const { message, details } = JSON.parse(body) as Refusal
  const causes = details?.causes?.map(({ field, reason, message: said }) => `${reason} ${field}: ${said}`).sort()
  return { status, said: causes ?? message }
}

test('definitions are refused and taken as upstream does', async () => {
  await fc.assert(
    fc.asyncProperty(hostileDefinition, async (body) => {
      fc.pre(!METADATA_IN_DEFAULT.test(JSON.stringify(body)))
      const asked = { method: 'POST', target: `${DEFINITIONS}?dryRun=All`, body }
      const ours = comparable(await exchange.ask(servers.ours, asked))
      let theirs: unknown
      for (let times = 0; times < ASKED_AGAIN_MAX && !isDeepStrictEqual(theirs, ours); times++) {
        const answered = await exchange.ask(servers.theirs, asked).catch(() => undefined)
        if (answered === undefined) return
        theirs = comparable(answered)
      }
      assert.deepEqual(ours, theirs)
    }),
    { numRuns: 1500 },
  )
})
