import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices, type Service, services } from '#api'
import { nullLog, seededRandom, VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { encodeForStore } from './registry/object-version.ts'
import { endpointOf } from './service-endpoint.ts'
import { WatchCache } from './watch-cache/watch-cache.ts'

const service = (...ipFamilies: string[]): Service => ({
  metadata: { name: 'web', namespace: 'default' },
  spec: { ipFamilies, ports: [{ name: 'http', port: 80 }] },
})

test('a Service of two families is reached in its first, as long as that has an endpoint', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const slice = (addressType: string, ready: boolean, ...all: string[]): Promise<unknown> => {
    const endpoints = all.map((address) => ({ addresses: [address], conditions: { ready } }))
    const metadata = { name: addressType.toLowerCase(), namespace: 'default', labels: { 'kubernetes.io/service-name': 'web' } }
    const ports = [{ name: 'http', port: 8080 }]
    const object = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, addressType, ports, endpoints }
    return store.put(`/registry/endpointslices/default/${metadata.name}`, encodeForStore(object), { expected: 0 })
  }
  await slice('IPv4', true, '10.0.0.1', '10.0.0.2')
  await slice('IPv6', true, 'fd00::1', 'fd00::2')
  await using cache = await WatchCache.open(store, [services, endpointSlices] as never, { clock, log: nullLog })
  const random = seededRandom(1)
  const reached = (...families: string[]): string[] => {
    const asked = Array.from({ length: 20 }, () => endpointOf(service(...families), 'http', { cache, random }).host)
    return [...new Set(asked)].sort()
  }
  assert.deepEqual(reached('IPv4', 'IPv6'), ['10.0.0.1', '10.0.0.2'])
  assert.deepEqual(reached('IPv6', 'IPv4'), ['fd00::1', 'fd00::2'])
  const { key, revision } = (await store.get('/registry/endpointslices/default/ipv6'))!
  await cache.reached(await store.delete(key, revision))
  assert.deepEqual(reached('IPv6', 'IPv4'), ['10.0.0.1', '10.0.0.2'])
})
