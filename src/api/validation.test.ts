import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import type { KubernetesObject } from '#meta'
import { warningsOf } from '#testing'
import {
  allResources,
  certificateSigningRequests,
  clusterRoleBindings,
  configMaps,
  cronJobs,
  customResourceDefinitions,
  daemonSets,
  deployments,
  endpointSlices,
  events,
  horizontalPodAutoscalers,
  ingresses,
  ipAddresses,
  jobs,
  limitRanges,
  networkPolicies,
  nodes,
  persistentVolumeClaims,
  podDisruptionBudgets,
  priorityClasses,
  type ResourceDefinition,
  roleBindings,
  roles,
  secrets,
  serviceCIDRs,
  services,
  statefulSets,
  storageClasses,
} from './index.ts'
import { foundBy } from './validation/findings.ts'

const context = { nowMs: 0 }
type Any = ResourceDefinition<KubernetesObject>
const any = (resource: unknown): Any => resource as Any

function made(resource: unknown, object: object): KubernetesObject {
  const draft = deepClone({ metadata: { name: 'x', namespace: 'default', uid: 'u' }, ...object }) as KubernetesObject
  any(resource).default(draft)
  any(resource).prepareForCreate(draft, [])
  any(resource).default(draft)
  return draft
}
const findings = (resource: unknown, object: object): string[] =>
  foundBy((found) => any(resource).validate(made(resource, object), found, context)).map(
    ({ field, message }) => `${field}: ${message}`,
  )
const changes = (resource: unknown, old: object, change: (draft: never) => void): string[] => {
  const before = made(resource, old)
  const after = deepClone(before)
  change(after as never)
  return foundBy((found) => any(resource).validateUpdate(after, before, found, context)).map(
    ({ field, message }) => `${field}: ${message}`,
  )
}

const containers = [{ name: 'c', image: 'i:1' }]
const labels = { app: 'x' }
const template = { metadata: { labels }, spec: { containers } }
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } }
const workload = { selector: { matchLabels: labels }, template }
const rbac = 'rbac.authorization.k8s.io'

const good: readonly (readonly [unknown, object])[] = [
  [deployments, { spec: workload }],
  [daemonSets, { spec: workload }],
  [statefulSets, { spec: { ...workload, serviceName: 's', volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: claim }] } }],
  [jobs, { spec: { template: { spec: { containers, restartPolicy: 'Never' } } } }],
  [
    cronJobs,
    {
      spec: {
        schedule: '*/5 9-17 * * mon-fri',
        jobTemplate: { spec: { template: { spec: { containers, restartPolicy: 'OnFailure' } } } },
      },
    },
  ],
  [services, { spec: { ports: [{ port: 80 }], selector: labels } }],
  [services, { spec: { clusterIP: 'None', clusterIPs: ['None'] } }],
  [services, { spec: { type: 'ExternalName', externalName: 'example.com.' } }],
  [configMaps, { data: { 'a.b': 'c' } }],
  [roles, { rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] }],
  [roleBindings, { roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }] }],
  [
    ingresses,
    {
      spec: {
        rules: [
          {
            host: '*.a.com',
            http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }] },
          },
        ],
      },
    },
  ],
  [networkPolicies, { spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] } }],
  [persistentVolumeClaims, { spec: claim }],
  [storageClasses, { provisioner: 'a/b' }],
  [priorityClasses, { value: 5 }],
  [podDisruptionBudgets, { spec: { minAvailable: '50%', selector: { matchLabels: labels } } }],
  [horizontalPodAutoscalers, { spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' } } }],
  [endpointSlices, { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }], ports: [{ name: 'http', port: 80 }] }],
  [limitRanges, { spec: { limits: [{ type: 'Container', max: { cpu: '2' }, defaultRequest: { cpu: '1' } }] } }],
  [
    customResourceDefinitions,
    {
      metadata: { name: 'foos.a.com' },
      spec: {
        group: 'a.com',
        scope: 'Namespaced',
        names: { plural: 'foos', kind: 'Foo' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
  ],
]

test('what is right passes', () => {
  for (const [resource, object] of good) assert.deepEqual(findings(resource, object), [], any(resource).kind)
})

const bad: readonly (readonly [name: string, resource: unknown, object: object, expected: readonly string[]])[] = [
  [
    'a selector that misses its template',
    deployments,
    { spec: { selector: { matchLabels: { app: 'y' } }, template } },
    ['spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`'],
  ],
  [
    'an empty selector',
    deployments,
    { spec: { selector: {}, template } },
    ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
  ],
  [
    'negative replicas',
    deployments,
    { spec: { ...workload, replicas: -1 } },
    ['spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
  ],
  [
    'a rollout that can not move',
    deployments,
    { spec: { ...workload, strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: '0%' } } } },
    ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
  ],
  [
    'a template that ends',
    daemonSets,
    { spec: { ...workload, template: { ...template, spec: { containers, restartPolicy: 'Never' } } } },
    ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ],
  [
    'a Job that restarts for ever',
    jobs,
    { spec: { template: { spec: { containers } } } },
    ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
  ],
  [
    'a failure policy that contradicts itself',
    jobs,
    {
      spec: {
        podFailurePolicy: {
          rules: [
            { action: 'FailIndex', onExitCodes: { containerName: 'x', operator: 'In', values: [0, 1, 1] } },
            { action: 'Retry', onPodConditions: [{ type: 'Ready' }], onExitCodes: { operator: 'NotIn', values: [2, 1] } },
            { action: 'Count' },
          ],
        },
        podReplacementPolicy: 'TerminatingOrFailed',
        template: { spec: { containers, restartPolicy: 'Never' } },
      },
    },
    [
      'spec.podFailurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: "x": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[0].onExitCodes.values[2]: Duplicate value: 1',
      'spec.podFailurePolicy.rules[1].action: Unsupported value: "Retry": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [2,1]: must be ordered',
      'spec.podFailurePolicy.rules[1]: Invalid value: specifying both OnExitCodes and OnPodConditions is not supported',
      'spec.podFailurePolicy.rules[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.podReplacementPolicy: Unsupported value: "TerminatingOrFailed": supported values: "Failed"',
    ],
  ],
  [
    'a success policy for indexes that are not there',
    jobs,
    {
      spec: {
        completionMode: 'Indexed',
        completions: 4,
        maxFailedIndexes: 1,
        managedBy: 'me',
        successPolicy: {
          rules: [{}, { succeededIndexes: '0-2,2' }, { succeededIndexes: '1,4' }, { succeededIndexes: '0-1', succeededCount: 3 }],
        },
        template: { spec: { containers, restartPolicy: 'Never' } },
      },
    },
    [
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
      'spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "0-2,2": error parsing succeededIndexes: non-increasing order, previous: 2, current: 2',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "1,4": error parsing succeededIndexes: too large index: "4"',
      'spec.successPolicy.rules[3].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
    ],
  ],
  [
    'a schedule that is none',
    cronJobs,
    { spec: { schedule: 'often', jobTemplate: { spec: { template: { spec: { containers, restartPolicy: 'Never' } } } } } },
    ['spec.schedule: Invalid value: "often": expected exactly 5 fields, found 1: [often]'],
  ],
  ['a Service without ports', services, { spec: {} }, ['spec.ports: Required value']],
  [
    'ports that clash',
    services,
    { spec: { ports: [{ name: 'a', port: 80 }, { name: 'a', port: 80 }, { port: 0 }] } },
    [
      'spec.ports[1].name: Duplicate value: "a"',
      'spec.ports[2].name: Required value',
      'spec.ports[2].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[2].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  ],
  [
    'a node port without a node',
    services,
    { spec: { ports: [{ port: 80, nodePort: 30080 }] } },
    ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  ],
  [
    'a key that is no file name',
    configMaps,
    { data: { 'a/b': '' } },
    [
      `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
    ],
  ],
  [
    'too much data',
    configMaps,
    { data: { a: 'x'.repeat(1024 * 1024 + 1) } },
    ['[]: Too long: may not be more than 1048576 bytes'],
  ],
  ['half a certificate', secrets, { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } }, ['data[tls.key]: Required value']],
  [
    'a role beyond its namespace',
    roles,
    { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
    ['rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs'],
  ],
  [
    'a binding of nobody to nothing',
    clusterRoleBindings,
    { roleRef: { apiGroup: rbac, kind: 'Role', name: '' }, subjects: [{ kind: 'ServiceAccount', name: 'a' }] },
    [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      'roleRef.name: Required value',
      'subjects[0].namespace: Required value',
    ],
  ],
  [
    'an empty ingress',
    ingresses,
    { spec: {} },
    ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  ],
  [
    'a peer that is nobody',
    networkPolicies,
    { spec: { podSelector: {}, ingress: [{ from: [{}] }] } },
    ['spec.ingress[0].from[0]: Required value: must specify a peer'],
  ],
  [
    'a claim to nothing',
    persistentVolumeClaims,
    { spec: {} },
    ['spec.accessModes: Required value: at least 1 access mode is required', 'spec.resources[storage]: Required value'],
  ],
  [
    'a priority above all',
    priorityClasses,
    { value: 1_000_000_001 },
    ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
  ],
  [
    'two budgets in one',
    podDisruptionBudgets,
    { spec: { minAvailable: 1, maxUnavailable: 1 } },
    ['spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set'],
  ],
  [
    'a taint that does nothing',
    nodes,
    { spec: { taints: [{ key: 'a', effect: 'Sometimes' }] } },
    [
      'metadata.taints[0].effect: Unsupported value: "Sometimes": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    'a misnamed definition',
    customResourceDefinitions,
    {
      spec: {
        group: 'a.com',
        scope: 'Cluster',
        names: { plural: 'foos', kind: 'Foo' },
        versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
      },
    },
    ['metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group'],
  ],
  [
    'a request for nothing',
    certificateSigningRequests,
    { spec: { request: '', signerName: 'x' } },
    [
      'spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST',
      'spec.usages: Required value',
      `spec.signerName: Invalid value: "x": must be a fully qualified domain and path of the form 'example.com/signer-name'`,
    ],
  ],
  [
    'an event of elsewhere',
    events,
    { involvedObject: { kind: 'Pod', name: 'p', namespace: 'other' } },
    ['involvedObject.namespace: Invalid value: "other": does not match event.namespace'],
  ],
  [
    'two ranges of one family',
    serviceCIDRs,
    { spec: { cidrs: ['10.0.0.0/24', '10.1.0.0/24'] } },
    [
      'spec.cidrs: Invalid value: {"cidrs":["10.0.0.0/24","10.1.0.0/24"]}: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    'limits upside down',
    limitRanges,
    { spec: { limits: [{ type: 'Container', max: { cpu: '1' }, min: { cpu: '2' } }] } },
    [
      'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1',
      'spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1',
    ],
  ],
]

for (const [name, resource, object, expected] of bad) {
  test(`validation of ${any(resource).names.plural}: ${name}`, () => assert.deepEqual(findings(resource, object), expected))
}

test('what must not change is said so', () => {
  assert.deepEqual(
    changes(
      services,
      { spec: { ports: [{ port: 80 }], clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] } },
      (draft: { spec: { clusterIP: string; clusterIPs: string[] } }) => {
        draft.spec.clusterIP = '10.96.0.2'
        draft.spec.clusterIPs = ['10.96.0.2']
      },
    ),
    ['spec.clusterIPs[0]: Invalid value: ["10.96.0.2"]: may not change once set'],
  )
  assert.deepEqual(
    changes(configMaps, { immutable: true, data: { a: 'b' } }, (draft: { data: { a: string } }) => {
      draft.data.a = 'c'
    }),
    ['data: Forbidden: field is immutable when `immutable` is set'],
  )
  assert.deepEqual(
    changes(roleBindings, { roleRef: { kind: 'Role', name: 'a', apiGroup: rbac } }, (draft: { roleRef: { name: string } }) => {
      draft.roleRef.name = 'b'
    }),
    [`roleRef: Invalid value: {"kind":"Role","name":"b","apiGroup":"${rbac}"}: cannot change roleRef`],
  )
  const job = { spec: { template: { spec: { containers, restartPolicy: 'Never' } } } }
  assert.deepEqual(
    changes(jobs, job, (draft: { spec: { parallelism: number; completions: number } }) => {
      draft.spec.parallelism = 3
      draft.spec.completions = 3
    }),
    ['spec.completions: Invalid value: 3: field is immutable'],
  )
  assert.deepEqual(
    changes(persistentVolumeClaims, { spec: { accessModes: ['ReadWriteOnce'] } }, (draft: { spec: { volumeName: string } }) => {
      draft.spec.volumeName = 'v'
    }),
    [],
  )
  assert.match(
    changes(statefulSets, { spec: workload }, (draft: { spec: { serviceName: string } }) => {
      draft.spec.serviceName = 'other'
    })[0]!,
    /^spec: Forbidden: updates to statefulset spec for fields other than 'replicas'/,
  )
})

test('an address has one spelling', () => {
  const problems = (name: string): number => [...ipAddresses.validateName(name, false)].length
  assert.deepEqual(['10.0.0.1', '2001:db8::1', '2001:DB8::1', '2001:db8:0::1', 'x'].map(problems), [0, 0, 1, 1, 1])
})

test('no kind crashes on an object with nothing in it, or with empty parts', () => {
  const empties: object[] = [{}, { spec: {} }, { spec: { template: {}, selector: {}, ports: [{}], rules: [{}], limits: [{}] } }]
  empties.push({ rules: [{}], subjects: [{}], subsets: [{}], endpoints: [{}], webhooks: [{}], ports: [{}] })
  for (const resource of allResources) {
    for (const object of empties) {
      const draft = made(resource, object)
      assert.ok(foundBy((found) => resource.validate(draft, found, context)).length >= 0)
      assert.ok(foundBy((found) => resource.validateUpdate(deepClone(draft), draft, found, context)).length >= 0)
      assert.ok(foundBy((found) => resource.validateStatusUpdate(deepClone(draft), draft, found, context)).length >= 0)
      assert.ok(warningsOf(resource, draft).length >= 0)
    }
  }
})
