import assert from 'node:assert/strict'
import test from 'node:test'
import type { Pod } from '#api'
import { baselineChecks } from './baseline.ts'
import type { PodLike } from './check.ts'
import { type Level, parseVersion, printViolations, violations } from './policy.ts'
import { restrictedChecks } from './restricted.ts'

type Spec = Partial<NonNullable<Pod['spec']>>
type ContainerPart = Partial<NonNullable<Pod['spec']>['containers'][number]>

const SAFE = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
const SAFE_POD = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }

/** A pod that keeps to every level, with some of it changed. */
function pod({
  spec = {},
  container = {},
  annotations = {},
}: {
  spec?: Spec
  container?: ContainerPart
  annotations?: Record<string, string>
}): PodLike {
  const base = { name: 'a', image: 'i', securityContext: SAFE, ...container }
  return { metadata: { annotations }, spec: { securityContext: SAFE_POD, containers: [base], ...spec } } as PodLike
}

const secured = (context: object): { container: ContainerPart } => ({ container: { securityContext: { ...SAFE, ...context } } })
const podSecured = (context: object): { spec: Spec } => ({ spec: { securityContext: { ...SAFE_POD, ...context } as never } })
const volume = (source: object): { spec: Spec } => ({ spec: { volumes: [{ name: 'v', ...source }] } })

interface Row {
  readonly check: string
  readonly level: Level
  readonly version?: string
  readonly allowed: readonly Parameters<typeof pod>[0][]
  readonly refused: readonly (readonly [pod: Parameters<typeof pod>[0], said: string])[]
}

/** Every published control of https://kubernetes.io/docs/concepts/security/pod-security-standards/, with what it lets through and what not. */
const TABLE: readonly Row[] = [
  {
    check: 'windowsHostProcess',
    level: 'baseline',
    allowed: [podSecured({ windowsOptions: { hostProcess: false } })],
    refused: [
      [
        podSecured({ windowsOptions: { hostProcess: true } }),
        'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
      ],
      [
        secured({ windowsOptions: { hostProcess: true } }),
        'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)',
      ],
    ],
  },
  {
    check: 'hostNamespaces',
    level: 'baseline',
    allowed: [{ spec: { hostNetwork: false } }],
    refused: [
      [{ spec: { hostNetwork: true } }, 'host namespaces (hostNetwork=true)'],
      [{ spec: { hostPID: true, hostIPC: true } }, 'host namespaces (hostPID=true, hostIPC=true)'],
    ],
  },
  {
    check: 'privileged',
    level: 'baseline',
    allowed: [secured({ privileged: false })],
    refused: [[secured({ privileged: true }), 'privileged (container "a" must not set securityContext.privileged=true)']],
  },
  {
    check: 'capabilities_baseline',
    level: 'baseline',
    allowed: [secured({ capabilities: { add: ['CHOWN', 'NET_BIND_SERVICE'] } })],
    refused: [
      [
        secured({ capabilities: { add: ['SYS_ADMIN', 'NET_RAW', 'CHOWN'] } }),
        'non-default capabilities (container "a" must not include "NET_RAW", "SYS_ADMIN" in securityContext.capabilities.add)',
      ],
    ],
  },
  {
    check: 'hostPathVolumes',
    level: 'baseline',
    allowed: [volume({ emptyDir: {} }), volume({ nfs: { server: 's', path: '/' } })],
    refused: [[volume({ hostPath: { path: '/' } }), 'hostPath volumes (volume "v")']],
  },
  {
    check: 'hostPorts',
    level: 'baseline',
    allowed: [{ container: { ports: [{ containerPort: 80, hostPort: 0 }] } }],
    refused: [
      [
        {
          container: {
            ports: [
              { containerPort: 80, hostPort: 80 },
              { containerPort: 81, hostPort: 81 },
            ],
          },
        },
        'hostPort (container "a" uses hostPorts 80, 81)',
      ],
    ],
  },
  {
    check: 'hostProbesAndHostLifecycle',
    level: 'baseline',
    version: 'v1.34',
    allowed: [{ container: { livenessProbe: { httpGet: { port: 80, path: '/' } } } }],
    refused: [
      [
        { container: { livenessProbe: { tcpSocket: { port: 80, host: '169.254.169.254' } } } },
        'probe or lifecycle host (container "a" uses probe or lifecycle host "169.254.169.254")',
      ],
      [
        {
          container: {
            lifecycle: { preStop: { httpGet: { port: 80, host: 'b' } }, postStart: { httpGet: { port: 80, host: 'a' } } },
          },
        },
        'probe or lifecycle host (container "a" uses probe or lifecycle hosts "a", "b")',
      ],
    ],
  },
  {
    check: 'appArmorProfile',
    level: 'baseline',
    allowed: [
      secured({ appArmorProfile: { type: 'RuntimeDefault' } }),
      { annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'localhost/mine' } },
    ],
    refused: [
      [
        podSecured({ appArmorProfile: { type: 'Unconfined' } }),
        'forbidden AppArmor profile (pod must not set AppArmor profile type to "Unconfined")',
      ],
      [
        { annotations: { 'container.apparmor.security.beta.kubernetes.io/a': 'unconfined' } },
        'forbidden AppArmor profile (annotation "container.apparmor.security.beta.kubernetes.io/a" must not set AppArmor profile type to "unconfined")',
      ],
    ],
  },
  {
    check: 'seLinuxOptions',
    level: 'baseline',
    allowed: [
      secured({ seLinuxOptions: { type: 'container_t', level: 's0' } }),
      secured({ seLinuxOptions: { type: 'container_engine_t' } }),
    ],
    refused: [
      [
        podSecured({ seLinuxOptions: { type: 'spc_t', user: 'u', role: 'r' } }),
        'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
      ],
    ],
  },
  {
    check: 'procMount_baseline',
    level: 'baseline',
    allowed: [
      secured({ procMount: 'Default' }),
      { spec: { hostUsers: false }, container: { securityContext: { ...SAFE, procMount: 'Unmasked' } } },
    ],
    refused: [
      [secured({ procMount: 'Unmasked' }), 'procMount (container "a" must not set securityContext.procMount to "Unmasked")'],
    ],
  },
  {
    check: 'seccompProfile_baseline',
    level: 'baseline',
    allowed: [secured({ seccompProfile: { type: 'Localhost', localhostProfile: 'x' } }), { spec: { securityContext: {} } }],
    refused: [
      [
        secured({ seccompProfile: { type: 'Unconfined' } }),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
    ],
  },
  {
    check: 'seccompProfile_baseline',
    level: 'baseline',
    version: 'v1.18',
    allowed: [
      { annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'runtime/default' } },
      secured({ seccompProfile: { type: 'Unconfined' } }),
    ],
    refused: [
      [
        { annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' } },
        'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
      ],
    ],
  },
  {
    check: 'sysctls',
    level: 'baseline',
    allowed: [podSecured({ sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] })],
    refused: [
      [
        podSecured({
          sysctls: [
            { name: 'kernel.msgmax', value: '1' },
            { name: 'a.b', value: '' },
          ],
        }),
        'forbidden sysctls (kernel.msgmax, a.b)',
      ],
    ],
  },
  {
    check: 'restrictedVolumes',
    level: 'restricted',
    allowed: ['configMap', 'csi', 'downwardAPI', 'emptyDir', 'ephemeral', 'persistentVolumeClaim', 'projected', 'secret'].map(
      (type) => volume({ [type]: {} }),
    ),
    refused: ['awsElasticBlockStore', 'gitRepo', 'hostPath', 'iscsi', 'nfs', 'rbd'].map((type) => [
      volume({ [type]: {} }),
      `restricted volume types (volume "v" uses restricted volume type "${type}")`,
    ]),
  },
  {
    check: 'allowPrivilegeEscalation',
    level: 'restricted',
    allowed: [{}, { spec: { os: { name: 'windows' } }, container: { securityContext: {} } }],
    refused: [
      [
        secured({ allowPrivilegeEscalation: true }),
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
      ],
    ],
  },
  {
    check: 'runAsNonRoot',
    level: 'restricted',
    allowed: [
      { spec: { securityContext: { ...SAFE_POD, runAsNonRoot: undefined } as never }, ...secured({ runAsNonRoot: true }) },
      { spec: { hostUsers: false, securityContext: { seccompProfile: SAFE_POD.seccompProfile } } },
    ],
    refused: [
      [
        { spec: { securityContext: { seccompProfile: SAFE_POD.seccompProfile } } },
        'runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true)',
      ],
      [secured({ runAsNonRoot: false }), 'runAsNonRoot != true (container "a" must not set securityContext.runAsNonRoot=false)'],
    ],
  },
  {
    check: 'runAsUser',
    level: 'restricted',
    allowed: [secured({ runAsUser: 1000 })],
    refused: [
      [podSecured({ runAsUser: 0 }), 'runAsUser=0 (pod must not set runAsUser=0)'],
      [secured({ runAsUser: 0 }), 'runAsUser=0 (container "a" must not set runAsUser=0)'],
    ],
  },
  {
    check: 'seccompProfile_restricted',
    level: 'restricted',
    allowed: [
      {
        spec: { securityContext: { runAsNonRoot: true } },
        ...secured({ seccompProfile: { type: 'Localhost', localhostProfile: 'p' } }),
      },
    ],
    refused: [
      [
        { spec: { securityContext: { runAsNonRoot: true } } },
        'seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
      ],
      [
        secured({ seccompProfile: { type: 'Unconfined' } }),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
      ],
    ],
  },
  {
    check: 'capabilities_restricted',
    level: 'restricted',
    allowed: [secured({ capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } })],
    refused: [
      [
        secured({ capabilities: { add: ['CHOWN'] } }),
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; container "a" must not include "CHOWN" in securityContext.capabilities.add)',
      ],
    ],
  },
  {
    check: 'procMount_restricted',
    level: 'restricted',
    allowed: [{}],
    refused: [
      [
        { spec: { hostUsers: false }, container: { securityContext: { ...SAFE, procMount: 'Unmasked' } } },
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
      ],
    ],
  },
]

for (const { check, level, version = 'latest', allowed, refused } of TABLE) {
  test(`PodSecurity: ${check} at ${level}:${version}`, () => {
    const minor = parseVersion(version)!
    const judge = (each: Parameters<typeof pod>[0], at: Level = level): string =>
      printViolations(violations(pod(each), { level: at, minor }))
    for (const each of allowed) assert.equal(judge(each), '', JSON.stringify(each))
    for (const [each, said] of refused) {
      assert.equal(judge(each), said)
      assert.equal(judge(each, 'privileged'), '')
    }
  })
}

test('PodSecurity: the table holds every check', () => {
  const known = [...baselineChecks, ...restrictedChecks].map(({ id }) => id)
  assert.deepEqual([...new Set(TABLE.map(({ check }) => check))].sort(), [...known].sort())
})

test('PodSecurity: a baseline violation is one of restricted too', () => {
  for (const { level, refused, version } of TABLE) {
    if (level !== 'baseline' || version === 'v1.18') continue
    for (const [each] of refused) assert.ok(violations(pod(each), { level: 'restricted', minor: Infinity }).length > 0)
  }
})

test('PodSecurity: init and ephemeral containers count, and all faults are told in order', () => {
  const bare = {
    metadata: {},
    spec: { initContainers: [{ name: 'i', image: 'i' }], containers: [{ name: 'c', image: 'c' }], hostPID: true },
  }
  assert.equal(
    printViolations(violations(bare, { level: 'restricted', minor: Infinity })),
    'host namespaces (hostPID=true), ' +
      'allowPrivilegeEscalation != false (containers "i", "c" must set securityContext.allowPrivilegeEscalation=false), ' +
      'unrestricted capabilities (containers "i", "c" must set securityContext.capabilities.drop=["ALL"]), ' +
      'runAsNonRoot != true (pod or containers "i", "c" must set securityContext.runAsNonRoot=true), ' +
      'seccompProfile (pod or containers "i", "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  )
})

const SINCE: readonly [what: Parameters<typeof pod>[0], level: Level, from: string, allowed: boolean][] = [
  [podSecured({ sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports', value: '' }] }), 'baseline', 'v1.27', true],
  [podSecured({ sysctls: [{ name: 'net.ipv4.tcp_keepalive_time', value: '' }] }), 'baseline', 'v1.29', true],
  [podSecured({ sysctls: [{ name: 'net.ipv4.tcp_wmem', value: '' }] }), 'baseline', 'v1.32', true],
  [secured({ seLinuxOptions: { type: 'container_engine_t' } }), 'baseline', 'v1.31', true],
  [{ container: { startupProbe: { tcpSocket: { port: 1, host: 'h' } } } }, 'baseline', 'v1.34', false],
  [secured({ allowPrivilegeEscalation: true }), 'restricted', 'v1.8', false],
  [secured({ capabilities: {} }), 'restricted', 'v1.22', false],
  [secured({ runAsUser: 0 }), 'restricted', 'v1.23', false],
  [{ spec: { securityContext: { runAsNonRoot: true } } }, 'restricted', 'v1.19', false],
  [{ spec: { os: { name: 'windows' } }, container: { securityContext: {} } }, 'restricted', 'v1.25', true],
]

for (const [what, level, from, allowed] of SINCE) {
  test(`PodSecurity: ${JSON.stringify(what)} is ${allowed ? 'let through' : 'refused'} by ${level} from ${from} on`, () => {
    const minor = parseVersion(from)!
    const passes = (at: number): boolean => violations(pod(what), { level, minor: at }).length === 0
    assert.deepEqual([passes(minor - 1), passes(minor), passes(Infinity)], [!allowed, allowed, allowed])
  })
}
