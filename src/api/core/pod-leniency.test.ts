import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { updateFindings } from '#testing'
import { type Deployment, deployments, type Pod, type PodSpec, pods } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const container = { name: 'c', image: 'nginx:1' }
const volume = (source: object): object => ({ volumes: [{ name: 'v', ...source }] })

function pod(spec: object): Pod {
  const draft = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [container], ...spec } } as Pod
  pods.default(draft)
  return draft
}

function deployment(spec: object): Deployment {
  const labels = { app: 'x' }
  const template = { metadata: { labels }, spec: { containers: [container], ...spec } }
  const draft = {
    metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: labels }, template },
  } as unknown as Deployment
  deployments.default(draft)
  return draft
}

const [REQUIRED, PREFERRED] = [
  'requiredDuringSchedulingIgnoredDuringExecution',
  'preferredDuringSchedulingIgnoredDuringExecution',
]
const LABEL =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
const selector = { matchExpressions: [{ key: 'a', operator: 'In', values: ['not ok'] }] }
const at = 'matchExpressions[0].values[0]: Invalid value: "not ok"'
const spread = (more: object): object => ({
  topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', ...more }],
})
const USERS = 'spec.hostNetwork: Forbidden: when `hostUsers` is false'

const cases: readonly (readonly [what: string, spec: object, refusals: readonly string[]])[] = [
  [
    'values of selectors that no label has',
    {
      affinity: {
        podAntiAffinity: { [PREFERRED]: [{ weight: 1, podAffinityTerm: { topologyKey: 'zone', namespaceSelector: selector } }] },
      },
    },
    [`spec.affinity.podAntiAffinity.${PREFERRED}[0].podAffinityTerm.namespaceSelector.${at}: ${LABEL}`],
  ],
  [
    'values that no label of a node has',
    { affinity: { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [selector] } } } },
    [`spec.affinity.nodeAffinity.${REQUIRED}.nodeSelectorTerms[0].${at}: ${LABEL}`],
  ],
  [
    'a spread over what no label has',
    spread({ labelSelector: selector }),
    [`spec.topologySpreadConstraints[0].labelSelector.${at}: ${LABEL}`],
  ],
  [
    'tokens outside their volume',
    {
      serviceAccountName: 'default',
      ...volume({ projected: { sources: [{ serviceAccountToken: { path: '../token', expirationSeconds: 600 } }] } }),
    },
    [`spec.volumes[0].projected.path: Invalid value: "../token": must not contain '..'`],
  ],
  [
    'parameters of the host',
    { hostNetwork: true, securityContext: { sysctls: [{ name: 'net/ipv4/ip_forward', value: '1' }] } },
    [
      'spec.securityContext.sysctls[0].name: Invalid value: "net/ipv4/ip_forward": may not be specified when \'hostNetwork\' is true',
    ],
  ],
  [
    "parameters of the host's shared memory",
    { hostIPC: true, securityContext: { sysctls: [{ name: 'kernel.shmall', value: '1' }] } },
    [`spec.securityContext.sysctls[0].name: Invalid value: "kernel.shmall": may not be specified when 'hostIPC' is true`],
  ],
  [
    'an init container that starts again to be resized',
    { initContainers: [{ ...container, name: 'i', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] }] },
    [
      'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
    ],
  ],
  [
    'devices of users that are not the node',
    {
      hostUsers: false,
      ...volume({ persistentVolumeClaim: { claimName: 'c' } }),
      containers: [{ ...container, volumeDevices: [{ name: 'v', devicePath: '/dev/v' }] }],
    },
    ['spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false'],
  ],
  ["users of its own on the node's network", { hostUsers: false, hostNetwork: true }, [USERS]],
  ['an image without a reference', volume({ image: {} }), ['spec.volumes[0].image.reference: Required value']],
  [
    'a policy of SELinux that is off',
    { securityContext: { seLinuxChangePolicy: 'MountOption' } },
    ['spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"'],
  ],
  [
    'tolerations that compare',
    { tolerations: [{ key: 'a', operator: 'Gt', value: '5' }] },
    ['spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"'],
  ],
  [
    'a part of a huge page',
    {
      containers: [
        { ...container, resources: { limits: { cpu: '1', 'hugepages-2Mi': '3Mi' }, requests: { 'hugepages-2Mi': '3Mi' } } },
      ],
    },
    ['limits', 'requests'].map(
      (list) =>
        `spec.containers[0].resources.${list}[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi`,
    ),
  ],
]

for (const [what, spec, refusals] of cases) {
  test(`what a pod had before a rule it keeps: ${what}`, () => {
    const [one, many] = [pod(spec), deployment(spec)]
    const created = foundBy((found) => pods.validate(one, found, { nowMs: 0, isNew: true }))
    assert.deepEqual(
      created.map(({ field, message }) => `${field}: ${message}`),
      refusals,
    )
    assert.deepEqual(updateFindings(pods, one, deepClone(one)), [])
    assert.deepEqual(updateFindings(deployments, many, deepClone(many)), [])
    const [before, after] = [deployment({}), deepClone(many)]
    assert.deepEqual(
      updateFindings(deployments, after, before).map((each) => each.replace('spec.template.', '')),
      refusals,
    )
  })
}

test('what is kept is kept by its own rule alone', () => {
  const [old, next] = [pod({ hostUsers: false, hostNetwork: true }), pod({ hostUsers: false, hostNetwork: true, hostPID: true })]
  const said = foundBy((found) => pods.validate(next, found, { nowMs: 0, old }))
  assert.deepEqual(
    said.map(({ field }) => field),
    ['spec.HostPID'],
  )
  const compared = (value: string): string[] => {
    const tolerations = [{ key: 'a', operator: 'Lt', value }]
    const before = pod({ tolerations: [{ key: 'a', operator: 'Lt', value: '5' }] })
    return foundBy((found) => pods.validate(pod({ tolerations }), found, { nowMs: 0, old: before })).map(({ message }) => message)
  }
  assert.deepEqual(compared('-7'), [])
  assert.deepEqual(compared('07'), ['Invalid value: "07": must be a valid decimal integer in canonical form'])
  assert.deepEqual(compared('x'), [
    'Invalid value: "x": must be a valid decimal integer in canonical form',
    'Invalid value: "x": strconv.ParseInt: parsing "x": invalid syntax',
  ])
  assert.deepEqual(compared(''), [
    'Invalid value: "": must be non-empty',
    'Invalid value: "": strconv.ParseInt: parsing "": invalid syntax',
  ])
  assert.deepEqual(compared('9223372036854775808'), [
    'Invalid value: "9223372036854775808": strconv.ParseInt: parsing "9223372036854775808": value out of range',
  ])
})

test('a spread whose keys were in its selector before they were merged keeps them', () => {
  const labelSelector = { matchLabels: { b: 'x' }, matchExpressions: [{ key: 'b', operator: 'Exists' }] }
  const [old, next] = ['1', '2'].map((image) =>
    pod({ ...spread({ matchLabelKeys: ['b'], labelSelector }), containers: [{ ...container, image }] }),
  ) as [Pod, Pod]
  const rule = 'Invalid value: "b": exists in both matchLabelKeys and labelSelector'
  const strict = foundBy((found) => pods.validate(next, found, { nowMs: 0 }))
  assert.deepEqual(
    strict.map(({ field, message }) => `${field}: ${message}`),
    [`spec.topologySpreadConstraints[0][0]: ${rule}`],
  )
  assert.deepEqual(updateFindings(pods, next, old), [`spec.topologySpreadConstraints[0].matchLabelKeys[0]: ${rule}`])
  const spec = { ...(next.spec as PodSpec) }
  assert.deepEqual(updateFindings(deployments, deployment(spec), deployment({})), [
    `spec.template.spec.topologySpreadConstraints[0][0]: ${rule}`,
  ])
})
