import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { allResources, type Column, type ResourceDefinition } from './index.ts'

const nowMs = Date.parse('2026-01-01T01:00:00Z')
const before = (minutes: number): string => new Date(nowMs - minutes * 60_000).toISOString()

const resourceOf = (kind: string, version = 'v1'): ResourceDefinition => {
  const found = allResources.find((each) => each.kind === kind && (each.version === version || version === ''))
  assert.ok(found, kind)
  return found
}

const cell = (column: Column<KubernetesObject>, object: object): unknown =>
  column.value({ metadata: { name: 'x', creationTimestamp: before(5) }, ...object } as KubernetesObject, { nowMs })

/** The cell of a column, of an object that says this much. */
const CELLS: readonly (readonly [kind: string, column: string, object: object, expected: unknown])[] = [
  ['Service', 'External-IP', { spec: { type: 'ClusterIP', externalIPs: ['1.1.1.1', '2.2.2.2'] } }, '1.1.1.1,2.2.2.2'],
  ['Service', 'External-IP', { spec: { type: 'NodePort' } }, '<none>'],
  ['Service', 'External-IP', { spec: { type: 'LoadBalancer' } }, '<pending>'],
  [
    'Service',
    'External-IP',
    {
      spec: { type: 'LoadBalancer', externalIPs: ['9.9.9.9'] },
      status: { loadBalancer: { ingress: [{ hostname: 'balancer.of.a.cloud' }, { ip: '2.2.2.2' }, { ip: '2.2.2.2' }] } },
    },
    '2.2.2.2,balancer.of.a.cloud,9.9.9.9',
  ],
  ['Service', 'External-IP', { spec: { type: 'ExternalName', externalName: 'a.b' } }, 'a.b'],
  ['Service', 'External-IP', { spec: {} }, '<unknown>'],
  ['Service', 'Cluster-IP', { spec: { clusterIPs: ['None'] } }, 'None'],
  ['Service', 'Port(s)', { spec: {} }, '<none>'],
  ['Ingress', 'Class', { metadata: { annotations: { 'kubernetes.io/ingress.class': 'a' } }, spec: {} }, '<none>'],
  ['Ingress', 'Hosts', { spec: { rules: [{}] } }, '*'],
  ['Ingress', 'Hosts', { spec: { rules: [{ host: 'a' }, {}, { host: 'b' }, { host: 'c' }] } }, 'a,b,c'],
  [
    'Ingress',
    'Hosts',
    { spec: { rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, {}, { host: 'd' }] } },
    'a,b,c + 2 more...',
  ],
  ['Ingress', 'Address', { status: { loadBalancer: { ingress: [{ hostname: 'balancer.of.a.cloud' }] } } }, 'balancer.of.a.cloud'],
  ['Ingress', 'Ports', { spec: { tls: [{}] } }, '80, 443'],
  ['IngressClass', 'Parameters', { spec: { parameters: { kind: 'Params', apiGroup: 'a.b', name: 'p' } } }, 'Params.a.b/p'],
  [
    'IPAddress',
    'ParentRef',
    { spec: { parentRef: { group: '', resource: 'services', namespace: 'd', name: 'k' } } },
    'services/d/k',
  ],
  ['IPAddress', 'ParentRef', { spec: { parentRef: { group: 'A.b', resource: 'Things', name: 'k' } } }, 'things.a.b/k'],
  ['IPAddress', 'ParentRef', { spec: {} }, '<none>'],
  ['EndpointSlice', 'Ports', { ports: [{ port: 80, name: 'http' }, { name: 'any' }, {}] }, '80,any,*'],
  ['EndpointSlice', 'Ports', { ports: [] }, '<unset>'],
  [
    'EndpointSlice',
    'Endpoints',
    { endpoints: [{ addresses: ['1.1.1.1', '1.1.1.2'] }, { addresses: ['1.1.1.3'] }, { addresses: ['1.1.1.4'] }] },
    '1.1.1.1,1.1.1.2,1.1.1.3 + 1 more...',
  ],
  ['Endpoints', 'Endpoints', {}, '<none>'],
  ['Endpoints', 'Endpoints', { subsets: [{ notReadyAddresses: [{ ip: '1.1.1.1' }] }] }, ''],
  ['Endpoints', 'Endpoints', { subsets: [{ addresses: [{ ip: 'fd00::1' }], ports: [{ port: 80 }] }] }, '[fd00::1]:80'],
  ['PersistentVolume', 'Capacity', { spec: {} }, '0'],
  ['PersistentVolume', 'Claim', { spec: { claimRef: { name: 'c' } } }, '/c'],
  [
    'PersistentVolume',
    'StorageClass',
    { metadata: { annotations: { 'volume.beta.kubernetes.io/storage-class': 'old' } }, spec: { storageClassName: 'new' } },
    'old',
  ],
  ['PersistentVolume', 'VolumeAttributesClass', { spec: {} }, '<unset>'],
  ['PersistentVolume', 'Access Modes', { spec: { accessModes: ['ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOnce'] } }, 'RWO,RWX'],
  ['PersistentVolumeClaim', 'Capacity', { spec: {}, status: { capacity: { storage: '1Gi' } } }, ''],
  ['PersistentVolumeClaim', 'Capacity', { spec: { volumeName: 'v' }, status: {} }, '0'],
  ['PersistentVolumeClaim', 'Status', { metadata: { deletionTimestamp: before(1) }, status: { phase: 'Bound' } }, 'Terminating'],
  [
    'ResourceQuota',
    'Request',
    { status: { hard: { pods: '2', cpu: '1', 'limits.cpu': '3' }, used: { cpu: '500m' } } },
    'cpu: 500m/1, pods: 0/2',
  ],
  ['ResourceQuota', 'Limit', { status: { hard: { pods: '2', 'limits.cpu': '3' } } }, 'limits.cpu: 0/3'],
  ['ComponentStatus', 'Status', { conditions: [{ type: 'Healthy', status: 'Unknown', message: 'm' }] }, 'Unhealthy'],
  ['ComponentStatus', 'Status', {}, 'Unknown'],
  ['CSIDriver', 'Modes', { spec: {} }, '<none>'],
  ['CSIDriver', 'TokenRequests', { spec: { tokenRequests: [] } }, ''],
  ['CSIDriver', 'AttachRequired', { spec: {} }, true],
  ['ResourceClaim', 'State', {}, 'pending'],
  ['ResourceClaim', 'State', { status: { reservedFor: [{}] } }, 'pending'],
  ['ResourceClaim', 'State', { metadata: { deletionTimestamp: before(1) } }, 'deleted'],
  [
    'ResourceClaim',
    'State',
    { metadata: { deletionTimestamp: before(1) }, status: { allocation: {}, reservedFor: [{}] } },
    'deleted,allocated,reserved',
  ],
  ['ResourceSlice', 'Node', { spec: {} }, undefined],
  [
    'PriorityLevelConfiguration',
    'NominalConcurrencyShares',
    { spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 5 } } },
    '<none>',
  ],
  ['PriorityLevelConfiguration', 'NominalConcurrencyShares', { spec: { limited: { nominalConcurrencyShares: 5 } } }, 5],
  ['PriorityLevelConfiguration', 'HandSize', { spec: { limited: { limitResponse: { queuing: { handSize: 6 } } } } }, 6],
  ['FlowSchema', 'MissingPL', { status: { conditions: [{ type: 'Dangling', status: 'False' }] } }, 'False'],
  ['Deployment', 'Selector', { spec: { selector: {} } }, ''],
  ['Deployment', 'Selector', { spec: { selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } } }, '<invalid>'],
  ['ReplicaSet', 'Selector', { spec: { selector: {} } }, '<none>'],
  ['ReplicaSet', 'Selector', { spec: { selector: { matchExpressions: [{ key: 'a', operator: 'Odd' }] } } }, '<error>'],
  [
    'ControllerRevision',
    'Controller',
    { metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: 's', controller: true }] } },
    'statefulset.apps/s',
  ],
  ['Job', 'Completions', { spec: { parallelism: 3 }, status: { succeeded: 1 } }, '1/1 of 3'],
  ['Job', 'Completions', { spec: { parallelism: 1 } }, '0/1'],
  ['Job', 'Duration', {}, ''],
  [
    'Job',
    'Status',
    { metadata: { deletionTimestamp: before(1) }, status: { conditions: [{ type: 'Suspended', status: 'True' }] } },
    'Terminating',
  ],
  ['Job', 'Status', { status: { conditions: [{ type: 'SuccessCriteriaMet', status: 'True' }] } }, 'SuccessCriteriaMet'],
  ['CronJob', 'Suspend', { spec: {} }, '<unset>'],
  ['CronJob', 'Timezone', { spec: { timeZone: 'CET' } }, 'CET'],
  ['CronJob', 'Last Schedule', {}, '<none>'],
  ['PodDisruptionBudget', 'Min Available', { spec: { minAvailable: '50%' } }, '50%'],
  ['PodDisruptionBudget', 'Max Unavailable', { spec: {} }, 'N/A'],
  [
    'RoleBinding',
    'ServiceAccounts',
    {
      subjects: [
        { kind: 'ServiceAccount', name: 'a', namespace: 'n' },
        { kind: 'ServiceAccount', name: 'b' },
      ],
    },
    'n/a, b',
  ],
  ['Event', 'Count', {}, 1],
  ['Event', 'Count', { series: { count: 7, lastObservedTime: before(2) }, count: 3 }, 7],
  ['Event', 'Last Seen', { series: { count: 7, lastObservedTime: before(2) }, lastTimestamp: before(30) }, '2m'],
  ['Event', 'Last Seen', { eventTime: before(3) }, '3m'],
  ['Event', 'Object', { involvedObject: { kind: 'Node' } }, 'node'],
  ['Event', 'Source', { reportingComponent: 'c', reportingInstance: 'i' }, 'c, i'],
  ['CertificateSigningRequest', 'RequestedDuration', { spec: { expirationSeconds: 86400 } }, '24h'],
  [
    'CertificateSigningRequest',
    'Condition',
    { status: { conditions: [{ type: 'Approved' }, { type: 'Failed' }], certificate: 'eA==' } },
    'Approved,Failed,Issued',
  ],
  ['CertificateSigningRequest', 'Condition', { status: { conditions: [{ type: 'Approved' }, { type: 'Denied' }] } }, 'Denied'],
  ['ValidatingAdmissionPolicyBinding', 'ParamRef', { spec: { paramRef: { name: 'p' } } }, '*/p'],
  ['ValidatingAdmissionPolicyBinding', 'ParamRef', { spec: { paramRef: { name: 'p', namespace: 'n' } } }, 'n/p'],
  ['ValidatingAdmissionPolicyBinding', 'ParamRef', { spec: { paramRef: {} } }, '<unset>'],
  [
    'MutatingAdmissionPolicyBinding',
    'ParamRef',
    {
      spec: {
        paramRef: {
          selector: { matchLabels: { b: '1', a: '2' }, matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }] },
        },
      },
    },
    '&LabelSelector{MatchLabels:map[string]string{a: 2,b: 1,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}',
  ],
  ['ValidatingAdmissionPolicy', 'ParamKind', { spec: { paramKind: { apiVersion: 'a/v1', kind: 'K' } } }, 'a/v1/K'],
  ['Lease', 'Holder', { spec: {} }, undefined],
]

for (const [kind, column, object, expected] of CELLS) {
  test(`${column} of ${kind} ${JSON.stringify(object).slice(0, 90)}`, () => {
    const found = resourceOf(kind).columns.find((each) => each.name === column)
    assert.ok(found, `${kind} has no ${column}`)
    assert.equal(cell(found, object), expected)
  })
}

const metric = (type: string, target: object, current?: object): readonly [spec: object, status: object | undefined] => {
  const part = `${type.charAt(0).toLowerCase()}${type.slice(1)}`
  const name = type.endsWith('Resource') ? { name: 'cpu' } : {}
  return [{ type, [part]: { ...name, target } }, current === undefined ? undefined : { type, [part]: { ...name, current } }]
}

const TARGETS: readonly (readonly [metrics: readonly (readonly [object, object | undefined])[], expected: string])[] = [
  [[], '<none>'],
  [[metric('External', { averageValue: '50' }, { averageValue: '25' })], '25/50 (avg)'],
  [[metric('External', { averageValue: '50' })], '<unknown>/50 (avg)'],
  [[metric('External', { value: '100' }, { value: '50m' })], '50m/100'],
  [[metric('External', { value: '100' }, {})], '<nil>/100'],
  [[metric('Pods', { averageValue: '100' }, { averageValue: '50' })], '50/100'],
  [[metric('Pods', { averageValue: '100' })], '<unknown>/100'],
  [[metric('Object', { value: '100' }, { value: '50' })], '50/100'],
  [[metric('Object', { averageValue: '100' }, { averageValue: '50' })], '50/100 (avg)'],
  [[metric('Resource', { averageValue: '100' }, { averageValue: '50' })], 'cpu: 50/100'],
  [[metric('Resource', { averageUtilization: 80 }, { averageUtilization: 50 })], 'cpu: 50%/80%'],
  [[metric('Resource', { averageUtilization: 80 })], 'cpu: <unknown>/80%'],
  [[metric('Resource', {})], 'cpu: <unknown>/<auto>'],
  [[metric('ContainerResource', { averageUtilization: 80 }, { averageUtilization: 50 })], 'cpu: 50%/80%'],
  [[metric('Other', {})], '<unknown type>'],
  [
    [metric('Pods', { averageValue: '1' }), metric('Pods', { averageValue: '2' }), metric('Pods', { averageValue: '3' })],
    '<unknown>/1, <unknown>/2 + 1 more...',
  ],
]

for (const [metrics, expected] of TARGETS) {
  test(`targets of an autoscaler: ${expected}`, () => {
    const [column] = resourceOf('HorizontalPodAutoscaler', 'v2').columns.filter(({ name }) => name === 'Targets')
    const spec = { metrics: metrics.map(([each]) => each) }
    assert.equal(cell(column!, { spec, status: { currentMetrics: metrics.map(([, status]) => status) } }), expected)
  })
}

test('columns that hold numbers and truths as texts, and those that hold names', () => {
  const typed = allResources.flatMap(({ kind, version, columns }) =>
    columns
      .filter(({ name, type, format }) => (type !== 'string' && type !== 'integer') || (format !== undefined && name !== 'Name'))
      .map(({ name, type, format }) => `${kind}.${version} ${name} ${format ?? type}`),
  )
  assert.deepEqual(typed.sort(), [
    'CSIDriver.v1 AttachRequired boolean',
    'CSIDriver.v1 PodInfoOnMount boolean',
    'CSIDriver.v1 RequiresRepublish boolean',
    'CSIDriver.v1 StorageCapacity boolean',
    'ClusterRole.v1 Created At date',
    'CronJob.v1 Suspend boolean',
    'CustomResourceDefinition.v1 Created At date',
    'LimitRange.v1 Created At date',
    'PriorityClass.v1 Global-Default boolean',
    'Role.v1 Created At date',
    'VolumeAttachment.v1 Attached boolean',
    'VolumeAttachment.v1 Attacher name',
  ])
  const integers = allResources.flatMap(({ kind, columns }) =>
    columns.filter(({ type }) => type === 'integer').map(({ name }) => `${kind} ${name}`),
  )
  assert.deepEqual(
    ['Deployment', 'ControllerRevision', 'FlowSchema', 'HorizontalPodAutoscaler', 'Event'].filter((kind) =>
      integers.some((each) => each.startsWith(kind)),
    ),
    [],
  )
})

test('every column but one says what it is about', () => {
  const mute = allResources.flatMap(({ kind, columns }) =>
    columns
      .filter(({ description }) => (typeof description === 'function' ? description() : description) === '')
      .map(({ name }) => `${kind} ${name}`),
  )
  // Upstream looks for it in the wrong type.
  assert.deepEqual(mute, ['RuntimeClass Handler'])
})

test('rows of pods that are done say so, and flow schemas stand in the order of their precedence', () => {
  const pods = resourceOf('Pod')
  const conditions = (phase: string): unknown => pods.rowConditions!({ status: { phase } } as KubernetesObject)
  assert.deepEqual(conditions('Running'), [])
  assert.deepEqual(conditions('Succeeded'), [
    { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  ])
  assert.deepEqual(conditions('Failed'), [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }])
  const schema = (name: string, matchingPrecedence: number): KubernetesObject =>
    ({ metadata: { name }, spec: { matchingPrecedence } }) as KubernetesObject
  const sorted = [schema('a', 9), schema('c', 1), schema('b', 1)].sort((a, b) => resourceOf('FlowSchema').rowOrder!(a, b))
  assert.deepEqual(
    sorted.map(({ metadata }) => metadata?.name),
    ['b', 'c', 'a'],
  )
})
