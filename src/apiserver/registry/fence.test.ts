import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps } from '#api'
import { createClient, fencedTransport, inProcessTransport, type Leadership } from '#client'
import { StatusError } from '#meta'
import { startTestApiServer, TEST_ADMIN } from '#testing'

/** Leadership that is over once it has been asked for so often, as that of a process that was stopped in between. */
function leadershipFor(asked: number): Leadership {
  let left = asked
  return {
    signal: new AbortController().signal,
    get isHeld() {
      return left-- > 0
    },
  }
}

const config = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { name, namespace: 'default' },
  data,
})

test('a request that was being served when the lease of its sender ended writes nothing', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const before = await client.create(configMaps, config('there', { a: '1' }))
  await client.create(configMaps, {
    ...config('held'),
    metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/a'] },
  })
  // Asked when the request sets out, and right before the write.
  const late = () => createClient(fencedTransport(inProcessTransport(api.server, { user: TEST_ADMIN }), leadershipFor(1)))
  const writes: Record<string, () => Promise<unknown>> = {
    create: () => late().create(configMaps, config('new')),
    update: () => late().update(configMaps, { ...before, data: { a: '2' } }),
    patch: () => late().patch(configMaps, 'default/there', { data: { a: '2' } }, { type: 'merge' }),
    delete: () => late().delete(configMaps, 'default/there'),
    'delete what a finalizer holds': () => late().delete(configMaps, 'default/held'),
    'delete all': () => late().deleteCollection(configMaps, { namespace: 'default' }),
  }
  for (const [what, write] of Object.entries(writes))
    await assert.rejects(write(), (error) => error instanceof StatusError && error.code === 503, what)
  const { items } = await client.list(configMaps, { namespace: 'default' })
  assert.deepEqual(
    items.map(({ metadata, data }) => [metadata?.name, data?.['a'], metadata?.deletionTimestamp]),
    [
      ['held', undefined, undefined],
      ['there', '1', undefined],
    ],
  )
  // Who still leads is let through, and a read writes nothing.
  const leading = createClient(fencedTransport(inProcessTransport(api.server, { user: TEST_ADMIN }), leadershipFor(2)))
  await leading.update(configMaps, { ...before, data: { a: '3' } })
  assert.equal((await late().get(configMaps, 'default/there')).data?.['a'], '3')
})
