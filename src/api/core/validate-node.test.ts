import assert from 'node:assert/strict'
import test from 'node:test'
import { changeFindings, findingsOf, made, updateFindings } from '#testing'
import { type Node, nodes } from '../index.ts'

const nodeOf = ({
  annotations,
  ...node
}: {
  readonly annotations?: object
  readonly spec?: object
  readonly status?: object
}) => ({
  metadata: { name: 'n', ...(annotations && { annotations }) },
  ...node,
})
const [TAINTS, AVOID] = ['scheduler.alpha.kubernetes.io/taints', 'scheduler.alpha.kubernetes.io/preferAvoidPods']
const A = 'metadata.annotations'
const FAMILIES = 'may specify no more than one CIDR for each IP family'
const NAME =
  "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
const features = (...declaredFeatures: string[]): object => ({ status: { declaredFeatures } })
const avoiding = (podSignature: object): object => ({
  annotations: { [AVOID]: JSON.stringify({ preferAvoidPods: [{ podSignature }] }) },
})
const long = `A${'b'.repeat(253)}`

const cases: readonly (readonly [what: string, node: object, refusals: readonly string[]])[] = [
  [
    'all well',
    {
      annotations: { [TAINTS]: '[{"key":"a","effect":"NoSchedule"}]' },
      spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'], taints: [{ key: 'a', effect: 'NoSchedule' }] },
      status: { nodeInfo: { swap: { capacity: 1 } }, declaredFeatures: ['A', 'A/b', 'B'] },
    },
    [],
  ],
  [
    'features',
    features('b', 'B/', 'A', 'A', long),
    [
      `status.declaredFeatures[0]: Invalid value: "b": invalid feature name "b": ${NAME}`,
      'status.declaredFeatures[1]: Invalid value: "B/": list must be sorted alphabetically',
      `status.declaredFeatures[1]: Invalid value: "B/": invalid feature name "B/": ${NAME}`,
      'status.declaredFeatures[2]: Invalid value: "A": list must be sorted alphabetically',
      'status.declaredFeatures[3]: Duplicate value: "A"',
      `status.declaredFeatures[4]: Invalid value: "${long}": invalid feature name "${long}": must be no more than 253 characters`,
    ],
  ],
  [
    'no swap',
    { status: { nodeInfo: { swap: { capacity: 0 } } } },
    ['metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero'],
  ],
  [
    'amounts',
    { status: { capacity: { pods: '500m', cpu: '-1' }, allocatable: {} } },
    [
      'status.capacity.pods: Invalid value: "500m": must be an integer',
      'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
    ],
  ],
  [
    'taints',
    { spec: { taints: ['1', '2'].map((value) => ({ key: 'a', value, effect: 'NoExecute' })) } },
    [
      'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"2","Effect":"NoExecute","TimeAdded":null}: taints must be unique by key and effect pair',
    ],
  ],
  [
    'one range twice',
    { spec: { podCIDRs: ['10.0.0.0/24', '10.0.0.0/24'] } },
    [`spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.0.0/24"]: ${FAMILIES}`],
  ],
  [
    'three ranges',
    { spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64', 'fd01::/64'] } },
    [`spec.podCIDRs: Invalid value: ["10.0.0.0/24","fd00::/64","fd01::/64"]: ${FAMILIES}`],
  ],
  [
    'a range that is none beside another',
    { spec: { podCIDRs: ['10.0.0.0/24', 'x'] } },
    [
      'spec.podCIDRs[1]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:failed to parse cidr value:"x" with error:invalid CIDR address: x',
      `spec.podCIDRs: Invalid value: ["10.0.0.0/24","x"]: ${FAMILIES}`,
    ],
  ],
  [
    'taints of an annotation',
    { annotations: { [TAINTS]: '[{"key":"a","effect":"Never"}]' } },
    [`${A}.${TAINTS}[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"`],
  ],
  ['pods to avoid', avoiding({ podController: { controller: true } }), []],
  ['pods of nobody to avoid', avoiding({}), [`${A}.${AVOID}[0].PodSignature: Required value`]],
  [
    'pods of who controls nothing to avoid',
    avoiding({ podController: {} }),
    [`${A}.${AVOID}[0].PodSignature.PodController.Controller: Invalid value: false: must point to a controller`],
  ],
]

for (const [what, node, refusals] of cases) {
  test(`a node: ${what}`, () => assert.deepEqual(findingsOf(nodes, nodeOf(node)), refusals))
}

test('what is no JSON in an annotation of a node is told', () => {
  const [taints, avoided, ...none] = findingsOf(nodes, nodeOf({ annotations: { [TAINTS]: '{', [AVOID]: '{' } }))
  assert.match(taints!, new RegExp(`^${A}: Invalid value: "${TAINTS}": `))
  assert.match(avoided!, new RegExp(`^${A}\\.AvoidPods: Invalid value: "${AVOID}": `))
  assert.deepEqual(none, [])
})

test('a node keeps its ranges, its machine and its name of old', () => {
  const old = nodeOf({ spec: { podCIDRs: ['10.0.0.0/24', 'fd00::/64'], providerID: 'a://b', externalID: 'x' } })
  const change = (spec: object): string[] => changeFindings<Node>(nodes, old, (draft) => Object.assign(draft.spec!, spec))
  assert.deepEqual(change({ unschedulable: true }), [])
  const RANGES = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
  assert.deepEqual(change({ podCIDRs: ['10.0.0.0/24'] }), [RANGES])
  assert.deepEqual(change({ podCIDRs: ['10.0.1.0/24', 'fd01::/64'] }), [RANGES, RANGES])
  assert.deepEqual(change({ podCIDRs: ['10.0.0.0/24', 'fd01::/64'] }), [RANGES])
  assert.deepEqual(change({ providerID: 'a://c' }), [
    'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
  ])
  assert.deepEqual(change({ externalID: 'y' }), ['spec.externalID: Forbidden: may not be updated'])
  const bare = changeFindings<Node>(nodes, nodeOf({}), (draft) =>
    Object.assign(draft, { spec: { podCIDRs: ['10.0.0.0/24'], providerID: 'a://c' } }),
  )
  assert.deepEqual(bare, [])
})

test('a kubelet reports what is checked like the node', () => {
  const change = (status: object): string[] =>
    changeFindings<Node>(nodes, nodeOf({}), (draft) => Object.assign(draft.status!, status), 'status')
  const [host, name] = [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'Hostname', address: '10.0.0.1' },
  ]
  assert.deepEqual(change({ addresses: [host, name], capacity: { cpu: '1' }, declaredFeatures: ['A'] }), [])
  assert.deepEqual(change({ addresses: [host, name, host], capacity: { cpu: '-1' }, declaredFeatures: ['a'] }), [
    'status.capacity.cpu: Invalid value: "-1": must be greater than or equal to 0',
    `status.declaredFeatures[0]: Invalid value: "a": invalid feature name "a": ${NAME}`,
    'status.addresses[2]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}',
  ])
  const configMap = { namespace: 'N', kubeletConfigKey: 'not ok' }
  const said = change({ config: { assigned: { configMap }, active: {} } })
  const C = 'status.config.assigned.configMap'
  assert.deepEqual(
    said.map((each) => each.replace(/: (a lowercase|a valid).*/, '')),
    [
      `${C}.uid: Required value`,
      `${C}.resourceVersion: Required value`,
      `${C}.namespace: Invalid value: "N"`,
      `${C}.name: Required value`,
      `${C}.kubeletConfigKey: Invalid value: "not ok"`,
      'status.config.active: Invalid value: {"ConfigMap":null}: exactly one reference subfield must be non-nil',
    ],
  )
})

test('where a kubelet was to find its configuration once stays with who has it', () => {
  const configMap = { namespace: 'a', name: 'b', kubeletConfigKey: 'c', uid: 'u', resourceVersion: '1' }
  const whole = { spec: { configSource: { configMap } }, status: { config: { active: { configMap } } } }
  const fresh = made(nodes, nodeOf(whole))
  assert.equal(fresh.spec!.configSource, undefined)
  assert.equal(fresh.status!.config, undefined)
  const [old, bare] = [nodeOf(whole), nodeOf({ spec: {}, status: {} })] as unknown as [Node, Node]
  const written = (before: Node): Node => {
    const draft = structuredClone(old)
    nodes.prepareForUpdate(draft, before)
    nodes.prepareForStatusUpdate(draft, before)
    return draft
  }
  assert.deepEqual(written(old), old)
  assert.deepEqual(written(bare), { ...old, spec: {}, status: {} })
  const path = 'spec.configSource.configMap'
  assert.deepEqual(updateFindings(nodes, old, old), [
    `${path}.uid: Forbidden: uid must not be set in spec`,
    `${path}.resourceVersion: Forbidden: resourceVersion must not be set in spec`,
  ])
})

test('the older of two names for the range of a node counts', () => {
  const rangesOf = (spec: object): object => {
    const { podCIDR, podCIDRs } = made(nodes, nodeOf({ spec })).spec!
    return { podCIDR, podCIDRs }
  }
  const [a, b] = ['10.0.0.0/24', '10.0.1.0/24']
  assert.deepEqual(rangesOf({ podCIDR: a }), { podCIDR: a, podCIDRs: [a] })
  assert.deepEqual(rangesOf({ podCIDRs: [a] }), { podCIDR: a, podCIDRs: [a] })
  assert.deepEqual(rangesOf({ podCIDR: a, podCIDRs: [b] }), { podCIDR: a, podCIDRs: [a] })
})
