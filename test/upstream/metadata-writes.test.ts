/**
 * Metadata and options of requests of which much is wrong, asked of both servers: whole answers, with their causes. What is kept: which managers an update may name, and
 * what becomes of revisions that are no numbers, is other tests'.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { Exchange } from './exchange.ts'
import { installKinds, WIDGETS, widget } from './kinds.ts'
import { metadata, text } from './metadata-generators.ts'
import { type Servers, startServers } from './servers.ts'

const RUNS = Number(process.env.T8S_RUNS ?? 300)
const PROBE = { 'user-agent': 'probe/1' }
const MERGE = { ...PROBE, 'content-type': 'application/merge-patch+json' }

let servers: Servers
let exchange: Exchange
before(async () => {
  servers = await startServers()
  exchange = new Exchange(servers)
  await installKinds(exchange, servers)
  for (const name of ['w1', 'w2']) await exchange.same({ method: 'POST', target: WIDGETS, body: widget(name) })
  const finalizers = ['example.com/stays', 'example.com/also']
  await exchange.same({ method: 'POST', target: WIDGETS, headers: PROBE, body: widget('leaving', {}, { finalizers, generateName: 'leav' }) })
  await exchange.same({ method: 'DELETE', target: `${WIDGETS}/leaving`, headers: PROBE })
}) // biome-ignore format: short
after(async () => {
  exchange[Symbol.dispose]()
  await servers[Symbol.asyncDispose]()
})

const dryRun = 'dryRun=All'
// A revision and a UID are each server's own.
const given = metadata.map(({ uid: _, ...rest }) => rest)

test('objects with wrong metadata are refused alike', () =>
  fc.assert(
    fc.asyncProperty(given, async (meta) => {
      // What a name is made of is chance.
      const name = meta.name || (meta.generateName ? 'x' : '')
      const body = { ...widget('x'), metadata: { ...meta, name, namespace: 'a' } }
      await exchange.same({ method: 'POST', target: `${WIDGETS}?${dryRun}`, headers: PROBE, body })
    }),
    { numRuns: RUNS },
  ))

for (const name of ['w1', 'leaving']) {
  test(`patches of the metadata of ${name} are refused alike`, () =>
    fc.assert(
      fc.asyncProperty(given, async ({ name: _, managedFields, ...rest }) => {
        // Of a time that is not to change somebody becomes the manager, of whom nothing is left where managers are unreadable.
        const meta = managedFields === undefined ? rest : { ...rest, managedFields, deletionTimestamp: undefined }
        await exchange.same({ method: 'PATCH', target: `${WIDGETS}/${name}?${dryRun}`, headers: MERGE, body: { metadata: meta } })
      }),
      { numRuns: RUNS },
    ))
}

const queries = fc.array(
  fc.tuple(
    fc.constantFrom(
      ...['fieldManager', 'dryRun', 'fieldValidation', 'force', 'propagationPolicy', 'orphanDependents', 'gracePeriodSeconds', 'resourceVersion'],
      ...['ignoreStoreReadErrorWithClusterBreakingPotential', 'resourceVersionMatch', 'continue', 'sendInitialEvents', 'limit', 'timeoutSeconds', 'includeObject'],
    ),
    fc.oneof(fc.constantFrom('All', 'true', '0', '1', '', '-1', 'Exact', 'NotOlderThan', 'Background', 'Orphan', 'Object', 'Strict'), text),
  ),
  { maxLength: 4 },
) // biome-ignore format: short

const METHODS = {
  POST: { target: WIDGETS, body: widget('fresh') },
  PATCH: { target: `${WIDGETS}/w1`, headers: MERGE, body: {} },
  DELETE: { target: `${WIDGETS}/none` },
  GET: { target: WIDGETS, headers: { ...PROBE, accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } },
}

for (const [method, asked] of Object.entries(METHODS)) {
  test(`${method}: options are refused alike`, () =>
    fc.assert(
      fc.asyncProperty(queries, async (pairs) => {
        const query = new URLSearchParams(pairs)
        if (method === 'POST' || method === 'PATCH') query.append('dryRun', 'All')
        const target = `${asked.target}?${query}`
        const { ours, theirs } = await exchange.both({ headers: PROBE, ...asked, method, target })
        // What is listed has an age.
        if (method !== 'GET' || ours.status !== 200 || theirs.status !== 200) assert.deepEqual(ours, theirs)
      }),
      { numRuns: RUNS },
    ))
}
