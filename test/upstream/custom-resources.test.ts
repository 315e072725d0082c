/**
 * Definitions as upstream's API server judges them: the whole answer, but for the order of what is found in maps, which is another one there each time.
 *
 * Kept apart, for reasons:
 * - a definition whose selectable fields have no schema to be looked up in makes upstream panic; we refuse it;
 * - upstream rewrites metadata in a default while it judges it, and then shows the schema around it so; we show what was sent;
 * - `resourceVersion`, managers and conditions of what is only tried out.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { hostileDefinition } from './custom-generators.ts'
import { type ServerAnswer, startTwoServers, type TwoServers } from './two-servers.ts'

let servers: TwoServers
before(async () => {
  servers = await startTwoServers()
})
after(() => servers[Symbol.asyncDispose]())

const LINE = 'POST /apis/apiextensions.k8s.io/v1/customresourcedefinitions?dryRun=All'

const METADATA_IN_DEFAULT = /"default":[[{].*"metadata"/

interface Answered {
  readonly message?: string
  readonly details?: {
    readonly causes?: readonly { readonly field: string; readonly reason: string; readonly message: string }[]
  }
}

function comparable({ code, text }: ServerAnswer): unknown {
  const { message, details } = JSON.parse(text) as Answered
  const causes = details?.causes?.map(({ field, reason, message: said }) => `${reason} ${field}: ${said}`).sort()
  return { code, said: causes ?? message }
}

test('definitions are refused and taken as upstream does', async () => {
  await fc.assert(
    fc.asyncProperty(hostileDefinition, async (body) => {
      fc.pre(!METADATA_IN_DEFAULT.test(JSON.stringify(body)))
      const theirs = await servers.theirs(LINE, { body }).catch(() => undefined)
      if (theirs === undefined) return
      assert.deepEqual(comparable(await servers.ours(LINE, { body })), comparable(theirs))
    }),
    { numRuns: 1500 },
  )
})
