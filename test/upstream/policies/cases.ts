import type { KubernetesObject } from '#meta'
import type { PolicyCase, PolicyRequest } from '../../../src/apiserver/admission/policy/trial.ts'

const API = 'admissionregistration.k8s.io/v1'

export const EVERYTHING = {
  resourceRules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'], scope: '*' }],
  matchPolicy: 'Equivalent',
  namespaceSelector: {},
  objectSelector: {},
}

const time = '2026-01-01T00:00:00Z'

export const work = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: 'work',
    uid: 'u-work',
    resourceVersion: '7',
    creationTimestamp: time,
    labels: { team: 'a', 'kubernetes.io/metadata.name': 'work' },
    annotations: { note: 'n' },
    managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: {} }],
  },
  spec: { finalizers: ['kubernetes'] },
  status: { phase: 'Active' },
} as KubernetesObject

export const settings = (more: Record<string, unknown> = {}): KubernetesObject =>
  ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'settings', namespace: 'work', labels: { app: 'a' } },
    data: { a: '1', b: 'two' },
    ...more,
  }) as unknown as KubernetesObject

export const creation = (more: Partial<PolicyRequest> = {}): PolicyRequest => ({
  operation: 'CREATE',
  kind: { group: '', version: 'v1', kind: 'ConfigMap' },
  resource: { group: '', version: 'v1', resource: 'configmaps' },
  subresource: '',
  namespace: 'work',
  name: 'settings',
  object: settings(),
  options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'kubectl' },
  dryRun: false,
  user: { username: 'jane', uid: 'u1', groups: ['g1', 'g2'], extra: { scopes: ['x', 'y'] } },
  ...more,
})

export const update = (more: Partial<PolicyRequest> = {}): PolicyRequest =>
  creation({
    operation: 'UPDATE',
    oldObject: settings({ data: { a: '0' } }),
    options: { kind: 'UpdateOptions', apiVersion: 'meta.k8s.io/v1' },
    ...more,
  })

export const deletion = (more: Partial<PolicyRequest> = {}): PolicyRequest => {
  const { object: _, ...rest } = creation()
  return {
    ...rest,
    operation: 'DELETE',
    oldObject: settings(),
    options: { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' },
    ...more,
  }
}

export const params = [
  { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'limit', namespace: 'work', labels: { l: '1' } }, data: { max: '3' } },
  {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'other', namespace: 'rules', labels: { l: '1' } },
    data: { max: '9' },
  },
  {
    apiVersion: 'rules.example.com/v1',
    kind: 'ClusterLimit',
    metadata: { name: 'limit', labels: { l: '1' } },
    data: { max: '1' },
  },
  {
    apiVersion: 'rules.example.com/v1',
    kind: 'NamespacedLimit',
    metadata: { name: 'limit', namespace: 'work', labels: { l: '1' } },
    data: { max: '2' },
  },
] as unknown as KubernetesObject[]

const allowed = [
  'jane,get,,configmaps,,work,settings,',
  'jane,create,apps,deployments,scale,work,web,',
  'jane,get,,,,,,/healthz',
  'system:serviceaccount:work:sa,get,,pods,,work,,',
]

export interface Options {
  readonly request?: PolicyRequest
  readonly binding?: Record<string, unknown>
  readonly bindings?: readonly Record<string, unknown>[]
  readonly match?: Record<string, unknown>
  /** Of the policy. */
  readonly name?: string
}

const base = { namespaces: [work], params, allowed }

export const validating = (
  spec: Record<string, unknown>,
  { request = creation(), binding = {}, bindings = [{}], match = {} }: Options = {},
): PolicyCase => ({
  ...base,
  request,
  validating: [
    {
      policy: {
        apiVersion: API,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'p' },
        spec: { failurePolicy: 'Fail', matchConstraints: { ...EVERYTHING, ...match }, ...spec },
      } as KubernetesObject,
      bindings: bindings.map(
        (each, index) =>
          ({
            apiVersion: API,
            kind: 'ValidatingAdmissionPolicyBinding',
            metadata: { name: `b${index}` },
            spec: { policyName: 'p', validationActions: ['Deny'], ...binding, ...each },
          }) as KubernetesObject,
      ),
    },
  ],
})

export const mutating = (
  spec: Record<string, unknown>,
  { request = creation(), binding = {}, bindings = [{}], match = {}, name = 'p' }: Options = {},
): PolicyCase => ({
  ...base,
  request,
  mutating: [
    {
      policy: {
        apiVersion: API,
        kind: 'MutatingAdmissionPolicy',
        metadata: { name },
        spec: { failurePolicy: 'Fail', reinvocationPolicy: 'Never', matchConstraints: { ...EVERYTHING, ...match }, ...spec },
      } as KubernetesObject,
      bindings: bindings.map(
        (each, index) =>
          ({
            apiVersion: API,
            kind: 'MutatingAdmissionPolicyBinding',
            metadata: { name: `b${index}` },
            spec: { policyName: name, ...binding, ...each },
          }) as KubernetesObject,
      ),
    },
  ],
})

export const expr = (expression: string, more: Record<string, unknown> = {}) => ({ expression, ...more })
export const rule = (expression: string, more: Record<string, unknown> = {}, options: Options = {}): PolicyCase =>
  validating({ validations: [expr(expression, more)] }, options)
/** Shows a value by the message of a refusal. */
export const shown = (value: string, options: Options = {}): PolicyCase =>
  rule('false', { messageExpression: `string(${value})` }, options)

const scale = creation({
  operation: 'UPDATE',
  kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  resource: { group: 'apps', version: 'v1', resource: 'deployments' },
  subresource: 'scale',
  name: 'web',
  object: {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'web', namespace: 'work' },
    spec: { replicas: 3 },
    status: { replicas: 0 },
  } as KubernetesObject,
  oldObject: {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'web', namespace: 'work' },
    spec: { replicas: 1 },
    status: { replicas: 0 },
  } as KubernetesObject,
})
const namespaceUpdate = creation({
  kind: { group: '', version: 'v1', kind: 'Namespace' },
  resource: { group: '', version: 'v1', resource: 'namespaces' },
  namespace: 'work',
  name: 'work',
  object: work,
  operation: 'UPDATE',
  oldObject: work,
})
export const node = creation({
  kind: { group: '', version: 'v1', kind: 'Node' },
  resource: { group: '', version: 'v1', resource: 'nodes' },
  namespace: '',
  name: 'n1',
  object: {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1', labels: { app: 'a' } },
    spec: {},
    status: {
      daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
      nodeInfo: Object.fromEntries(
        [
          'architecture',
          'bootID',
          'containerRuntimeVersion',
          'kernelVersion',
          'kubeProxyVersion',
          'kubeletVersion',
          'machineID',
          'operatingSystem',
          'osImage',
          'systemUUID',
        ].map((name) => [name, '']),
      ),
    },
  } as unknown as KubernetesObject,
})
const connect = creation({
  operation: 'CONNECT',
  kind: { group: '', version: 'v1', kind: 'PodExecOptions' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  subresource: 'exec',
  name: 'web',
  object: { apiVersion: 'v1', kind: 'PodExecOptions', command: ['ls'], stdin: true } as unknown as KubernetesObject,
})
const generated = creation({ name: '', object: settings({ metadata: { generateName: 'gen-', namespace: 'work' } }) })
const nameless = creation({ name: '', object: settings({ metadata: { namespace: 'work' } }) })
export const requests = {
  creation: creation(),
  update: update(),
  deletion: deletion(),
  scale,
  namespaceUpdate,
  node,
  connect,
  generated,
  nameless,
  dry: creation({ dryRun: true }),
  absent: creation({ namespace: 'absent' }),
  bare: creation({ user: { username: 'x', groups: [] }, options: undefined as never }),
}
export const paramRefs = [
  { name: 'limit', parameterNotFoundAction: 'Deny' },
  { name: 'limit', namespace: 'work', parameterNotFoundAction: 'Deny' },
  { name: 'nothing', parameterNotFoundAction: 'Deny' },
  { name: 'nothing', parameterNotFoundAction: 'Allow' },
  { selector: {}, parameterNotFoundAction: 'Deny' },
  { selector: { matchLabels: { l: '1' } }, namespace: 'rules', parameterNotFoundAction: 'Deny' },
  { selector: { matchLabels: { l: '2' } }, parameterNotFoundAction: 'Deny' },
  { selector: { matchLabels: { l: '2' } }, parameterNotFoundAction: 'Allow' },
  { selector: { matchExpressions: [{ key: 'l', operator: 'Exists' }] }, parameterNotFoundAction: 'Allow' },
]
export const paramKinds = [
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'rules.example.com/v1', kind: 'ClusterLimit' },
  { apiVersion: 'rules.example.com/v1', kind: 'NamespacedLimit' },
  { apiVersion: 'rules.example.com/v1', kind: 'Nothing' },
]

export const EXPENSIVE = "object.data.map(a, 'x'.matches('(a|b|c|d|e|f|g)*') ).size() >= 0"
export const DEAR =
  '[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, ([1,2,3,4,5,6,7,8,9,10].all(f, [1,2,3,4,5,6,7,8,9,10].all(g, true))))))))'
export const HALF =
  '[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, [1,2,3,4,5,6].all(f, true))))))'
export const QUARTER =
  '[1,2,3,4,5,6,7,8,9,10].all(a, [1,2,3,4,5,6,7,8,9,10].all(b, [1,2,3,4,5,6,7,8,9,10].all(c, [1,2,3,4,5,6,7,8,9,10].all(d, [1,2,3,4,5,6,7,8,9,10].all(e, true)))))'
