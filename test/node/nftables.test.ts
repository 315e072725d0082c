import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointSlice, Service, ServiceSpec } from '#api'
import { nullLog } from '#base'
import { NftablesBackend, type NodeFacts, RulesTracker } from '#proxy'
import { NetworkLab } from './network-lab.ts'

const { nodeIP, outsideIP, podCIDR } = NetworkLab
const CLUSTER_IP = '10.96.0.20'
const facts: NodeFacts = { nodeName: 'node-1', zone: undefined, nodePortAddresses: [nodeIP] }
const signal = new AbortController().signal

/** One node with the pods a, b and c, and rules as the proxy would load them. */
class Bench implements AsyncDisposable {
  readonly lab: NetworkLab
  readonly backend: NftablesBackend
  readonly tracker = new RulesTracker(facts)
  readonly #services = new Map<string, Service>()
  readonly #slices = new Map<string, EndpointSlice>()

  constructor(lab: NetworkLab) {
    this.lab = lab
    this.backend = new NftablesBackend({ log: nullLog, table: 't8s-test', netns: lab.path('node'), clusterCIDRs: [podCIDR] })
  }

  static async create(protocol: 'tcp' | 'udp' = 'tcp'): Promise<Bench> {
    const bench = new Bench(await NetworkLab.create())
    for (const [name, address] of Object.entries({ a: '10.71.1.5', b: '10.71.1.6', c: '10.71.1.7' })) {
      bench.lab.addPod(name, address)
      await bench.lab.serve(name, protocol, 8080)
    }
    await bench.backend.replace(new Map(), { signal })
    return bench
  }

  async service(
    name: string,
    spec: Partial<ServiceSpec>,
    addresses: readonly string[],
    options: { readonly on?: string } = {},
  ): Promise<void> {
    const metadata = { namespace: 'default', name }
    const protocol = spec.ports?.[0]?.protocol ?? 'TCP'
    const service: Service = {
      metadata,
      spec: { clusterIP: CLUSTER_IP, clusterIPs: [spec.clusterIP ?? CLUSTER_IP], ports: [{ port: 80, protocol }], ...spec },
    }
    const slice: EndpointSlice = {
      metadata: { ...metadata, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol }],
      endpoints: addresses.map((address) => ({
        addresses: [address],
        nodeName: options.on ?? 'node-1',
        conditions: { ready: true },
      })),
    }
    this.tracker.service({ before: this.#services.get(name), after: service })
    this.tracker.slice({ before: this.#slices.get(name), after: slice })
    this.#services.set(name, service)
    this.#slices.set(name, slice)
    await this.backend.apply(this.tracker.take(), { signal })
  }

  async remove(name: string): Promise<void> {
    this.tracker.service({ before: this.#services.get(name) })
    await this.backend.apply(this.tracker.take(), { signal })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]()
  }
}

const podsIn = (answers: readonly string[]): string[] => [...new Set(answers.map((answer) => answer.split(' ')[0]!))].sort()

test('a ClusterIP reaches every endpoint from pods, the node and outside, and only pods show their own address', async () => {
  await using bench = await Bench.create()
  const { lab } = bench
  await bench.service('web', {}, ['10.71.1.5', '10.71.1.6'])
  const fromPod = await lab.fetch('c', CLUSTER_IP, 80, 30)
  assert.deepEqual(podsIn(fromPod), ['a', 'b'])
  assert.ok(fromPod.every((answer) => answer.endsWith(' 10.71.1.7')))
  assert.deepEqual(podsIn(await lab.fetch('node', CLUSTER_IP, 80, 30)), ['a', 'b'])
  assert.ok((await lab.fetch('outside', CLUSTER_IP, 80, 5)).every((answer) => answer.endsWith(' 10.71.1.1')))
})

test('a pod reaches itself through its Service', async () => {
  await using bench = await Bench.create()
  await bench.service('web', {}, ['10.71.1.5'])
  assert.deepEqual(podsIn(await bench.lab.fetch('a', CLUSTER_IP, 80, 3)), ['a'])
})

test('endpoints come and go one by one, and the Service goes', async () => {
  await using bench = await Bench.create()
  const { lab } = bench
  await bench.service('web', {}, [])
  assert.deepEqual(await lab.fetch('c', CLUSTER_IP, 80), ['ECONNREFUSED'])
  await bench.service('web', {}, ['10.71.1.5'])
  assert.deepEqual(podsIn(await lab.fetch('c', CLUSTER_IP, 80, 5)), ['a'])
  await bench.service('web', {}, ['10.71.1.5', '10.71.1.6', '10.71.1.7'])
  assert.deepEqual(podsIn(await lab.fetch('c', CLUSTER_IP, 80, 60)), ['a', 'b', 'c'])
  await bench.service('web', {}, ['10.71.1.7'])
  assert.deepEqual(podsIn(await lab.fetch('node', CLUSTER_IP, 80, 5)), ['c'])
  // A port that the Service does not have is refused, not left to time out.
  assert.deepEqual(await lab.fetch('c', CLUSTER_IP, 81), ['ECONNREFUSED'])
  await bench.remove('web')
  const left = lab.run('node', ['nft', 'list', 'table', 'ip', 't8s-test'])
  assert.ok(!left.includes(CLUSTER_IP) && !left.includes('10.71.1.7') && !/(map|chain) m?(lb|ep)\d/.test(left), left)
})

test('a NodePort answers on the node’s address, from outside and from the node itself', async () => {
  await using bench = await Bench.create()
  const spec = { type: 'NodePort', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] }
  await bench.service('web', spec, ['10.71.1.5', '10.71.1.6'])
  const answers = await bench.lab.fetch('outside', nodeIP, 30080, 30)
  assert.deepEqual(podsIn(answers), ['a', 'b'])
  assert.ok(
    answers.every((answer) => answer.endsWith(' 10.71.1.1')),
    'masqueraded',
  )
  assert.deepEqual(podsIn(await bench.lab.fetch('node', nodeIP, 30080, 30)), ['a', 'b'])
  await bench.service('web', spec, [])
  assert.deepEqual(await bench.lab.fetch('outside', nodeIP, 30080), ['ECONNREFUSED'])
})

test('external policy Local shows the client’s address, and is silent without local endpoints except to the inside', async () => {
  await using bench = await Bench.create()
  const { lab } = bench
  const spec = { type: 'NodePort', externalTrafficPolicy: 'Local', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] }
  await bench.service('web', spec, ['10.71.1.5'])
  assert.deepEqual(await lab.fetch('outside', nodeIP, 30080), [`a ${outsideIP}`])
  await bench.service('web', spec, ['10.71.1.5'], { on: 'node-2' })
  assert.deepEqual(await lab.fetch('outside', nodeIP, 30080), ['TIMEOUT'])
  assert.deepEqual(await lab.fetch('c', nodeIP, 30080), ['a 10.71.1.7'])
  assert.deepEqual(podsIn(await lab.fetch('node', nodeIP, 30080)), ['a'])
})

test('session affinity keeps a client with its endpoint while others come and go', async () => {
  await using bench = await Bench.create()
  const spec = { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } } }
  await bench.service('web', spec, ['10.71.1.5', '10.71.1.6'])
  const [first] = podsIn(await bench.lab.fetch('c', CLUSTER_IP, 80, 1))
  assert.deepEqual(podsIn(await bench.lab.fetch('c', CLUSTER_IP, 80, 20)), [first])
  await bench.service('web', spec, ['10.71.1.5', '10.71.1.6', '10.71.1.7'])
  assert.deepEqual(podsIn(await bench.lab.fetch('c', CLUSTER_IP, 80, 20)), [first])
  const rest = ['10.71.1.5', '10.71.1.6'].filter((address) => address !== (first === 'a' ? '10.71.1.5' : '10.71.1.6'))
  await bench.service('web', spec, rest)
  assert.deepEqual(podsIn(await bench.lab.fetch('c', CLUSTER_IP, 80, 5)), [first === 'a' ? 'b' : 'a'])
})

test('source ranges guard a load balancer’s address', async () => {
  await using bench = await Bench.create()
  bench.lab.ip('node', 'address add 203.0.113.1/32 dev lo')
  const metadata = { namespace: 'default', name: 'web' }
  const balancer = (range: string): Service => ({
    metadata,
    spec: {
      type: 'LoadBalancer',
      clusterIP: CLUSTER_IP,
      ports: [{ port: 80, protocol: 'TCP' }],
      loadBalancerSourceRanges: [range],
    },
    status: { loadBalancer: { ingress: [{ ip: '203.0.113.1' }] } },
  })
  await bench.service('web', {}, ['10.71.1.5'])
  for (const [range, answer] of [
    ['192.168.77.0/24', 'a'],
    ['192.0.2.0/24', 'TIMEOUT'],
  ] as const) {
    bench.tracker.service({ after: balancer(range) })
    await bench.backend.apply(bench.tracker.take(), { signal })
    assert.deepEqual(podsIn(await bench.lab.fetch('outside', '203.0.113.1', 80)), [answer])
  }
})

test('a UDP client that keeps its port follows the endpoints', async () => {
  await using bench = await Bench.create('udp')
  const spec = { ports: [{ port: 53, protocol: 'UDP' }] }
  await bench.service('dns', spec, ['10.71.1.5'])
  assert.deepEqual(podsIn(await bench.lab.ask('c', CLUSTER_IP, 53, 5353)), ['a'])
  await bench.service('dns', spec, ['10.71.1.6'])
  assert.deepEqual(podsIn(await bench.lab.ask('c', CLUSTER_IP, 53, 5353)), ['b'])
})

test('pods reach the outside from behind the node’s address, and each other as themselves', async () => {
  await using bench = await Bench.create()
  await bench.lab.serve('outside', 'tcp', 9090)
  assert.deepEqual(await bench.lab.fetch('a', outsideIP, 9090), [`outside ${nodeIP}`])
  assert.deepEqual(await bench.lab.fetch('a', '10.71.1.6', 8080), ['b 10.71.1.5'])
})

test('two Services that claim one external address do not disturb each other', async () => {
  await using bench = await Bench.create()
  const { lab } = bench
  await bench.service('web', { externalIPs: ['203.0.113.9'] }, ['10.71.1.5'])
  await bench.service('other', { clusterIP: '10.96.0.21', clusterIPs: ['10.96.0.21'], externalIPs: ['203.0.113.9'] }, [
    '10.71.1.6',
  ])
  assert.deepEqual(podsIn(await lab.fetch('outside', '203.0.113.9', 80, 5)), ['a'])
  await bench.remove('web')
  assert.deepEqual(podsIn(await lab.fetch('outside', '203.0.113.9', 80, 5)), ['b'])
})

test('a full load replaces what is there, and cleanup leaves nothing', async () => {
  await using bench = await Bench.create()
  const { backend, lab, tracker } = bench
  await bench.service('web', { sessionAffinity: 'ClientIP' }, ['10.71.1.5', '10.71.1.6'])
  lab.run('node', ['nft', 'flush', 'table', 'ip', 't8s-test'])
  await backend.replace(tracker.all(), { signal })
  assert.equal((await lab.fetch('c', CLUSTER_IP, 80, 3)).length, 3)
  await backend.cleanup()
  assert.equal(lab.run('node', ['nft', 'list', 'tables']).trim(), '')
  await backend.cleanup()
})

test('IPv6 rules load, change and go', async () => {
  await using lab = await NetworkLab.create()
  const options = { log: nullLog, table: 't8s-test', netns: lab.path('node'), families: ['IPv4', 'IPv6'] } as const
  const backend = new NftablesBackend({ ...options, clusterCIDRs: [podCIDR, 'fd00:71::/64'] })
  const tracker = new RulesTracker({ ...facts, nodePortAddresses: [nodeIP, 'fd00::1'] })
  const spec = { type: 'NodePort', clusterIP: 'fd00:96::20', ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] }
  tracker.service({ after: { metadata: { namespace: 'default', name: 'web' }, spec: { ...spec, sessionAffinity: 'None' } } })
  const slice = (addresses: readonly string[]): EndpointSlice => ({
    metadata: { namespace: 'default', name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv6',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], nodeName: 'node-1', conditions: { ready: true } })),
  })
  tracker.slice({ after: slice(['fd00:71::5', 'FD00:71:0::6']) })
  tracker.take()
  await backend.replace(tracker.all(), { signal })
  assert.match(
    lab.run('node', ['nft', 'list', 'map', 'ip6', 't8s-test', 'ep2']),
    /fd00:96::20 \. tcp \. 80 \. 1 : fd00:71::6 \. 8080/,
  )
  tracker.service({ after: { metadata: { namespace: 'default', name: 'web' }, spec: { ...spec, sessionAffinity: 'ClientIP' } } })
  await backend.apply(tracker.take(), { signal })
  tracker.slice({ before: slice(['fd00:71::5']), after: slice([]) })
  await backend.apply(tracker.take(), { signal })
  assert.match(lab.run('node', ['nft', 'list', 'map', 'ip6', 't8s-test', 'no-ep']), /fd00:96::20 \. tcp \. 80 : goto do-reject/)
})
