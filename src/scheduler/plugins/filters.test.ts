import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node, Pod } from '#api'
import { makeNode, makePod, SmallCluster } from '../fixtures.ts'

interface Case {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly placed?: readonly Pod[]
  readonly pod: Pod
  readonly expected: string
}

const one = makeNode({ name: 'node-1' })
const two = makeNode({ name: 'node-2' })
const noSchedule = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' }
const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }
const inZone = (name: string, zone: string): Node => makeNode({ name, labels: { zone } })
const hostPort = (port: number, hostIP?: string, protocol = 'TCP') => [
  { name: 'main', image: 'busybox', ports: [{ containerPort: 80, hostPort: port, protocol, ...(hostIP && { hostIP }) }] },
]
const nodeTerm = (key: string, operator: string, values: string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator, values }] }] },
  },
})
const byName = (...values: string[]) => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values }] }],
    },
  },
})
const podTerm = (app: string, topologyKey = 'zone') => [{ topologyKey, labelSelector: { matchLabels: { app } } }]
const near = (app: string) => ({ podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: podTerm(app) } })
const away = (app: string) => ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: podTerm(app) } })
const spread = (maxSkew: number, extra = {}) => [
  { topologyKey: 'zone', maxSkew, whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: { app: 'web' } }, ...extra },
]

const hopeless = (count: number): string =>
  `preemption: 0/${count} nodes are available: ${count} Preemption is not helpful for scheduling.`
const victimless = (count: number): string =>
  `preemption: 0/${count} nodes are available: ${count} No preemption victims found for incoming pod.`

const CASES: readonly Case[] = [
  {
    name: 'without nodes there is nothing to look at',
    nodes: [],
    pod: makePod({ name: 'p' }),
    expected: 'no nodes available to schedule pods',
  },
  {
    name: 'a request beyond every node is hopeless',
    nodes: [one],
    pod: makePod({ name: 'p', requests: { cpu: '5', memory: '9Gi' } }),
    expected: `0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. ${hopeless(1)}`,
  },
  {
    name: 'a full node has no room, and no lesser pods',
    nodes: [one],
    placed: [makePod({ name: 'a', on: 'node-1', requests: { cpu: '3500m' } })],
    pod: makePod({ name: 'p', requests: { cpu: '1' } }),
    expected: `0/1 nodes are available: 1 Insufficient cpu. ${victimless(1)}`,
  },
  {
    name: 'exactly what is left fits',
    nodes: [one],
    placed: [makePod({ name: 'a', on: 'node-1', requests: { cpu: '3500m' } })],
    pod: makePod({ name: 'p', requests: { cpu: '500m' } }),
    expected: 'node-1',
  },
  {
    name: 'pods are counted',
    nodes: [makeNode({ name: 'node-1', pods: '1' })],
    placed: [makePod({ name: 'a', on: 'node-1' })],
    pod: makePod({ name: 'p' }),
    expected: `0/1 nodes are available: 1 Too many pods. ${victimless(1)}`,
  },
  {
    name: 'extended resources are counted',
    nodes: [makeNode({ name: 'node-1', extended: { 'example.com/gpu': '1' } }), two],
    pod: makePod({ name: 'p', requests: { 'example.com/gpu': '1' } }),
    expected: 'node-1',
  },
  {
    name: 'init containers count by their peak, sidecars on top, overhead too',
    nodes: [one],
    pod: makePod({
      name: 'p',
      requests: { cpu: '1' },
      overhead: { cpu: '500m' },
      initContainers: [
        { name: 'side', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        { name: 'init', resources: { requests: { cpu: '2600m' } } },
      ],
    }),
    expected: `0/1 nodes are available: 1 Insufficient cpu. ${hopeless(1)}`,
  },
  {
    name: 'pod-level requests take the place of the containers’ sum',
    nodes: [one],
    pod: makePod({ name: 'p', requests: { cpu: '1' }, resources: { requests: { cpu: '5' } } }),
    expected: `0/1 nodes are available: 1 Insufficient cpu. ${hopeless(1)}`,
  },
  {
    name: 'each node is counted under its first reason',
    nodes: [
      makeNode({ name: 'a', taints: [notReady] }),
      makeNode({ name: 'b', taints: [notReady] }),
      makeNode({ name: 'c', cpu: '1' }),
    ],
    placed: [makePod({ name: 'x', on: 'c', requests: { cpu: '1' } })],
    pod: makePod({ name: 'p', requests: { cpu: '1' } }),
    expected:
      '0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
  },
  {
    name: 'a toleration lets a pod in',
    nodes: [makeNode({ name: 'node-1', taints: [noSchedule] })],
    pod: makePod({ name: 'p', tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'gpu', effect: 'NoSchedule' }] }),
    expected: 'node-1',
  },
  {
    name: 'a toleration of another value does not',
    nodes: [makeNode({ name: 'node-1', taints: [noSchedule] })],
    pod: makePod({ name: 'p', tolerations: [{ key: 'dedicated', value: 'cpu', effect: 'NoSchedule' }] }),
    expected: `0/1 nodes are available: 1 node(s) had untolerated taint(s). ${hopeless(1)}`,
  },
  {
    name: 'an empty key with Exists tolerates everything',
    nodes: [makeNode({ name: 'node-1', taints: [noSchedule, notReady] })],
    pod: makePod({ name: 'p', tolerations: [{ operator: 'Exists' }] }),
    expected: 'node-1',
  },
  {
    name: 'a cordoned node takes none',
    nodes: [makeNode({ name: 'node-1', unschedulable: true })],
    pod: makePod({ name: 'p' }),
    expected: `0/1 nodes are available: 1 node(s) were unschedulable. ${hopeless(1)}`,
  },
  {
    name: 'a cordoned node takes those that tolerate it',
    nodes: [makeNode({ name: 'node-1', unschedulable: true })],
    pod: makePod({
      name: 'p',
      tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' }],
    }),
    expected: 'node-1',
  },
  {
    name: 'a node selector must match',
    nodes: [one, makeNode({ name: 'node-2', labels: { disk: 'ssd' } })],
    pod: makePod({ name: 'p', nodeSelector: { disk: 'ssd' } }),
    expected: 'node-2',
  },
  {
    name: 'no node with the label',
    nodes: [one, two],
    pod: makePod({ name: 'p', nodeSelector: { disk: 'ssd' } }),
    expected: `0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector. ${hopeless(2)}`,
  },
  {
    name: 'Gt compares numbers, not text',
    nodes: [makeNode({ name: 'node-1', labels: { cores: '9' } }), makeNode({ name: 'node-2', labels: { cores: '10' } })],
    pod: makePod({ name: 'p', affinity: nodeTerm('cores', 'Gt', ['9']) }),
    expected: 'node-2',
  },
  {
    name: 'a pod bound to one node by name looks at no other',
    nodes: [one, makeNode({ name: 'node-2', cpu: '1' })],
    pod: makePod({ name: 'p', affinity: byName('node-2'), requests: { cpu: '2' } }),
    expected: `0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't satisfy plugin(s) [NodeAffinity]. ${hopeless(2)}`,
  },
  {
    name: 'names that exclude each other',
    nodes: [one],
    pod: makePod({
      name: 'p',
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              {
                matchFields: [
                  { key: 'metadata.name', operator: 'In', values: ['a'] },
                  { key: 'metadata.name', operator: 'In', values: ['b'] },
                ],
              },
            ],
          },
        },
      },
    }),
    expected: `0/1 nodes are available: pod affinity terms conflict. ${hopeless(1)}`,
  },
  {
    name: 'one host port is taken once, on any address',
    nodes: [one],
    placed: [makePod({ name: 'a', on: 'node-1', containers: hostPort(8080) })],
    pod: makePod({ name: 'p', containers: hostPort(8080, '127.0.0.1') }),
    expected: `0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports. ${victimless(1)}`,
  },
  {
    name: 'host ports of other addresses and protocols do not clash',
    nodes: [one],
    placed: [
      makePod({ name: 'a', on: 'node-1', containers: hostPort(8080, '127.0.0.1') }),
      makePod({ name: 'b', on: 'node-1', containers: hostPort(8080, '127.0.0.2', 'UDP') }),
    ],
    pod: makePod({ name: 'p', containers: hostPort(8080, '127.0.0.2') }),
    expected: 'node-1',
  },
  {
    name: 'affinity draws to the zone of the others',
    nodes: [inZone('a1', 'a'), inZone('b1', 'b')],
    placed: [makePod({ name: 'x', on: 'b1', labels: { app: 'db' } })],
    pod: makePod({ name: 'p', affinity: near('db') }),
    expected: 'b1',
  },
  {
    name: 'affinity without company',
    nodes: [inZone('a1', 'a')],
    pod: makePod({ name: 'p', affinity: near('db') }),
    expected: `0/1 nodes are available: 1 node(s) didn't match pod affinity rules. ${hopeless(1)}`,
  },
  {
    name: 'the first of a group that wants its own company is let in',
    nodes: [inZone('a1', 'a')],
    pod: makePod({ name: 'p', labels: { app: 'db' }, affinity: near('db') }),
    expected: 'a1',
  },
  {
    name: 'anti-affinity keeps away',
    nodes: [inZone('a1', 'a')],
    placed: [makePod({ name: 'x', on: 'a1', labels: { app: 'db' } })],
    pod: makePod({ name: 'p', affinity: away('db') }),
    expected: `0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules. ${victimless(1)}`,
  },
  {
    name: 'anti-affinity of those in place keeps away too',
    nodes: [inZone('a1', 'a')],
    placed: [makePod({ name: 'x', on: 'a1', affinity: away('web') })],
    pod: makePod({ name: 'p', labels: { app: 'web' } }),
    expected: `0/1 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules. ${victimless(1)}`,
  },
  {
    name: 'anti-affinity means its own namespace only',
    nodes: [inZone('a1', 'a')],
    placed: [makePod({ name: 'x', namespace: 'other', on: 'a1', labels: { app: 'db' } })],
    pod: makePod({ name: 'p', affinity: away('db') }),
    expected: 'a1',
  },
  {
    name: 'spread evens out the zones',
    nodes: [inZone('a1', 'a'), inZone('b1', 'b')],
    placed: [makePod({ name: 'x', on: 'a1', labels: { app: 'web' } })],
    pod: makePod({ name: 'p', labels: { app: 'web' }, topologySpreadConstraints: spread(1) }),
    expected: 'b1',
  },
  {
    name: 'spread stops where evening out is impossible',
    nodes: [inZone('a1', 'a'), makeNode({ name: 'b1', labels: { zone: 'b' }, cpu: '1' }), one],
    placed: [makePod({ name: 'x', on: 'a1', labels: { app: 'web' } })],
    pod: makePod({ name: 'p', labels: { app: 'web' }, requests: { cpu: '2' }, topologySpreadConstraints: spread(1) }),
    expected:
      "0/3 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints, 1 node(s) didn't match pod topology spread constraints (missing required label). preemption: 0/3 nodes are available: 1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.",
  },
  {
    name: 'with fewer zones than wanted the emptiest counts as empty',
    nodes: [inZone('a1', 'a'), inZone('b1', 'b')],
    placed: [makePod({ name: 'x', on: 'a1', labels: { app: 'web' } }), makePod({ name: 'y', on: 'b1', labels: { app: 'web' } })],
    pod: makePod({ name: 'p', labels: { app: 'web' }, topologySpreadConstraints: spread(1, { minDomains: 3 }) }),
    expected: `0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints. ${victimless(2)}`,
  },
]

for (const { name, nodes, placed, pod, expected } of CASES)
  test(`filter: ${name}`, () => assert.equal(new SmallCluster(nodes, placed).place(pod), expected))

test('filter: a pod that is being resized holds the most of what it asks for and what it has', () => {
  const growing = makePod({ name: 'x', on: 'node-1', requests: { cpu: '1' } })
  const shrinking: Pod = {
    ...growing,
    status: {
      containerStatuses: [
        { name: 'main', image: '', imageID: '', ready: true, restartCount: 0, resources: { requests: { cpu: '3' } } },
      ],
    },
  }
  const pod = makePod({ name: 'p', requests: { cpu: '2' } })
  assert.equal(new SmallCluster([one], [growing]).place(pod), 'node-1')
  assert.match(new SmallCluster([one], [shrinking]).place(pod), /Insufficient cpu/)
})
