import assert from 'node:assert/strict'
import { Resolver } from 'node:dns/promises'
import test from 'node:test'
import { type EndpointSlice, endpointSlices, namespaces, type ResourceDefinition, type Service, services } from '#api'
import { memoryLog, seededRandom, systemClock } from '#base'
import type { Client } from '#client'
import { forbidden, type KubernetesObject, keyOf } from '#meta'
import { Shelves } from '#testing'
import { type DnsOptions, startDns } from './dns.ts'
import { nameserversOf, parseUpstream } from './resolv-conf.ts'

/** A client that writes to the shelves; only what registration needs exists. */
function shelfClient(shelves: Shelves, isAllowed = true): Client {
  const write = async <T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T): Promise<T> => {
    if (!isAllowed) throw forbidden(resource, '', 'read only')
    return shelves.for(resource).set(object)
  }
  return {
    find: async <T extends KubernetesObject>(resource: ResourceDefinition<T>, key: string) => shelves.for(resource).get(key),
    create: write,
    update: write,
  } as unknown as Client
}

async function start(shelves = new Shelves(), options: Partial<DnsOptions> = {}) {
  shelves.for(namespaces).set({ metadata: { name: 'kube-system' } })
  const log = memoryLog()
  const dns = await startDns({
    client: shelfClient(shelves),
    sources: shelves,
    clock: systemClock,
    random: seededRandom(1),
    log,
    listen: { host: '127.0.0.1', port: 0 },
    clusterDomain: 'cluster.local',
    clusterIP: '10.96.0.10',
    upstreams: [],
    advertiseIP: '192.168.0.1',
    nodeName: 'node-1',
    observe: { host: '127.0.0.1', port: 0 },
    ...options,
  })
  const resolver = new Resolver({ timeout: 2_000, tries: 1 })
  resolver.setServers([`127.0.0.1:${dns.port}`])
  return { dns, log, resolver, shelves, [Symbol.asyncDispose]: () => dns[Symbol.asyncDispose]() }
}

test('the server registers itself and answers for its own Service', async () => {
  await using lab = await start()
  assert.deepEqual(await lab.resolver.resolve4('kube-dns.kube-system.svc.cluster.local'), ['10.96.0.10'])
  assert.deepEqual(await lab.resolver.reverse('10.96.0.10'), ['kube-dns.kube-system.svc.cluster.local'])
  const [srv] = await lab.resolver.resolveSrv('_dns._udp.kube-dns.kube-system.svc.cluster.local')
  assert.deepEqual([srv!.name, srv!.port, srv!.weight], ['kube-dns.kube-system.svc.cluster.local', 53, 100])
  const slice = lab.shelves.for(endpointSlices).get('kube-system/kube-dns-192-168-0-1')!
  assert.deepEqual(slice.endpoints![0]!.addresses, ['192.168.0.1'])
  assert.deepEqual(slice.endpoints![0]!.hints, { forNodes: [{ name: 'node-1' }] })
  assert.deepEqual(
    slice.ports!.map(({ name, port }) => [name, port]),
    [
      ['dns', lab.dns.port],
      ['dns-tcp', lab.dns.port],
      ['metrics', lab.dns.observePort],
    ],
  )
})

test('a restarted server finds its Service and takes over its slice', async () => {
  const shelves = new Shelves()
  const first = await start(shelves)
  const service: Service = shelves.for(services).get('kube-system/kube-dns')!
  await first[Symbol.asyncDispose]()
  await using second = await start(shelves)
  assert.equal(shelves.for(services).get('kube-system/kube-dns'), service, 'not written again')
  const slices: readonly EndpointSlice[] = shelves.for(endpointSlices).list()
  assert.deepEqual(slices.map(keyOf), ['kube-system/kube-dns-192-168-0-1'])
  assert.equal(slices[0]!.ports![0]!.port, second.dns.port)
})

test('without the right to write, names are served all the same', async () => {
  const shelves = new Shelves()
  shelves.for(services).set({
    metadata: { namespace: 'kube-system', name: 'other' },
    spec: { clusterIP: '10.96.0.99', ports: [{ port: 80 }] },
  })
  await using lab = await start(shelves, { client: shelfClient(shelves, false) })
  assert.deepEqual(await lab.resolver.resolve4('other.kube-system.svc.cluster.local'), ['10.96.0.99'])
  assert.ok(lab.log.lines.some(({ message }) => message.includes('kube-dns may not be written')))
})

test('health, readiness and counts are told', async () => {
  await using lab = await start()
  await lab.resolver.resolve4('kube-dns.kube-system.svc.cluster.local')
  await assert.rejects(lab.resolver.resolve6('nothing.kube-system.svc.cluster.local'), { code: 'ENOTFOUND' })
  const get = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${lab.dns.observePort}${path}`)).text()
  assert.deepEqual([await get('/health'), await get('/ready')], ['OK', 'OK'])
  const metrics = await get('/metrics')
  assert.match(metrics, /coredns_dns_requests_total\{proto="udp",type="A"\} 1/)
  assert.match(metrics, /coredns_dns_responses_total\{rcode="NXDOMAIN"\} 1/)
})

test('name servers are read from resolv.conf, and upstreams are addresses', () => {
  assert.deepEqual(nameserversOf('# c\nsearch a b\nnameserver 10.0.0.2\n nameserver\tfd00::2 # x\nnameserver evil.example\n'), [
    '10.0.0.2',
    'fd00::2',
  ])
  assert.deepEqual(['10.0.0.2', '10.0.0.2:5353', '[fd00::2]:54', 'fd00::2'].map(parseUpstream), [
    { host: '10.0.0.2', port: 53 },
    { host: '10.0.0.2', port: 5353 },
    { host: 'fd00::2', port: 54 },
    { host: 'fd00::2', port: 53 },
  ])
  for (const bad of ['dns.example', '10.0.0.2:0', '10.0.0.2:99999', ''])
    assert.throws(() => parseUpstream(bad), /not an IP address/)
})
