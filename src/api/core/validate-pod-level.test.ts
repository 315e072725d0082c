import assert from 'node:assert/strict'
import test from 'node:test'
import { deepClone } from '#base'
import { findingsOf } from '#testing'
import { type Deployment, deployments, type Pod, pods } from '../index.ts'

const container = { name: 'c', image: 'nginx:1' }
const C = 'spec.containers[0]'

const pod = (spec: object): Pod => ({ spec: { containers: [deepClone(container)], ...spec } }) as Pod

/** Cases in one part of a pod: what the part says, and what is wrong with it. */
function table(
  part: string,
  make: (value: never) => Pod,
  cases: readonly (readonly [what: string, value: unknown, expected: string[]])[],
): void {
  for (const [what, value, expected] of cases)
    test(`pod validation: ${part}: ${what}`, () => assert.deepEqual(findingsOf(pods, make(value as never)), expected))
}

const restarting = (fields: object): Pod => pod({ containers: [{ ...container, ...fields }] })
const rule = { action: 'Restart', exitCodes: { operator: 'In', values: [42] } }

table('restarts of a container', restarting, [
  ['of its own', { restartPolicy: 'Never', restartPolicyRules: [rule] }, []],
  ['and of all others', { restartPolicy: 'Never', restartPolicyRules: [{ ...rule, action: 'RestartAllContainers' }] }, []],
  [
    'by rules alone',
    { restartPolicyRules: [rule] },
    [`${C}.restartPolicy: Required value: must specify restartPolicy when restart rules are used`],
  ],
  [
    'in ways that are none',
    {
      restartPolicy: 'Sometimes',
      restartPolicyRules: [{ action: 'RestartAll' }, { action: 'Restart', exitCodes: { operator: 'Is' } }],
    },
    [
      `${C}.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"`,
      `${C}.restartPolicyRules[0].action: Unsupported value: "RestartAll": supported values: "Restart", "RestartAllContainers"`,
      `${C}.restartPolicyRules[0].exitCodes: Required value: must be specified`,
      `${C}.restartPolicyRules[1].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"`,
    ],
  ],
  [
    'too many rules, of too many codes',
    {
      restartPolicy: 'Never',
      restartPolicyRules: [
        { ...rule, exitCodes: { operator: 'NotIn', values: new Array(256).fill(1) } },
        ...new Array<object>(20).fill(rule),
      ],
    },
    [
      `${C}.restartPolicyRules: Too many: 21: must have at most 20 items`,
      `${C}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items`,
    ],
  ],
])

const beginning = (fields: object): Pod => pod({ initContainers: [{ ...container, name: 'i', ...fields }] })

table('restarts of an init container', beginning, [
  ['rules without a policy are let through', { restartPolicyRules: [rule] }, []],
  ['a sidecar with rules', { restartPolicy: 'Always', restartPolicyRules: [{ ...rule, action: 'RestartAllContainers' }] }, []],
  [
    'a sidecar with rules that are none',
    { restartPolicy: 'Always', restartPolicyRules: [{ action: 'Restart' }] },
    ['spec.initContainers[0].restartPolicyRules[0].exitCodes: Required value: must be specified'],
  ],
  [
    'another policy',
    { restartPolicy: 'Sometimes' },
    ['spec.initContainers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"'],
  ],
])

const whole = (spec: object): Pod => pod(spec)
const asking = (resources: object): object => ({ ...container, resources })

table('resources of the whole', whole, [
  ['enough', { resources: { limits: { cpu: '2' } }, containers: [asking({ requests: { cpu: '1' } })] }, []],
  [
    'less than the parts',
    {
      resources: { requests: { cpu: '1' }, limits: { cpu: '1', 'hugepages-2Mi': '2Mi' } },
      containers: [asking({ limits: { cpu: '2', 'hugepages-2Mi': '4Mi' } })],
    },
    [
      'spec.resources.requests: Invalid value: "4Mi": must be equal to hugepages-2Mi limit of 2Mi',
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
      'spec.resources.limits[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container limits of 4Mi',
      'spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1',
      'spec.resources.containers[0][hugepages-2Mi].limits: Invalid value: "4Mi": must be less than or equal to pod limits of 2Mi',
    ],
  ],
  [
    'of other kinds',
    { resources: { claims: [], requests: { 'ephemeral-storage': '1' } } },
    [
      'spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level',
      'spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    ],
  ],
  [
    'of a Windows pod',
    { os: { name: 'windows' }, resources: { requests: { nothing: '1' } } },
    ['spec.resources: Forbidden: may not be set for a windows pod'],
  ],
])

table('host names', whole, [
  ['another one', { hostnameOverride: 'a.b' }, []],
  [
    'where there is none',
    { hostnameOverride: 'x'.repeat(65), setHostnameAsFQDN: true, hostNetwork: true },
    [
      'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
      'spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true',
      'spec.hostnameOverride: Too long: may not be more than 64 bytes',
    ],
  ],
])

const windows = (windowsOptions: object): Pod => pod({ securityContext: { windowsOptions } })
const W = 'spec.securityContext.windowsOptions'
const user = (runAsUserName: string, problem?: string): readonly [string, unknown, string[]] => [
  `runs as ${runAsUserName.slice(0, 20)}`,
  { runAsUserName },
  problem === undefined ? [] : [`${W}.runAsUserName: Invalid value: ${JSON.stringify(runAsUserName)}: runAsUserName${problem}`],
]

table('Windows', windows, [
  [
    'credentials',
    { gmsaCredentialSpecName: '-', gmsaCredentialSpec: '' },
    [
      `${W}.gmsaCredentialSpecName: Invalid value: "-": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
      `${W}.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string`,
    ],
  ],
  user('ContainerUser'),
  user('NT AUTHORITY\\SYSTEM'),
  user('', ' cannot be an empty string'),
  user('a\tb', ' cannot contain control characters'),
  user('a\\b\\c', ' cannot contain more than one backslash'),
  user('.a\\b', "'s Domain doesn't match the NetBios nor the DNS format"),
  user('a\\', "'s User cannot be empty"),
  user('x'.repeat(105), "'s User length must not be longer than 104 characters"),
  user('. .', "'s User cannot contain only periods or spaces"),
  user('a@b', `'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]`),
])

const process = (hostProcess: boolean): object => ({ securityContext: { windowsOptions: { hostProcess } } })

table('processes of the host', whole, [
  ['all of them', { hostNetwork: true, ...process(true) }, []],
  [
    'some of them',
    {
      containers: [
        { ...container, ...process(true) },
        { ...container, name: 'd' },
      ],
    },
    [
      'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
      'spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers',
    ],
  ],
  [
    'a container that disagrees',
    { ...process(true), containers: [{ ...container, ...process(false) }] },
    [
      `${C}.securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value must be identical if both are specified, was true`,
    ],
  ],
])

const fileEnv = (fileKeyRef: object, source: object = { emptyDir: {} }): Pod =>
  pod({ volumes: [{ name: 'v', ...source }], containers: [{ ...container, env: [{ name: 'A', valueFrom: { fileKeyRef } }] }] })
const F = `${C}.env[0].valueFrom.fileKeyRef`

table('variables from files', (value: never) => fileEnv(value), [
  ['one', { key: 'A', volumeName: 'v', path: 'f' }, []],
  [
    'of nothing',
    {},
    [
      `${F}.key: Required value`,
      `${F}.volumeName: Required value`,
      `${F}.path: Required value`,
      `${F}.volumeName: Not found: ""`,
    ],
  ],
  ['out of the volume', { key: 'A', volumeName: 'v', path: '../f' }, [`${F}.path: Invalid value: "../f": must not contain '..'`]],
])

test('pod validation: variables come from volumes that containers may write', () => {
  const draft = fileEnv({ key: 'A', volumeName: 'v', path: 'f' }, { configMap: { name: 'm' } })
  assert.deepEqual(findingsOf(pods, draft), [`${F}.volumeName: Invalid value: "v": referenced volume must be of type emptyDir`])
})

test('what is off is dropped from pods and templates, but for where it was', () => {
  const spec = {
    schedulingGroup: { podGroupName: 'g' },
    containers: [
      { ...container, lifecycle: { stopSignal: 'SIGUSR1' } },
      { ...container, name: 'd', lifecycle: { stopSignal: 'SIGUSR1', preStop: { sleep: { seconds: 1 } } } },
    ],
  }
  const draft = pod(spec)
  const deployment = { spec: { template: { spec: deepClone(spec) } } } as unknown as Deployment
  pods.prepareForCreate(draft, [])
  deployments.prepareForCreate(deployment, [])
  for (const each of [draft.spec!, { ...deployment.spec!.template.spec! }]) {
    assert.equal(each.schedulingGroup, undefined)
    assert.deepEqual(
      each.containers.map(({ lifecycle }) => lifecycle),
      [undefined, { preStop: { sleep: { seconds: 1 } } }],
    )
  }
  const old = pod(spec)
  const kept = deepClone(old)
  pods.prepareForUpdate(kept, old)
  assert.deepEqual(kept, old)
})
