import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { armoured, REQUEST_DER } from '#testing'
import {
  certificateSigningRequests,
  clusterRoleBindings,
  clusterRoles,
  horizontalPodAutoscalers,
  ingressClasses,
  ingresses,
  limitRanges,
  networkPolicies,
  nodes,
  type ResourceDefinition,
} from './index.ts'
import { foundBy } from './validation/findings.ts'

type Case = readonly [what: string, object: object, expected: readonly string[]]

function table(resource: unknown, cases: readonly Case[]): void {
  const definition = resource as ResourceDefinition
  for (const [what, object, expected] of cases) {
    test(`validation of ${definition.names.plural}: ${what}`, () => {
      const draft = { metadata: { name: 'x', namespace: 'default' }, ...structuredClone(object) } as KubernetesObject
      definition.default(draft)
      const findings = foundBy((found) => definition.validate(draft, found, { nowMs: 0, isNew: true }))
      assert.deepEqual(
        findings.map(({ field, message }) => `${field}: ${message}`),
        expected,
      )
    })
  }
}

const WILDCARD =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
const backend = { service: { name: 's', port: { number: 80 } } }
const rules = (path: object, host?: string): object => ({
  spec: { rules: [{ ...(host && { host }), http: { paths: [{ path: '/', pathType: 'Prefix', backend, ...path }] } }] },
})
const P = 'spec.rules[0].http.paths[0]'

table(ingresses, [
  ['plain', rules({}, '*.example.com'), []],
  ['a star in the middle', rules({}, 'a.*.com'), [`spec.rules[0].host: Invalid value: "a.*.com": ${WILDCARD}`]],
  [
    'an address for a host',
    rules({}, '10.0.0.1'),
    ['spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address'],
  ],
  ['no type of path', rules({ pathType: undefined, backend: {} }), [`${P}.pathType: Required value: pathType must be specified`]],
  [
    'an unknown type of path',
    rules({ pathType: 'Regex' }),
    [`${P}.pathType: Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"`],
  ],
  [
    'a path that goes up',
    rules({ path: 'a//b/..' }),
    [
      `${P}.path: Invalid value: "a//b/..": must be an absolute path`,
      `${P}.path: Invalid value: "a//b/..": must not contain '//'`,
      `${P}.path: Invalid value: "a//b/..": cannot end with '/..'`,
    ],
  ],
  ['no backend', rules({ backend: {} }), [`${P}.backend: Invalid value: "": resource or service backend is required`]],
  [
    'two backends',
    rules({ backend: { ...backend, resource: { kind: 'A', name: 'b' } } }),
    [`${P}.backend: Invalid value: "": cannot set both resource and service backends`],
  ],
  [
    'a resource without a name',
    rules({ backend: { resource: { apiGroup: 'a_b', kind: 'a/b', name: '' } } }),
    [
      `${P}.backend.resource.apiGroup: Invalid value: "a_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      `${P}.backend.resource.kind: Invalid value: "a/b": may not contain '/'`,
      `${P}.backend.resource.name: Required value: name is required`,
    ],
  ],
  [
    'two names of a port',
    rules({ backend: { service: { name: 's', port: { name: 'a', number: 1 } } } }),
    [`${P}.backend: Invalid value: "": cannot set both port name & port number`],
  ],
  [
    'two classes',
    {
      metadata: { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'a' } },
      spec: { defaultBackend: backend, ingressClassName: 'b' },
    },
    ['annotations.kubernetes.io/ingress.class: Invalid value: "a": must match `ingressClassName` when both are specified'],
  ],
])

table(ingressClasses, [
  ['plain', { spec: { controller: 'example.com/a/b', parameters: { kind: 'A', name: 'b' } } }, []],
  [
    'a controller of nobody',
    { spec: { controller: 'nginx' } },
    ['spec.controller: Invalid value: "nginx": must be a domain-prefixed path (such as "acme.io/foo")'],
  ],
  [
    'parameters somewhere',
    { spec: { controller: 'a.b/c', parameters: { kind: 'A', name: 'b', scope: 'Namespace' } } },
    ["spec.parameters.namespace: Required value: `parameters.scope` is set to 'Namespace'"],
  ],
  [
    'parameters of the cluster in a namespace',
    { spec: { controller: 'a.b/c', parameters: { kind: '', name: 'b', scope: 'Cluster', namespace: 'n' } } },
    [
      'spec.parameters.kind: Required value: kind is required',
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
  ],
])

const policy = (rule: object): object => ({ spec: { podSelector: {}, ingress: [rule] } })
const port = (fields: object): object => policy({ ports: [fields] })
const block = (cidr: string, except: string[] = []): object => policy({ from: [{ ipBlock: { cidr, except } }] })
const B = 'spec.ingress[0].from[0]'
const E = 'spec.ingress[0].ports[0].endPort'

table(networkPolicies, [
  ['plain', block('10.0.0.0/8', ['10.1.0.0/16']), []],
  [
    'what is not within',
    block('10.0.0.0/8', ['11.0.0.0/16', '10.0.0.0/8', 'x']),
    [
      `${B}.ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of \`cidr\``,
      `${B}.ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of \`cidr\``,
      `${B}.ipBlock.except[2]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)`,
    ],
  ],
  [
    'both families',
    block('fd00::/8', ['fd00:1::/32', '10.0.0.0/16']),
    [`${B}.ipBlock.except[1]: Invalid value: "10.0.0.0/16": must be a strict subset of \`cidr\``],
  ],
  [
    'a block beside pods',
    policy({ from: [{ ipBlock: {}, podSelector: {} }] }),
    [`${B}.ipBlock.cidr: Required value`, `${B}: Forbidden: may not specify both ipBlock and another peer`],
  ],
  [
    'an end before its start',
    port({ port: 100, endPort: 99 }),
    [`${E}: Invalid value: 99: must be greater than or equal to \`port\``],
  ],
  [
    'an end past all ports',
    port({ port: 100, endPort: 65_536 }),
    [`${E}: Invalid value: 65536: must be between 1 and 65535, inclusive`],
  ],
  [
    'an end of a name',
    port({ port: 'http', endPort: 99 }),
    [`${E}: Invalid value: 99: may not be specified when \`port\` is non-numeric`],
  ],
  ['an end of nothing', port({ endPort: 99 }), [`${E}: Invalid value: 99: may not be specified when \`port\` is not specified`]],
  [
    'another protocol',
    port({ protocol: 'ICMP' }),
    ['spec.ingress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "TCP", "UDP", "SCTP"'],
  ],
  [
    'another direction',
    { spec: { podSelector: {}, policyTypes: ['Sideways'] } },
    ['spec.policyTypes[0]: Unsupported value: "Sideways": supported values: "Ingress", "Egress"'],
  ],
])

const scaled = (spec: object): object => ({
  spec: { maxReplicas: 3, scaleTargetRef: { kind: 'Deployment', name: 'd' }, ...spec },
})
const metric = (fields: object): object => scaled({ metrics: [fields] })
const M = 'spec.metrics[0]'
const average = { type: 'AverageValue', averageValue: '1' }

table(horizontalPodAutoscalers, [
  [
    'more at least than at most',
    scaled({ minReplicas: 4 }),
    ['spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`'],
  ],
  [
    'nothing to scale',
    scaled({ scaleTargetRef: { kind: 'a/b', name: '' } }),
    [`spec.scaleTargetRef.kind: Invalid value: "a/b": may not contain '/'`, 'spec.scaleTargetRef.name: Required value'],
  ],
  [
    'a metric of no kind',
    metric({ type: 'Memory' }),
    [`${M}.type: Unsupported value: "Memory": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`],
  ],
  [
    'another source than it says',
    metric({ type: 'Pods', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 0 } } }),
    [
      `${M}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0`,
      `${M}.pods: Required value: must populate information for the given metric source`,
    ],
  ],
  [
    'two sources',
    metric({
      type: 'Pods',
      pods: { metric: { name: 'm' }, target: average },
      external: { metric: { name: 'm' }, target: average },
    }),
    [`${M}.external: Forbidden: must populate the given metric source only`],
  ],
  [
    'a metric without a name',
    metric({ type: 'Pods', pods: { metric: { name: '' }, target: { type: 'Value', value: '0' } } }),
    [
      `${M}.pods.metric.name: Required value: must specify a metric name`,
      `${M}.pods.target.value: Invalid value: "0": must be positive`,
      `${M}.pods.target.averageValue: Required value: must specify a positive target averageValue`,
    ],
  ],
  [
    'a resource of no container',
    metric({ type: 'ContainerResource', containerResource: { name: 'cpu', target: { type: 'Utilization' } } }),
    [
      `${M}.containerResource.container: Required value: must specify a container`,
      `${M}.containerResource.target.averageUtilization: Required value: must set either a target raw value or a target utilization`,
    ],
  ],
  [
    'a resource that no container has, of one that can not be',
    metric({ type: 'ContainerResource', containerResource: { name: 'storage', container: 'A', target: average } }),
    [
      `${M}.containerResource.name: Invalid value: "storage": must be a standard resource for containers`,
      `${M}.containerResource.container: Invalid value: "A": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  [
    'less than nothing for each pod',
    metric({ type: 'Pods', pods: { metric: { name: 'm' }, target: { ...average, averageValue: '-1' } } }),
    [`${M}.pods.target.averageValue: Invalid value: "-1": must be positive`],
  ],
  [
    'a metric named like what every JavaScript object has',
    metric({ type: 'constructor' }),
    [
      `${M}.type: Unsupported value: "constructor": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"`,
    ],
  ],
  [
    'two targets of one thing',
    metric({ type: 'External', external: { metric: { name: 'm' }, target: { ...average, value: '1' } } }),
    [`${M}.external.target.value: Forbidden: may not set both a target value for metric and a per-pod target`],
  ],
  [
    'an object of no kind',
    metric({ type: 'Object', object: { metric: { name: 'm' }, describedObject: { name: 'x' }, target: { type: 'Other' } } }),
    [
      `${M}.object.describedObject.kind: Required value`,
      `${M}.object.target.type: Invalid value: "Other": must be either Utilization, Value, or AverageValue`,
      `${M}.object.target.averageValue: Required value: must set either a target value or averageValue`,
    ],
  ],
  [
    'behaviour',
    scaled({
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 3601,
          selectPolicy: 'Some',
          policies: [{ type: 'Half', value: 0, periodSeconds: 1801 }],
        },
      },
    }),
    [
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
      'spec.behavior.scaleUp.selectPolicy: Unsupported value: "Some": supported values: "Disabled", "Max", "Min"',
      'spec.behavior.scaleUp.policies[0].type: Unsupported value: "Half": supported values: "Percent", "Pods"',
      'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
      'spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800',
    ],
  ],
])

table(clusterRoles, [
  [
    'the sum of nothing',
    { aggregationRule: {} },
    [
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
  ],
  ['the sum of all', { aggregationRule: { clusterRoleSelectors: [{}] } }, []],
  [
    'the sum of what no selector finds',
    {
      aggregationRule: {
        clusterRoleSelectors: [
          { matchLabels: { a: 'b' } },
          { matchExpressions: [{ key: 'a', operator: 'In' }] },
          { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] },
          { matchExpressions: [{ key: 'a', operator: 'Like' }] },
        ],
      },
    },
    [
      "aggregationRule.clusterRoleSelectors[1].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'aggregationRule.clusterRoleSelectors[1]: Invalid value: null: invalid label selector.',
      "aggregationRule.clusterRoleSelectors[2].matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      'aggregationRule.clusterRoleSelectors[2]: Invalid value: null: invalid label selector.',
      'aggregationRule.clusterRoleSelectors[3].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator',
      'aggregationRule.clusterRoleSelectors[3]: Invalid value: null: invalid label selector.',
    ],
  ],
])

const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' }
table(clusterRoleBindings, [
  [
    'a user of no name',
    { roleRef, subjects: [{ kind: 'User', name: '' }] },
    ['subjects[0].name: Required value', 'subjects[0].name: Invalid value: "": user name cannot be empty'],
  ],
])

table(nodes, [
  [
    'taints, amounts and ranges',
    {
      spec: {
        taints: [
          { key: 'a', effect: 'NoSchedule' },
          { key: 'a', effect: 'NoSchedule' },
        ],
        podCIDRs: ['10.0.0.0/24', '10.0.1.0/24'],
      },
      status: { capacity: { cpu: '-1', 'example.com/gpu': '500m' } },
    },
    [
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.capacity.example.com/gpu: Invalid value: "500m": must be an integer',
      'status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0',
      'status.allocatable.example.com/gpu: Invalid value: "500m": must be an integer',
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  ],
])

const limit = (item: object): object => ({ spec: { limits: [item] } })
table(limitRanges, [
  [
    'another type',
    limit({ type: 'Node', max: { cpu: '1' } }),
    ['spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified'],
  ],
  [
    'defaults of pods',
    limit({ type: 'Pod', default: { cpu: '1' } }),
    ["spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'"],
  ],
  [
    'claims without storage',
    limit({ type: 'PersistentVolumeClaim' }),
    ['spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided'],
  ],
  [
    'what containers are not limited by',
    limit({ type: 'Container', max: { storage: '1' } }),
    [
      'spec.limits[0].max[storage]: Invalid value: "storage": must be a standard resource for containers',
      'spec.limits[0].default[storage]: Invalid value: "storage": must be a standard resource for containers',
      'spec.limits[0].defaultRequest[storage]: Invalid value: "storage": must be a standard resource for containers',
    ],
  ],
  [
    'a ratio that nothing can have',
    limit({ type: 'Pod', min: { cpu: '1' }, max: { cpu: '2' }, maxLimitRequestRatio: { cpu: '3' } }),
    ['spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "3": ratio 3 is greater than max/min = 2.000000'],
  ],
])

const request = armoured(REQUEST_DER)
const signing = (spec: object, status?: object): object => ({
  spec: { request, usages: ['client auth'], signerName: 'a.b/c', ...spec },
  ...(status && { status }),
})
table(certificateSigningRequests, [
  ['plain', signing({}), []],
  [
    'a signer of no domain',
    signing({ signerName: 'a/b' }),
    ['spec.signerName: Invalid value: "a": should be a domain with at least two segments separated by dots'],
  ],
  [
    'a signer without a path',
    signing({ signerName: 'a' }),
    [`spec.signerName: Invalid value: "a": must be a fully qualified domain and path of the form 'example.com/signer-name'`],
  ],
  ['one usage twice', signing({ usages: ['any', 'any'] }), ['spec.usages[1]: Duplicate value: "any"']],
  ['no request', signing({ request: '' }), ['spec.request: Invalid value: "": PEM block type must be CERTIFICATE REQUEST']],
  [
    'two decisions',
    signing(
      {},
      {
        conditions: [
          { type: 'Approved', status: 'True' },
          { type: 'Denied', status: 'False' },
        ],
      },
    ),
    [
      'status.conditions[1].status: Unsupported value: "False": supported values: "True"',
      'status.conditions[1].type: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ],
  ],
])

test('a kubelet that names an address twice is refused', () => {
  const definition = nodes as unknown as ResourceDefinition
  const address = { type: 'InternalIP', address: '10.0.0.1' }
  const node = { metadata: { name: 'n' }, spec: {}, status: { addresses: [address, address] } } as KubernetesObject
  assert.deepEqual(
    foundBy((found) => definition.validateStatusUpdate(node, node, found, { nowMs: 0 })).map(({ field }) => field),
    ['status.addresses[1]'],
  )
})
