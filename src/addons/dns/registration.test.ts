import assert from 'node:assert/strict'
import test from 'node:test'
import { endpointSlices, services } from '#api'
import { VirtualClock } from '#base'
import { startTestApiServer } from '#testing'
import { registerDns } from './registration.ts'

const CLUSTER_IP = '10.96.0.10'
const advertised = (address: string) => ({ address, port: 53 })

test('servers of several nodes that start together share one Service, whose address only one of them can take', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const addresses = ['192.168.0.1', '192.168.0.2', '192.168.0.3']
  await Promise.all(addresses.map((address) => registerDns({ client, clusterIP: CLUSTER_IP, advertise: advertised(address) })))
  assert.equal((await client.find(services, 'kube-system/kube-dns'))!.spec!.clusterIP, CLUSTER_IP)
  const { items } = await client.list(endpointSlices, { namespace: 'kube-system' })
  assert.deepEqual(items.flatMap(({ endpoints }) => endpoints!.flatMap(({ addresses }) => addresses)).sort(), addresses)
})

test('an address that another Service has is said to be taken', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const { client } = api
  const spec = { clusterIP: CLUSTER_IP, ports: [{ port: 80 }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'other', namespace: 'default' }, spec })
  const registered = registerDns({ client, clusterIP: CLUSTER_IP, advertise: advertised('192.168.0.1') })
  const refused = assert.rejects(registered, /failed to allocate IP 10\.96\.0\.10: provided IP is already allocated/)
  // Whoever has it might be about to store the Service.
  await clock.advance(60_000)
  await refused
})
