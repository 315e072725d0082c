import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, namespaces, pods, secrets, serviceAccounts } from '#api'
import { nullLog, VirtualClock } from '#base'
import { startTestApiServer, TEST_ADMIN } from '#testing'
import { startControllers } from './index.ts'

const HOUR_MS = 3_600_000
const LAST_USED = 'kubernetes.io/legacy-token-last-used'
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since'
const TRACKING = 'kube-system/kube-apiserver-legacy-service-account-token-tracking'

/** A server with the cleaner, for which an hour without use is enough, two hours before a day ends, and tokens of an account that names some of them. */
async function lab() {
  await using stack = new AsyncDisposableStack()
  const clock = new VirtualClock(Date.UTC(2026, 0, 1, 22))
  const api = stack.use(await startTestApiServer({ clock }))
  stack.use(
    await startControllers({
      clientFor: (name) =>
        api.clientFor({
          username: `system:serviceaccount:kube-system:${name}`,
          groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
        }),
      reader: api.clientFor(TEST_ADMIN),
      clock,
      random: api.random,
      log: nullLog,
      rootCA: '',
      clusterCIDR: '',
      only: ['legacy-serviceaccount-token-cleaner-controller'],
      legacyTokenPeriodMs: HOUR_MS,
    }),
  )
  const { client } = api
  await client.create(namespaces, { metadata: { name: 'work' } })
  const named = ['unused', 'used', 'mounted', 'odd', 'invalid'].map((name) => ({ name }))
  await client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'work' }, secrets: named })
  const make = (name: string, labels: Record<string, string> = {}, type = 'kubernetes.io/service-account-token') =>
    client.create(secrets, {
      metadata: { name, namespace: 'work', labels, annotations: { 'kubernetes.io/service-account.name': 'robot' } },
      type,
      data: { token: 'eA==' },
    })
  const label = async (name: string, key: string): Promise<string | undefined> =>
    (await client.get(secrets, `work/${name}`)).metadata?.labels?.[key]
  const patch = (name: string, labels: Record<string, string | null>): Promise<unknown> =>
    client.patch(secrets, `work/${name}`, { metadata: { labels } }, { type: 'merge' })
  const owned = stack.move()
  return { client, clock, make, label, patch, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('a token that was made by itself and is not used is marked as invalid, and deleted when nobody minds', async () => {
  await using api = await lab()
  const { client, clock, label } = api
  await api.make('unused')
  await api.make('used', { [LAST_USED]: '2026-01-02' })
  await api.make('odd', { [LAST_USED]: 'lately' })
  await api.make('manual')
  await api.make('mounted')
  await api.make('plain', {}, 'Opaque')
  await client.create(pods, {
    metadata: { name: 'p', namespace: 'work' },
    spec: {
      serviceAccountName: 'robot',
      containers: [{ name: 'c', image: 'i' }],
      volumes: [{ name: 'v', secret: { secretName: 'mounted' } }],
    },
  })
  await api.make('invalid', { [INVALID_SINCE]: '2025-12-31' })
  const names = async (isMarked: boolean): Promise<string[]> => {
    const { items } = await client.list(secrets, { namespace: 'work' })
    const wanted = items.filter(({ metadata }) => !isMarked || metadata?.labels?.[INVALID_SINCE] !== undefined)
    return wanted.map(({ metadata }) => metadata?.name ?? '').sort()
  }
  // Uses are known of from the beginning of the next day on.
  await clock.advance(2.9 * HOUR_MS)
  assert.deepEqual(await names(true), ['invalid'])
  await clock.advance(0.2 * HOUR_MS)
  assert.deepEqual(await names(true), ['unused'])
  assert.equal(await label('unused', INVALID_SINCE), '2026-01-02')
  assert.deepEqual(await names(false), ['manual', 'mounted', 'odd', 'plain', 'unused', 'used'])
  // What was made invalid today is kept for so long from tomorrow on.
  await clock.advance(2 * HOUR_MS)
  assert.deepEqual(await names(true), ['unused'])
})

test('no token is judged while it is not known since when uses are known of', async () => {
  await using api = await lab()
  const { client, clock } = api
  await clock.advance(10)
  await client.patch(configMaps, TRACKING, { data: { since: '2026-01-10' } }, { type: 'merge' })
  await api.make('unused')
  await clock.advance(3 * HOUR_MS)
  assert.equal(await api.label('unused', INVALID_SINCE), undefined)
  await client.patch(configMaps, TRACKING, { data: { since: '2025-12-30' } }, { type: 'merge' })
  await api.patch('unused', { touched: 'yes' })
  await clock.advance(1000)
  assert.equal(await api.label('unused', INVALID_SINCE), '2026-01-02')
})
