import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { configMaps } from '#api'
import { ask, startTestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'
const RUNS = { numRuns: 400, seed: 20_261_126 }
/** Nothing that is sent may keep the server busy for longer. */
const MILLISECONDS_MAX = 1_000

const selectorPieces = fc.array(
  fc.constantFrom('a', 'app', 'in', 'notin', '(', ')', ',', '!', '=', '==', '!=', '>', '<', ' ', 'b-', '5', '\\', '/', '\0', 'é'),
  { maxLength: 30 },
)
const selector = fc.oneof(
  selectorPieces.map((pieces) => pieces.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.integer({ min: 1, max: 5_000 }).map((count) => '('.repeat(count)),
  fc.integer({ min: 1, max: 5_000 }).map((count) => 'a,'.repeat(count)),
)

test('whatever selectors, revisions, limits and tokens are sent, the answer is a list or a 4xx Status', async () => {
  await using api = await startTestApiServer()
  for (const name of ['a', 'b', 'c'])
    await api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })
  const { object } = await ask(api, `GET ${MAPS}?limit=1`)
  const valid = object.metadata.continue ?? ''
  const spoiled = fc
    .tuple(fc.nat(valid.length - 1), fc.constantFrom('A', '_', '-', '9', 'z', '%', ''))
    .map(([at, letter]) => valid.slice(0, at) + letter + valid.slice(at + 1))
  const forged = fc
    .record({
      v: fc.constantFrom('meta.k8s.io/v1', 'v2', 1),
      rv: fc.oneof(fc.integer({ max: 1 }), fc.double({ noInteger: true }), fc.string()),
      start: fc.tuple(fc.string(), fc.constantFrom('', '\0')).map((parts) => parts.join('')),
    })
    .map((token) => Buffer.from(JSON.stringify(token)).toString('base64url'))
  const parameters = fc.record(
    {
      labelSelector: selector,
      fieldSelector: selector,
      continue: fc.oneof(spoiled, forged, fc.string({ unit: 'binary' })),
      limit: fc.oneof(fc.integer().map(String), fc.string()),
      resourceVersion: fc.oneof(
        fc.constantFrom('0', '1', '-1', '18446744073709551616'),
        fc.string({ maxLength: 2 }),
        fc.string({ unit: 'binary' }),
      ),
      resourceVersionMatch: fc.constantFrom('Exact', 'NotOlderThan', 'exact', ''),
    },
    { requiredKeys: [] },
  )
  const property = fc.asyncProperty(parameters, async (query) => {
    const started = performance.now()
    const answer = await ask(api, `GET ${MAPS}?${new URLSearchParams(query)}`)
    assert.ok(performance.now() - started < MILLISECONDS_MAX)
    if (answer.code === 200) assert.equal(answer.object.kind, 'ConfigMapList')
    else {
      assert.equal(answer.object.kind, 'Status')
      assert.ok(answer.code >= 400 && answer.code < 500, `${answer.code} ${answer.object.message}`)
    }
  })
  await fc.assert(property, RUNS)
})
