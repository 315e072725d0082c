import assert from 'node:assert/strict'
import test from 'node:test'
import type { Node, Pod, Service } from '#api'
import { makeNode, makePod, SmallCluster } from '../fixtures.ts'
import type { Lookups } from '../framework/index.ts'

interface Case {
  readonly name: string
  readonly nodes: readonly Node[]
  readonly placed?: readonly Pod[]
  readonly pod: Pod
  readonly lookups?: Partial<Lookups>
  readonly best: string
}

const MEBIBYTE = 1024 * 1024
const names = ['node-1', 'node-2', 'node-3']
const plain = names.map((name) => makeNode({ name }))
const zoned = [
  makeNode({ name: 'a1', labels: { 'topology.kubernetes.io/zone': 'a' } }),
  makeNode({ name: 'a2', labels: { 'topology.kubernetes.io/zone': 'a' } }),
  makeNode({ name: 'b1', labels: { 'topology.kubernetes.io/zone': 'b' } }),
]
const preferring = (app: string, weight: number) => [
  { weight, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app } } } },
]
const webService: Service = { metadata: { namespace: 'default', name: 'web' }, spec: { selector: { app: 'web' } } }

const CASES: readonly Case[] = [
  {
    name: 'the emptier node is better',
    nodes: plain,
    placed: [
      makePod({ name: 'a', on: 'node-1', requests: { cpu: '2', memory: '4Gi' } }),
      makePod({ name: 'b', on: 'node-3', requests: { cpu: '1', memory: '2Gi' } }),
    ],
    pod: makePod({ name: 'p', requests: { cpu: '1', memory: '2Gi' } }),
    best: 'node-2',
  },
  {
    name: 'pods that request nothing are taken to need a little',
    nodes: plain.slice(0, 2),
    placed: Array.from({ length: 10 }, (_, at) => makePod({ name: `a${at}`, on: 'node-1' })),
    pod: makePod({ name: 'p' }),
    best: 'node-2',
  },
  {
    name: 'soft taints repel',
    nodes: names.map((name) =>
      makeNode({ name, ...(name !== 'node-2' && { taints: [{ key: 'x', effect: 'PreferNoSchedule' }] }) }),
    ),
    pod: makePod({ name: 'p' }),
    best: 'node-2',
  },
  {
    name: 'preferred node affinity weighs',
    nodes: names.map((name) => makeNode({ name, labels: { [name]: 'yes' } })),
    pod: makePod({
      name: 'p',
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'node-1', operator: 'Exists' }] } },
            { weight: 90, preference: { matchExpressions: [{ key: 'node-3', operator: 'Exists' }] } },
          ],
        },
      },
    }),
    best: 'node-3',
  },
  {
    name: 'preferred company draws',
    nodes: plain,
    placed: [makePod({ name: 'a', on: 'node-2', labels: { app: 'db' } })],
    pod: makePod({
      name: 'p',
      affinity: { podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferring('db', 100) } },
    }),
    best: 'node-2',
  },
  {
    name: 'preferred distance repels, also when those in place prefer it',
    nodes: plain,
    placed: ['node-1', 'node-2'].map((on) =>
      makePod({
        name: `on-${on}`,
        on,
        affinity: { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: preferring('web', 50) } },
      }),
    ),
    pod: makePod({ name: 'p', labels: { app: 'web' } }),
    best: 'node-3',
  },
  {
    name: 'an image at hand saves a download',
    nodes: names.map((name) =>
      makeNode({ name, ...(name === 'node-2' && { images: [{ names: ['registry.test/big:1'], sizeBytes: 900 * MEBIBYTE }] }) }),
    ),
    pod: makePod({ name: 'p', containers: [{ name: 'c', image: 'registry.test/big:1' }] }),
    best: 'node-2',
  },
  {
    name: 'soft spread fills the emptier zone',
    nodes: zoned,
    placed: [makePod({ name: 'a', on: 'a1', labels: { app: 'web' } }), makePod({ name: 'b', on: 'a2', labels: { app: 'web' } })],
    pod: makePod({
      name: 'p',
      labels: { app: 'web' },
      topologySpreadConstraints: [
        {
          topologyKey: 'topology.kubernetes.io/zone',
          maxSkew: 1,
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: { app: 'web' } },
        },
      ],
    }),
    best: 'b1',
  },
  {
    name: 'pods of one Service spread without being told',
    nodes: plain,
    placed: [
      makePod({ name: 'a', on: 'node-1', labels: { app: 'web' } }),
      makePod({ name: 'b', on: 'node-3', labels: { app: 'web' } }),
      makePod({ name: 'c', on: 'node-2', labels: { app: 'other' } }),
    ],
    pod: makePod({ name: 'p', labels: { app: 'web' } }),
    lookups: { services: () => [webService] },
    best: 'node-2',
  },
  {
    name: 'pods of one replica set spread without being told',
    nodes: plain.slice(0, 2),
    placed: [makePod({ name: 'a', on: 'node-1', labels: { app: 'web' } }), makePod({ name: 'c', on: 'node-2' })],
    pod: makePod({ name: 'p', labels: { app: 'web' }, owner: { kind: 'ReplicaSet', name: 'web' } }),
    lookups: { ownerSelector: () => ({ matchLabels: { app: 'web' } }) },
    best: 'node-2',
  },
]

for (const { name, nodes, placed, pod, lookups, best } of CASES) {
  test(`score: ${name}`, () => {
    const cluster = new SmallCluster(nodes, placed, lookups && { lookups })
    // More than once, so that a lucky draw among equals does not pass.
    for (let round = 0; round < 8; round++) assert.equal(cluster.place(pod), best)
  })
}

test('score: equals are drawn from at random', () => {
  const cluster = new SmallCluster(plain)
  const chosen = new Set(Array.from({ length: 40 }, () => cluster.place(makePod({ name: 'p' }))))
  assert.deepEqual([...chosen].sort(), names)
})
