import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices, endpoints } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { SharedStore, startTestApiServer, type TestApiServer } from '#testing'

const PORT = 6443

async function led({ client }: TestApiServer): Promise<string[]> {
  const { subsets } = await client.get(endpoints, 'default/kubernetes')
  const slice = await client.get(endpointSlices, 'default/kubernetes')
  const found = subsets?.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)) ?? []
  assert.deepEqual(
    slice.endpoints?.flatMap(({ addresses }) => addresses),
    found,
  )
  return found
}

test('servers over one store are all endpoints of the kubernetes Service, in order; one that ends takes itself out', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const start = (address: string) =>
    startTestApiServer({ clock, store: new SharedStore(store), advertise: { address, port: PORT } })
  await using second = await start('10.0.0.2')
  {
    await using _first = await start('10.0.0.1')
    assert.deepEqual(await led(second), ['10.0.0.1', '10.0.0.2'])
    await clock.advance(60_000)
    assert.deepEqual(await led(second), ['10.0.0.1', '10.0.0.2'], 'leases are renewed')
  }
  assert.deepEqual(await led(second), ['10.0.0.2'])
})

test('a server that fell silent is taken out once its lease has ended', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const lease = { kind: 'Endpoints', apiVersion: 'v1', metadata: {}, subsets: [{ addresses: [{ ip: '10.0.0.9' }] }] }
  await store.put('/registry/masterleases/10.0.0.9', Buffer.from(JSON.stringify(lease)), { expected: 0, ttlSeconds: 15 })
  await using api = await startTestApiServer({
    clock,
    store: new SharedStore(store),
    advertise: { address: '10.0.0.1', port: PORT },
  })
  assert.deepEqual(await led(api), ['10.0.0.1', '10.0.0.9'])
  await clock.advance(21_000)
  assert.deepEqual(await led(api), ['10.0.0.1'])
})

test('a server that has its store alone is the only endpoint, whatever its address was before', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  await using api = await startTestApiServer({ clock, store, advertise: { address: '10.0.0.1', port: PORT } })
  assert.deepEqual(await led(api), ['10.0.0.1'])
  assert.deepEqual((await store.list('/registry/masterleases/')).entries, [])
})
