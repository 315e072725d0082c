import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointSlice, Service } from '#api'
import { nullLog, type Random, seededRandom } from '#base'
import { NftablesBackend, RulesTracker } from '#proxy'
import { NetworkLab } from './network-lab.ts'

const { nodeIP, podCIDR } = NetworkLab
const { signal } = new AbortController()
const TABLE = 't8s-test'
const NAMES = ['a', 'b', 'c', 'd', 'e']

const newTracker = (): RulesTracker => new RulesTracker({ nodeName: 'node-1', zone: undefined, nodePortAddresses: [nodeIP] })

function randomService(name: string, random: Random): Service {
  const pick = <T>(...choices: readonly T[]): T => choices[random.int(choices.length)]!
  const at = NAMES.indexOf(name)
  const clusterIP = `10.96.0.${20 + at}`
  return {
    metadata: { namespace: 'default', name },
    spec: {
      type: pick('ClusterIP', 'NodePort', 'LoadBalancer'),
      clusterIP,
      clusterIPs: [clusterIP],
      // Few enough that Services fight for them.
      externalIPs: pick([], ['203.0.113.9'], ['203.0.113.9', '203.0.113.10']),
      externalTrafficPolicy: pick('Cluster', 'Local'),
      internalTrafficPolicy: pick('Cluster', 'Local'),
      sessionAffinity: pick('None', 'None', 'ClientIP'),
      loadBalancerSourceRanges: pick([], ['10.0.0.0/8'], ['10.0.0.0/8', '192.168.0.0/16']),
      ports: [
        { name: 'http', port: 80, nodePort: pick(undefined, 30_000 + at), protocol: 'TCP' },
        { name: 'dns', port: 53, protocol: 'UDP' },
      ],
    },
    status: { loadBalancer: { ingress: pick([], [{ ip: '203.0.113.77' }]) } },
  }
}

function randomSlice(name: string, random: Random): EndpointSlice {
  return {
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port: 8080, protocol: 'TCP' },
      { name: 'dns', port: 5353, protocol: 'UDP' },
    ],
    endpoints: Array.from({ length: random.int(5) }, () => ({
      addresses: [`10.71.1.${random.int(8)}`],
      nodeName: random.int(2) === 0 ? 'node-1' : 'node-2',
      conditions: { ready: random.int(4) > 0 },
    })),
  }
}

/** The table as the kernel has it, without order. */
function contents(lab: NetworkLab): string[] {
  return lab
    .run('node', ['nft', 'list', 'table', 'ip', TABLE])
    .replaceAll(/\s+/g, ' ')
    .split(/[{},]/)
    .map((part) => part.trim())
    .sort()
}

for (const seed of [1, 2, 3]) {
  test(`whatever comes, changing entry by entry ends where loading it whole does (seed ${seed})`, async () => {
    await using lab = await NetworkLab.create()
    const random = seededRandom(seed)
    const options = { log: nullLog, table: TABLE, netns: lab.path('node'), clusterCIDRs: [podCIDR] }
    const [backend, tracker] = [new NftablesBackend(options), newTracker()]
    await backend.replace(new Map(), { signal })
    const services = new Map<string, Service>()
    const slices = new Map<string, EndpointSlice>()
    for (let round = 0; round < 60; round++) {
      for (let changes = random.int(3); changes >= 0; changes--) {
        const name = NAMES[random.int(NAMES.length)]!
        const [service, slice] = [services.get(name), slices.get(name)]
        if (random.int(5) === 0 && service !== undefined) {
          services.delete(name)
          tracker.service({ before: service })
        } else if (random.int(2) === 0) {
          services.set(name, randomService(name, random))
          tracker.service({ before: service, after: services.get(name) })
        } else {
          slices.set(name, randomSlice(name, random))
          tracker.slice({ before: slice, after: slices.get(name) })
        }
      }
      await backend.apply(tracker.take(), { signal })
    }
    const incremental = contents(lab)
    // Who owns what two Services claim depends on who came first: a second backend is told in the same order.
    await new NftablesBackend(options).replace(tracker.all(), { signal })
    assert.deepEqual(incremental, contents(lab))
  })
}

const CONNECTIONS_MIN = 1_500
const CHANGES_MIN = 10

test('no connection fails while endpoints come and go', async () => {
  await using lab = await NetworkLab.create()
  const addresses: Record<string, string> = { a: '10.71.1.5', b: '10.71.1.6', c: '10.71.1.7', client: '10.71.1.9' }
  for (const [name, address] of Object.entries(addresses)) lab.addPod(name, address)
  for (const name of ['a', 'b', 'c']) await lab.serve(name, 'tcp', 8080)
  const backend = new NftablesBackend({ log: nullLog, table: TABLE, netns: lab.path('node'), clusterCIDRs: [podCIDR] })
  const tracker = newTracker()
  const slice = (names: readonly string[]): EndpointSlice => ({
    metadata: { namespace: 'default', name: 'web', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: '', port: 8080, protocol: 'TCP' }],
    endpoints: names.map((name) => ({ addresses: [addresses[name]!], nodeName: 'node-1', conditions: { ready: true } })),
  })
  const spec = { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [{ port: 80, protocol: 'TCP' }] }
  tracker.service({ after: { metadata: { namespace: 'default', name: 'web' }, spec } })
  let current = slice(['a'])
  tracker.slice({ after: current })
  tracker.take()
  await backend.replace(tracker.all(), { signal })
  let changes = 0
  let isOver = false
  // Until enough has changed meanwhile, however slow the machine is.
  const fetching = (async (): Promise<string[]> => {
    const answers: string[] = []
    while (answers.length < CONNECTIONS_MIN || changes <= CHANGES_MIN)
      answers.push(...(await lab.fetch('client', '10.96.0.20', 80, 500)))
    return answers
  })()
  void fetching.then(() => (isOver = true))
  for (const names of cycle([['a', 'b'], ['b'], ['b', 'c', 'a'], ['c'], ['c', 'a'], ['a']])) {
    if (isOver) break
    const next = slice(names)
    tracker.slice({ before: current, after: next })
    current = next
    await backend.apply(tracker.take(), { signal })
    changes++
  }
  const answers = await fetching
  assert.deepEqual(
    answers.filter((answer) => !/^[abc] /.test(answer)),
    [],
    `${changes} changes`,
  )
})

function* cycle<T>(items: readonly T[]): Generator<T> {
  for (;;) yield* items
}
