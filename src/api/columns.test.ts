import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { allResources, cronJobs, deployments, endpoints, events, humanDuration, jobs, nodes, pods, services } from './index.ts'

const nowMs = Date.parse('2026-01-01T01:00:00Z')
const before = (minutes: number): string => new Date(nowMs - minutes * 60_000).toISOString()

const row = (resource: { columns: readonly unknown[] }, object: object): Record<string, unknown> =>
  Object.fromEntries(
    (resource.columns as readonly { name: string; value: (object: unknown, context: object) => unknown }[]).map((column) => [
      column.name,
      column.value(object, { nowMs }),
    ]),
  )

test('every kind prints an object of which only the name is known', () => {
  for (const resource of allResources) {
    if (['Binding'].includes(resource.kind)) continue
    const object: KubernetesObject = { metadata: { name: 'x', creationTimestamp: before(5) } }
    const cells = row(resource, object)
    assert.ok(Object.keys(cells).length > 0)
    for (const [name, cell] of Object.entries(cells)) {
      assert.ok(cell === undefined || ['string', 'number', 'boolean'].includes(typeof cell), `${resource.kind} ${name}: ${cell}`)
    }
  }
})

const running = (name: string, more: object = {}) => ({
  name,
  ready: true,
  restartCount: 0,
  state: { running: {} },
  image: 'i',
  imageID: '',
  ...more,
})
const pod = (status: object, more: { spec?: object; metadata?: object } = {}) => ({
  metadata: { name: 'p', creationTimestamp: before(10), ...more.metadata },
  spec: { containers: [{ name: 'a' }, { name: 'b' }], ...more.spec },
  status,
})

const statusCases: readonly (readonly [string, ReturnType<typeof pod>, string, string])[] = [
  ['pending', pod({ phase: 'Pending' }), '0/2', 'Pending'],
  ['running', pod({ phase: 'Running', containerStatuses: [running('a'), running('b')] }), '2/2', 'Running'],
  [
    'a crash',
    pod({
      phase: 'Running',
      containerStatuses: [running('a'), running('b', { ready: false, state: { waiting: { reason: 'CrashLoopBackOff' } } })],
    }),
    '1/2',
    'CrashLoopBackOff',
  ],
  [
    'an end without a reason',
    pod({ phase: 'Failed', containerStatuses: [running('a', { ready: false, state: { terminated: { exitCode: 3 } } })] }),
    '0/2',
    'ExitCode:3',
  ],
  [
    'one of two completed, not ready',
    pod({
      phase: 'Running',
      containerStatuses: [
        running('a', { ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } }),
        running('b'),
      ],
    }),
    '1/2',
    'NotReady',
  ],
  [
    'one of two completed, the other failed',
    pod({
      phase: 'Failed',
      containerStatuses: [
        running('a', { ready: false, state: { terminated: { exitCode: 0, reason: 'Completed' } } }),
        running('b', { ready: false, state: { terminated: { exitCode: 1, reason: 'Error' } } }),
      ],
    }),
    '0/2',
    'Error',
  ],
  [
    'initialising',
    pod(
      { phase: 'Pending', initContainerStatuses: [running('i', { ready: false })] },
      { spec: { containers: [{ name: 'a' }], initContainers: [{ name: 'i' }, { name: 'j' }] } },
    ),
    '0/1',
    'Init:0/2',
  ],
  [
    'failed initialisation',
    pod(
      {
        phase: 'Pending',
        initContainerStatuses: [running('i', { ready: false, state: { terminated: { exitCode: 1, reason: 'Error' } } })],
      },
      { spec: { initContainers: [{ name: 'i' }] } },
    ),
    '0/2',
    'Init:Error',
  ],
  [
    'a sidecar counts',
    pod(
      {
        phase: 'Running',
        initContainerStatuses: [running('s', { started: true })],
        containerStatuses: [running('a'), running('b')],
      },
      { spec: { initContainers: [{ name: 's', restartPolicy: 'Always' }] } },
    ),
    '3/3',
    'Running',
  ],
  ['deletion', pod({ phase: 'Running' }, { metadata: { deletionTimestamp: before(1) } }), '0/2', 'Terminating'],
  ['deletion of a finished one', pod({ phase: 'Failed' }, { metadata: { deletionTimestamp: before(1) } }), '0/2', 'Failed'],
  ['a lost node', pod({ reason: 'NodeLost' }, { metadata: { deletionTimestamp: before(1) } }), '0/2', 'Unknown'],
  ['eviction', pod({ phase: 'Failed', reason: 'Evicted' }), '0/2', 'Evicted'],
  [
    'gates',
    pod({ phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] }),
    '0/2',
    'SchedulingGated',
  ],
]

for (const [name, object, ready, status] of statusCases) {
  test(`pod status: ${name}`, () => {
    const cells = row(pods, object)
    assert.equal(cells['Ready'], ready)
    assert.equal(cells['Status'], status)
  })
}

test('restarts say when the last one was', () => {
  const last = { lastState: { terminated: { exitCode: 1, finishedAt: before(5) } } }
  const object = pod({ phase: 'Running', containerStatuses: [running('a', { restartCount: 3, ...last }), running('b')] })
  assert.equal(row(pods, object)['Restarts'], '3 (5m ago)')
  assert.equal(row(pods, object)['Age'], '10m')
})

test('rows of common kinds', () => {
  const metadata = { name: 'x', creationTimestamp: before(60) }
  const spec = {
    replicas: 3,
    selector: { matchLabels: { app: 'x' } },
    template: { spec: { containers: [{ name: 'c', image: 'i:1' }] } },
  }
  assert.deepEqual(row(deployments, { metadata, spec, status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 2 } }), {
    Name: 'x',
    Ready: '2/3',
    'Up-to-date': 3,
    Available: 2,
    Age: '60m',
    Containers: 'c',
    Images: 'i:1',
    Selector: 'app=x',
  })
  const ports = [
    { port: 80, nodePort: 30080, protocol: 'TCP' },
    { port: 53, protocol: 'UDP' },
  ]
  const service = { metadata, spec: { type: 'LoadBalancer', clusterIP: '10.96.0.9', clusterIPs: ['10.96.0.9'], ports } }
  const cells = row(services, service)
  assert.equal(cells['External-IP'], '<pending>')
  assert.equal(cells['Port(s)'], '80:30080/TCP,53/UDP')
  assert.equal(cells['Selector'], '<none>')
  const node = {
    metadata: { ...metadata, labels: { 'node-role.kubernetes.io/control-plane': '' } },
    spec: { unschedulable: true },
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  }
  assert.equal(row(nodes, node)['Status'], 'Ready,SchedulingDisabled')
  assert.equal(row(nodes, node)['Roles'], 'control-plane')
  const addresses = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'].map((ip) => ({ ip }))
  const subsets = [{ addresses, ports: [{ port: 80 }] }]
  assert.equal(row(endpoints, { metadata, subsets })['Endpoints'], '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...')
  const job = { metadata, spec: { completions: 2 }, status: { startTime: before(3), completionTime: before(1), succeeded: 2 } }
  assert.equal(row(jobs, job)['Duration'], '2m')
  assert.equal(row(jobs, job)['Completions'], '2/2')
  assert.equal(row(cronJobs, { metadata, spec: { suspend: true } })['Suspend'], 'True')
  const event = {
    metadata,
    involvedObject: { kind: 'Pod', name: 'p' },
    lastTimestamp: before(2),
    source: { component: 'kubelet', host: 'n' },
  }
  assert.equal(row(events, event)['Object'], 'pod/p')
  assert.equal(row(events, event)['Last Seen'], '2m')
  assert.equal(row(events, event)['Source'], 'kubelet, n')
})

test('durations are short', () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '<invalid>'],
    [90, '90s'],
    [150, '2m30s'],
    [3600, '60m'],
    [4 * 3600 + 60, '4h1m'],
    [100 * 3600, '4d4h'],
    [10 * 86400, '10d'],
    [800 * 86400, '2y70d'],
  ]
  for (const [seconds, expected] of cases) assert.equal(humanDuration(seconds * 1000), expected)
})
