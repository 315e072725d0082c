import assert from 'node:assert/strict'
import test from 'node:test'
import type { EndpointSlice, Service } from '#api'
import { RulesTracker } from './changes.ts'
import { type NodeFacts, type ServiceRules, serviceRules } from './rules.ts'

const node: NodeFacts = { nodeName: 'node-1', zone: 'a', nodePortAddresses: ['192.168.0.1'] }

function service(spec: Partial<NonNullable<Service['spec']>> = {}, status?: Service['status']): Service {
  return {
    metadata: { namespace: 'default', name: 'web' },
    spec: { clusterIP: '10.96.0.20', clusterIPs: ['10.96.0.20'], ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
    ...(status && { status }),
  }
}

interface EndpointLine {
  readonly ip: string
  readonly on?: string
  readonly state?: 'ready' | 'unready' | 'draining'
  readonly zones?: string[]
}

function slice(lines: readonly EndpointLine[], name = 'web-1'): EndpointSlice {
  return {
    metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: lines.map(({ ip, on = 'node-2', state = 'ready', zones }) => ({
      addresses: [ip],
      nodeName: on,
      conditions: { ready: state === 'ready', serving: state !== 'unready', terminating: state === 'draining' },
      ...(zones && { hints: { forZones: zones.map((zone) => ({ name: zone })) } }),
    })),
  }
}

/** `address:port protocol -> endpoints`, with ` m` for masquerade and ` | inside …`. */
function lines({ frontends }: ServiceRules): string[] {
  type AnyTarget = (typeof frontends)[number]['target']
  const print = (target: AnyTarget): string =>
    target.kind !== 'balance'
      ? target.kind
      : `${target.endpoints.map(({ address, port }) => `${address}:${port}`).join(',')}${target.masquerade ? ' m' : ''}${target.affinitySeconds ? ` ~${target.affinitySeconds}` : ''}`
  return frontends.map(
    ({ address, port, protocol, target, inside, sourceRanges }) =>
      `${address}:${port} ${protocol} -> ${print(target)}${inside ? ` | inside ${print(inside)}` : ''}${sourceRanges ? ` only ${sourceRanges}` : ''}`,
  )
}

const rulesOf = (of: Service, ...endpoints: EndpointLine[]): string[] => lines(serviceRules(of, [slice(endpoints)], node))

test('a ClusterIP balances over ready endpoints, in a fixed order', () => {
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.9' }, { ip: '10.1.0.5' }, { ip: '10.1.0.7', state: 'unready' }), [
    '10.96.0.20:80 tcp -> 10.1.0.5:8080,10.1.0.9:8080',
  ])
})

test('each family of a Service leads to its own endpoints, on its node ports, too', () => {
  const dualNode = { ...node, nodePortAddresses: ['192.168.0.1', 'fd00:172::1'] }
  const v6: EndpointSlice = { ...slice([{ ip: 'fd00:10:244::5' }], 'web-2'), addressType: 'IPv6' }
  const ports = [{ name: 'http', port: 80, nodePort: 30_080, protocol: 'TCP' }]
  const of = (...clusterIPs: string[]): string[] => {
    const web = service({ type: 'NodePort', clusterIP: clusterIPs[0]!, clusterIPs, ports })
    return lines(serviceRules(web, [slice([{ ip: '10.1.0.5' }]), v6], dualNode))
  }
  const v4Lines = ['10.96.0.20:80 tcp -> 10.1.0.5:8080', '192.168.0.1:30080 tcp -> 10.1.0.5:8080 m']
  const v6Lines = ['fd00:10:96::20:80 tcp -> fd00:10:244::5:8080', 'fd00:172::1:30080 tcp -> fd00:10:244::5:8080 m']
  assert.deepEqual(of('10.96.0.20', 'fd00:10:96::20'), [...v4Lines, ...v6Lines])
  assert.deepEqual(of('10.96.0.20'), v4Lines)
  assert.deepEqual(of('fd00:10:96::20'), v6Lines)
})

test('without endpoints a Service rejects', () => {
  assert.deepEqual(rulesOf(service()), ['10.96.0.20:80 tcp -> reject'])
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.7', state: 'unready' }), ['10.96.0.20:80 tcp -> reject'])
})

test('endpoints that drain serve as long as no other is ready', () => {
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.5', state: 'draining' }), ['10.96.0.20:80 tcp -> 10.1.0.5:8080'])
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.5', state: 'draining' }, { ip: '10.1.0.6' }), [
    '10.96.0.20:80 tcp -> 10.1.0.6:8080',
  ])
})

test('a NodePort answers on the node, masqueraded', () => {
  const nodePort = service({ type: 'NodePort', ports: [{ name: 'http', port: 80, nodePort: 30080, protocol: 'TCP' }] })
  assert.deepEqual(rulesOf(nodePort, { ip: '10.1.0.5' }), [
    '10.96.0.20:80 tcp -> 10.1.0.5:8080',
    '192.168.0.1:30080 tcp -> 10.1.0.5:8080 m',
  ])
})

test('external policy Local keeps outside traffic on the node and unmasked, and drops it where there is nothing', () => {
  const ports = [{ name: 'http', port: 80, nodePort: 30080, protocol: 'TCP' }]
  const local = service({ type: 'NodePort', externalTrafficPolicy: 'Local', ports })
  assert.equal(
    rulesOf(local, { ip: '10.1.0.5', on: 'node-1' }, { ip: '10.1.0.6' })[1],
    '192.168.0.1:30080 tcp -> 10.1.0.5:8080 | inside 10.1.0.5:8080,10.1.0.6:8080',
  )
  assert.equal(rulesOf(local, { ip: '10.1.0.6' })[1], '192.168.0.1:30080 tcp -> drop | inside 10.1.0.6:8080')
  assert.equal(rulesOf(local)[1], '192.168.0.1:30080 tcp -> reject | inside reject')
})

test('internal policy Local serves from the node or not at all', () => {
  const local = service({ internalTrafficPolicy: 'Local' })
  assert.deepEqual(rulesOf(local, { ip: '10.1.0.5', on: 'node-1' }, { ip: '10.1.0.6' }), ['10.96.0.20:80 tcp -> 10.1.0.5:8080'])
  assert.deepEqual(rulesOf(local, { ip: '10.1.0.6' }), ['10.96.0.20:80 tcp -> drop'])
})

test('a load balancer’s addresses are frontends, guarded by source ranges; in mode Proxy they are not', () => {
  const balancer = (ipMode: string): Service =>
    service(
      {
        type: 'LoadBalancer',
        loadBalancerSourceRanges: ['10.0.0.0/8', ' 172.16.0.0/12', 'nonsense'],
        externalIPs: ['203.0.113.9'],
      },
      { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode }] } },
    )
  assert.deepEqual(rulesOf(balancer('VIP'), { ip: '10.1.0.5' }).slice(1), [
    '203.0.113.9:80 tcp -> 10.1.0.5:8080 m',
    '203.0.113.1:80 tcp -> 10.1.0.5:8080 m only 10.0.0.0/8,172.16.0.0/12',
  ])
  assert.equal(rulesOf(balancer('Proxy'), { ip: '10.1.0.5' }).length, 2)
})

test('session affinity has a time-out', () => {
  assert.deepEqual(rulesOf(service({ sessionAffinity: 'ClientIP' }), { ip: '10.1.0.5' }), [
    '10.96.0.20:80 tcp -> 10.1.0.5:8080 ~10800',
  ])
})

test('zone hints hold only when every endpoint has one and some are for this zone', () => {
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.5', zones: ['a'] }, { ip: '10.1.0.6', zones: ['b'] }), [
    '10.96.0.20:80 tcp -> 10.1.0.5:8080',
  ])
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.5', zones: ['a'] }, { ip: '10.1.0.6' }), [
    '10.96.0.20:80 tcp -> 10.1.0.5:8080,10.1.0.6:8080',
  ])
  assert.deepEqual(rulesOf(service(), { ip: '10.1.0.6', zones: ['b'] }), ['10.96.0.20:80 tcp -> 10.1.0.6:8080'])
})

test('the health check counts ready endpoints of this node', () => {
  const balancer = service({ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 })
  const endpoints = [
    { ip: '10.1.0.5', on: 'node-1' },
    { ip: '10.1.0.6', on: 'node-1', state: 'draining' },
    { ip: '10.1.0.7' },
  ] as const
  assert.deepEqual(serviceRules(balancer, [slice(endpoints)], node).healthCheck, { port: 31000, localEndpoints: 1 })
})

test('headless Services, names and other proxies’ Services have no rules', () => {
  const labelled: Service = {
    ...service(),
    metadata: { namespace: 'default', name: 'web', labels: { 'service.kubernetes.io/service-proxy-name': 'x' } },
  }
  for (const other of [service({ clusterIP: 'None', clusterIPs: ['None'] }), service({ type: 'ExternalName' }), labelled])
    assert.deepEqual(rulesOf(other, { ip: '10.1.0.5' }), [])
})

test('what is not an address or a port never gets into a rule', () => {
  const injected = '10.1.0.5 . 80 }; flush ruleset; #'
  const hostile = service({
    externalIPs: [injected, '10.0.0.1/8', 'fe80::1%eth0'],
    ports: [
      { name: 'http', port: 80, nodePort: 99_999, protocol: 'TCP' },
      { name: 'http', port: 81, protocol: 'ICMP; drop' },
    ],
  })
  assert.deepEqual(rulesOf(hostile, { ip: injected }, { ip: '::1' }, { ip: '10.1.0.5' }), ['10.96.0.20:80 tcp -> 10.1.0.5:8080'])
})

test('slices of one Service add up, and an endpoint in two of them counts once', () => {
  const slices = [slice([{ ip: '10.1.0.5' }]), slice([{ ip: '10.1.0.5' }, { ip: '10.1.0.6' }], 'web-2')]
  assert.deepEqual(lines(serviceRules(service(), slices, node)), ['10.96.0.20:80 tcp -> 10.1.0.5:8080,10.1.0.6:8080'])
})

test('the tracker hands out a Service once for each change of its rules', () => {
  const tracker = new RulesTracker(node)
  const first = slice([{ ip: '10.1.0.5' }])
  tracker.slice({ after: first })
  assert.equal(tracker.take().size, 0)
  tracker.service({ after: service() })
  assert.deepEqual([...tracker.take().keys()], ['default/web'])
  // An endpoint that is not ready changes nothing that the kernel should know.
  tracker.slice({ before: first, after: slice([{ ip: '10.1.0.5' }, { ip: '10.1.0.6', state: 'unready' }]) })
  assert.equal(tracker.dirty, true)
  assert.equal(tracker.take().size, 0)
  tracker.node({ ...node, nodeName: 'node-2' })
  assert.equal(tracker.take().size, 1)
  tracker.service({ before: service() })
  const gone = tracker.take().get('default/web')
  assert.equal(gone?.after, undefined)
  assert.equal(tracker.all().size, 0)
})
