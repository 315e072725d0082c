import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { warningsOf } from '#testing'
import { type Pod, pods } from '../index.ts'
import { foundBy } from '../validation/findings.ts'

const context = { nowMs: 0 }
const container = { name: 'c', image: 'nginx:1' }

const pod = (spec: object): Pod => {
  const draft = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [deepClone(container)], ...spec } } as Pod
  pods.default(draft)
  return draft
}
const findings = (object: Pod): string[] =>
  foundBy((found) => pods.validate(object, found, context)).map(({ field, message }) => `${field}: ${message}`)
const with1 = (more: object): Pod => pod({ containers: [{ ...container, ...more }] })

const cases: readonly (readonly [name: string, pod: Pod, expected: string[]])[] = [
  ['a plain pod', pod({}), []],
  ['no containers', pod({ containers: [] }), ['spec.containers: Required value']],
  ['a container without an image', with1({ image: '' }), ['spec.containers[0].image: Required value']],
  [
    'a bad name',
    with1({ name: 'Not_OK' }),
    [
      `spec.containers[0].name: Invalid value: "Not_OK": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
    ],
  ],
  ['the same name twice', pod({ containers: [container, container] }), ['spec.containers[1].name: Duplicate value: "c"']],
  [
    'ports out of range',
    with1({ ports: [{ containerPort: 70000 }, { containerPort: 80, protocol: 'tcp' }] }),
    [
      'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[1].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
    ],
  ],
  [
    'more requested than allowed',
    with1({ resources: { requests: { cpu: '2', foo: '1' }, limits: { cpu: '1' } } }),
    [
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
    ],
  ],
  [
    'an unknown mount',
    with1({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }),
    ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  ],
  [
    'an unknown policy',
    pod({ restartPolicy: 'Sometimes' }),
    ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
  ],
  [
    'two volume sources',
    pod({ volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/a/../b' } }] }),
    ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
  ],
  [
    'a probe that asks nothing',
    with1({ livenessProbe: {} }),
    ['spec.containers[0].livenessProbe: Required value: must specify a handler type'],
  ],
  [
    'a liveness probe that wants two successes',
    with1({ livenessProbe: { exec: { command: ['true'] }, successThreshold: 2 } }),
    ['spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1'],
  ],
  [
    'a source beside a value',
    with1({ env: [{ name: 'A', value: 'b', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }] }),
    ['spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty'],
  ],
  [
    'an unknown field reference',
    with1({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.foo' } } }] }),
    [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.foo": error converting fieldPath: field label not supported: metadata.foo',
    ],
  ],
  [
    'a field that only files may show',
    with1({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }] }),
    [
      'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
    ],
  ],
  [
    'a toleration of everything that says Equal',
    pod({ tolerations: [{ operator: 'Equal' }] }),
    [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  ],
  [
    'a sleepless spread',
    pod({ topologySpreadConstraints: [{ maxSkew: 0, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' }] }),
    ['spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero'],
  ],
]

for (const [name, object, expected] of cases) {
  test(`pod validation: ${name}`, () => assert.deepEqual(findings(object), expected))
}

test('hostile input is refused, not crashed on', () => {
  const hostile = [
    { containers: [{}] },
    {
      containers: [
        { name: 'c', image: 'i', ports: [{}], env: [{}], volumeMounts: [{}], envFrom: [{}], resources: { limits: { cpu: 'x' } } },
      ],
    },
    { volumes: [{}, { name: 'a', projected: { sources: [{}] } }, { name: 'b', downwardAPI: { items: [{}] } }] },
    {
      affinity: {
        podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{}] },
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: {} },
      },
    },
    {
      tolerations: [{}],
      topologySpreadConstraints: [{}],
      hostAliases: [{}],
      readinessGates: [{}],
      schedulingGates: [{}],
      imagePullSecrets: [{}],
    },
  ]
  for (const spec of hostile) assert.ok(findings(pod(spec)).length > 0, JSON.stringify(spec))
})

const change = (spec: object, from: object = {}): string[] => {
  const old = pod(from)
  const next = deepClone(old)
  Object.assign(next.spec!, spec)
  return foundBy((found) => pods.validateUpdate(next, old, found, context)).map(({ field, message }) => `${field}: ${message}`)
}

test('of a pod only a few fields change', () => {
  assert.deepEqual(change({}), [])
  assert.deepEqual(change({ activeDeadlineSeconds: 5 }), [])
  assert.deepEqual(change({ tolerations: [{ key: 'a', operator: 'Exists' }] }), [])
  const image = pod({})
  image.spec!.containers[0]!.image = 'nginx:2'
  assert.deepEqual(
    foundBy((found) => pods.validateUpdate(image, pod({}), found, context)),
    [],
  )
  assert.deepEqual(change({ activeDeadlineSeconds: 9 }, { activeDeadlineSeconds: 5 }), [
    'spec.activeDeadlineSeconds: Invalid value: 9: must be less than or equal to previous value',
  ])
  assert.deepEqual(change({ tolerations: [] }, { tolerations: [{ key: 'a', operator: 'Exists' }] }), [
    'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
  ])
  assert.match(
    change({ nodeName: 'n' })[0]!,
    /^spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,`spec\.initContainers\[\*\]\.image`,.*\n@@ -\d+,7 \+\d+,7 @@\n {2}"NodeSelector": null,\n {2}"ServiceAccountName": "",\n {2}"AutomountServiceAccountToken": null,\n- "NodeName": "",\n\+ "NodeName": "n",\n {2}"SecurityContext": \{\n {3}"HostNetwork": false,\n {3}"HostPID": false,\n$/,
  )
  assert.deepEqual(change({ containers: [] }), ['spec.containers: Forbidden: pod updates may not add or remove containers'])
})

test('gates are removed, not added, and let a pod become choosier', () => {
  const gated = { schedulingGates: [{ name: 'a.b/c' }] }
  assert.deepEqual(change({ schedulingGates: [] }, gated), [])
  assert.deepEqual(change({ nodeSelector: { disk: 'ssd' } }, gated), [])
  assert.match(change(gated)[0]!, /only deletion is allowed/)
  const affine = (...terms: object[]): object => ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } } },
  })
  const [a, b] = ['a', 'b'].map((key) => ({ key, operator: 'Exists' }))
  const before = { ...gated, nodeSelector: { disk: 'ssd' }, ...affine({ matchExpressions: [a] }) }
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  assert.deepEqual(change({ ...before, ...affine({ matchExpressions: [a, b] }) }, before), [])
  assert.deepEqual(change({ ...gated, ...affine({ matchExpressions: [a] }) }, gated), [])
  assert.deepEqual(change({ ...before, nodeSelector: {}, ...affine({ matchExpressions: [b] }) }, before), [
    'spec.nodeSelector: Invalid value: {}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    `${path}[0]: Invalid value: {"MatchExpressions":[{"Key":"b","Operator":"Exists","Values":null}],"MatchFields":null}: only additions are allowed (no mutations or deletions)`,
  ])
  assert.deepEqual(change({ ...before, affinity: {} }, before), [
    `${path}: Invalid value: null: no additions/deletions to non-empty NodeSelectorTerms list are allowed`,
  ])
  assert.match(change({ ...gated, affinity: { podAffinity: {} } }, gated)[0]!, /pod updates may not change fields other than/)
})

test('a finished container of a pod that does not restart stays finished', () => {
  const status = (state: object) => ({
    containerStatuses: [{ name: 'c', image: '', imageID: '', ready: false, restartCount: 0, state }],
  })
  const old = { ...pod({ restartPolicy: 'Never' }), status: status({ terminated: { exitCode: 0 } }) }
  const next = { ...old, status: status({ running: {} }) }
  const [finding] = foundBy((found) => pods.validateStatusUpdate(next, old, found, context))
  assert.equal(finding?.field, 'status.containerStatuses[0].state')
})

test('a sidecar may rise again, a debugging container and what rules leave down may not, unless all may', () => {
  const ended = (name: string, exitCode: number) => ({ name, state: { terminated: { exitCode } } })
  const rules = (action: string) => ({
    restartPolicy: 'Never',
    restartPolicyRules: [{ action, exitCodes: { operator: 'In', values: [42] } }],
  })
  const was = {
    initContainerStatuses: [ended('i', 1), ended('s', 1), ended('r', 42)],
    containerStatuses: [ended('c', 42), ended('d', 42)],
    ephemeralContainerStatuses: [ended('e', 0)],
  }
  const risen = Object.fromEntries(
    Object.entries(was).map(([list, statuses]) => [list, statuses.map(({ name }) => ({ name, state: { running: {} } }))]),
  )
  const refusals = (action: string): string[] => {
    const spec = {
      restartPolicy: 'Never',
      initContainers: [
        { ...container, name: 'i' },
        { ...container, name: 's', restartPolicy: 'Always' },
        { ...container, name: 'r', ...rules('Restart') },
      ],
      containers: [
        { ...container, ...rules(action) },
        { ...container, name: 'd' },
      ],
    }
    const old = { ...pod(spec), status: was } as unknown as Pod
    const said = foundBy((found) => pods.validateStatusUpdate({ ...old, status: risen } as unknown as Pod, old, found, context))
    return said.map(({ field, message }) => `${field}: ${message}`)
  }
  const [first, second, debugging] = ['containerStatuses[1]', 'initContainerStatuses[0]', 'ephemeralContainerStatuses[0]'].map(
    (place) => `status.${place}.state: Forbidden: may not be transitioned to non-terminated state`,
  )
  assert.deepEqual(refusals('Restart'), [first, second, debugging])
  assert.deepEqual(refusals('RestartAllContainers'), [debugging])
})

test('suspicious but accepted fields are warned of', () => {
  const object = with1({ env: [{ name: 'A' }, { name: 'A' }], resources: { limits: { memory: '100m' } } })
  assert.deepEqual(warningsOf(pods, object), [
    'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
  ])
})

const partFindings = (subresource: string, after: Pod, before: Pod): string[] =>
  foundBy((found) => pods.validateSubresourceUpdate(subresource, after, before, found, context)).map(
    ({ field, message }) => `${field}: ${message}`,
  )

test('debugging containers may be added, not changed or taken away', () => {
  const debug = { name: 'debug', image: 'busybox:1' }
  const before = pod({ ephemeralContainers: [debug] })
  assert.deepEqual(
    partFindings('ephemeralcontainers', pod({ ephemeralContainers: [debug, { ...debug, name: 'two' }] }), before),
    [],
  )
  assert.match(partFindings('ephemeralcontainers', pod({}), before)[0]!, /"debug" may not be removed/)
  const changed = pod({ ephemeralContainers: [{ ...debug, image: 'busybox:2' }] })
  assert.match(partFindings('ephemeralcontainers', changed, before)[0]!, /"debug" may not be changed/)
  const probing = pod({ ephemeralContainers: [debug, { ...debug, name: 'c', ports: [{ containerPort: 1 }] }] })
  assert.deepEqual(partFindings('ephemeralcontainers', probing, before), [
    'spec.ephemeralContainers[1].name: Duplicate value: "c"',
    'spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container',
  ])
})
