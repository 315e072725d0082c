import assert from 'node:assert/strict'
import test from 'node:test'
import { type Pod, schemaOf } from '#api'
import { type Level, parseVersion, violations } from './policy.ts'

type Spec = NonNullable<Pod['spec']>
type ContainerPart = Partial<Spec['containers'][number]>

const MINORS = Array.from({ length: 37 }, (_, minor) => minor)

const SAFE = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
const SAFE_POD = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }

/** A pod that keeps to every level, with some of it changed. */
const pod = (spec: object = {}, container: ContainerPart = {}): Spec =>
  ({
    securityContext: SAFE_POD,
    containers: [{ name: 'a', image: 'i', securityContext: SAFE, ...container }],
    ...spec,
  }) as Spec

const securing = (context: object): Spec => pod({}, { securityContext: { ...SAFE, ...context } })
const securingPod = (context: object): Spec => pod({ securityContext: { ...SAFE_POD, ...context } })

const passes = (spec: Spec, level: Level, version: number | string): boolean => {
  const minor = typeof version === 'number' ? version : parseVersion(version)!
  return violations({ metadata: {}, spec }, { level, minor }).length === 0
}

/** Minor versions, the latest last, in which a level refuses a pod, as `from-to`. */
function refusedIn(spec: Spec, level: Level): string {
  const all = [...MINORS, Infinity]
  const refused = all.filter((minor) => !passes(spec, level, minor))
  if (refused.length === 0) return 'never'
  const [first, last] = [all.indexOf(refused[0]!), all.indexOf(refused.at(-1)!)]
  assert.equal(refused.length, last - first + 1, `refused in ${refused.join()}`)
  return `${refused[0]}-${refused.at(-1) === Infinity ? 'latest' : refused.at(-1)}`
}

const rows = (table: Readonly<Record<string, Spec>>, level: Level): Record<string, string> =>
  Object.fromEntries(Object.entries(table).map(([name, spec]) => [name, refusedIn(spec, level)]))

test('PodSecurity: of all kinds of volumes, restricted lets eight through and baseline all but hostPath', () => {
  const allowed = 'configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret'.split(' ')
  const kinds = Object.keys(schemaOf('io.k8s.api.core.v1.Volume').properties!).filter((name) => name !== 'name')
  assert.ok(kinds.length > 25, kinds.join())
  for (const kind of kinds) {
    const spec = pod({ volumes: [{ name: 'v', [kind]: {} }] })
    assert.equal(refusedIn(spec, 'baseline'), kind === 'hostPath' ? '0-latest' : 'never', kind)
    assert.equal(refusedIn(spec, 'restricted'), allowed.includes(kind) ? 'never' : '0-latest', kind)
  }
})

test('PodSecurity: sysctls, by the version that let them through', () => {
  const since: Readonly<Record<string, string>> = {
    'kernel.shm_rmid_forced': 'never',
    'net.ipv4.ip_local_port_range': 'never',
    'net.ipv4.ip_unprivileged_port_start': 'never',
    'net.ipv4.ping_group_range': 'never',
    'net.ipv4.tcp_syncookies': 'never',
    'net.ipv4.ip_local_reserved_ports': '0-26',
    'net.ipv4.tcp_fin_timeout': '0-28',
    'net.ipv4.tcp_keepalive_intvl': '0-28',
    'net.ipv4.tcp_keepalive_probes': '0-28',
    'net.ipv4.tcp_keepalive_time': '0-28',
    'net.ipv4.tcp_rmem': '0-31',
    'net.ipv4.tcp_wmem': '0-31',
    'kernel.msgmax': '0-latest',
    'net.core.somaxconn': '0-latest',
    'vm.max_map_count': '0-latest',
  }
  const table = Object.keys(since).map((name) => [name, securingPod({ sysctls: [{ name, value: '1' }] })])
  assert.deepEqual(rows(Object.fromEntries(table) as Record<string, Spec>, 'baseline'), since)
})

test('PodSecurity: capabilities that a container may add, at each level', () => {
  const usual =
    'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'
  const others = [
    'AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE LINUX_IMMUTABLE',
    'MAC_ADMIN MAC_OVERRIDE NET_ADMIN NET_BROADCAST NET_RAW PERFMON SYS_ADMIN SYS_BOOT SYS_MODULE SYS_NICE SYS_PACCT',
    'SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG SYSLOG WAKE_ALARM ALL CAP_CHOWN',
  ].join(' ')
  for (const name of usual.split(' ')) {
    const spec = securing({ capabilities: { drop: ['ALL'], add: [name] } })
    assert.equal(refusedIn(spec, 'baseline'), 'never', name)
    assert.equal(refusedIn(spec, 'restricted'), name === 'NET_BIND_SERVICE' ? 'never' : '22-latest', name)
  }
  for (const name of others.split(' ')) {
    const spec = securing({ capabilities: { drop: ['ALL'], add: [name] } })
    for (const level of ['baseline', 'restricted'] as const) assert.equal(refusedIn(spec, level), '0-latest', name)
  }
  const drops = (...drop: string[]): string => refusedIn(securing({ capabilities: { drop } }), 'restricted')
  assert.deepEqual([drops('ALL'), drops('CHOWN', 'ALL'), drops('CHOWN'), drops()], ['never', 'never', '22-latest', '22-latest'])
})

test('PodSecurity: a host of any probe or hook is refused since 1.34', () => {
  const places = ['livenessProbe', 'readinessProbe', 'startupProbe', 'postStart', 'preStop']
  const container = (place: string, handler: object): ContainerPart =>
    (place.endsWith('Probe') ? { [place]: handler } : { lifecycle: { [place]: handler } }) as ContainerPart
  for (const place of places) {
    for (const action of ['httpGet', 'tcpSocket']) {
      const at = (host: object): Spec => pod({}, container(place, { [action]: { port: 80, ...host } }))
      for (const level of ['baseline', 'restricted'] as const) {
        assert.equal(refusedIn(at({ host: '127.0.0.1' }), level), '34-latest', `${place} ${action}`)
        assert.equal(refusedIn(at({ host: '' }), level), 'never')
        assert.equal(refusedIn(at({}), level), 'never')
      }
    }
    assert.equal(refusedIn(pod({}, container(place, { exec: { command: ['true'] } })), 'restricted'), 'never')
  }
})

test('PodSecurity: what Linux alone knows is not asked of Windows pods since 1.25', () => {
  const windows = { os: { name: 'windows' } }
  const linux = { os: { name: 'linux' } }
  const parts: Readonly<Record<string, readonly [spec: (os: object) => Spec, since: number]>> = {
    allowPrivilegeEscalation: [(os) => pod(os, { securityContext: { capabilities: SAFE.capabilities } }), 8],
    capabilities: [(os) => pod(os, { securityContext: { allowPrivilegeEscalation: false } }), 22],
    seccompProfile: [(os) => pod({ ...os, securityContext: { runAsNonRoot: true } }), 19],
  }
  for (const [name, [spec, since]] of Object.entries(parts)) {
    assert.equal(refusedIn(spec(windows), 'restricted'), `${since}-24`, name)
    assert.equal(refusedIn(spec(linux), 'restricted'), `${since}-latest`, name)
  }
  // Anything else is asked of them too.
  const asked = {
    runAsNonRoot: pod({ ...windows, securityContext: { seccompProfile: SAFE_POD.seccompProfile } }),
    volumes: pod({ ...windows, volumes: [{ name: 'v', hostPath: { path: '/' } }] }),
    hostProcess: pod({ ...windows, securityContext: { ...SAFE_POD, windowsOptions: { hostProcess: true } } }),
  }
  assert.deepEqual(rows(asked, 'restricted'), { runAsNonRoot: '0-latest', volumes: '0-latest', hostProcess: '0-latest' })
})

test('PodSecurity: root of a user namespace may be root since 1.35, and its /proc unmasked at baseline', () => {
  const { seccompProfile } = SAFE_POD
  const parts = (hostUsers: boolean): Readonly<Record<string, Spec>> => ({
    'runAsNonRoot is silent': pod({ hostUsers, securityContext: { seccompProfile } }),
    'runAsNonRoot is false': pod({ hostUsers, securityContext: { seccompProfile, runAsNonRoot: false } }),
    'runAsUser of the pod': pod({ hostUsers, securityContext: { ...SAFE_POD, runAsUser: 0 } }),
    'runAsUser of a container': pod({ hostUsers }, { securityContext: { ...SAFE, runAsUser: 0 } }),
    procMount: pod({ hostUsers }, { securityContext: { ...SAFE, procMount: 'Unmasked' } }),
  })
  assert.deepEqual(rows(parts(false), 'restricted'), {
    'runAsNonRoot is silent': '0-34',
    'runAsNonRoot is false': '0-34',
    'runAsUser of the pod': '23-34',
    'runAsUser of a container': '23-34',
    procMount: '0-latest',
  })
  assert.deepEqual(rows(parts(true), 'restricted'), {
    'runAsNonRoot is silent': '0-latest',
    'runAsNonRoot is false': '0-latest',
    'runAsUser of the pod': '23-latest',
    'runAsUser of a container': '23-latest',
    procMount: '0-latest',
  })
  const atBaseline = (hostUsers: boolean): string => refusedIn(parts(hostUsers)['procMount']!, 'baseline')
  assert.deepEqual([atBaseline(false), atBaseline(true)], ['0-34', '0-latest'])
})

test('PodSecurity: SELinux types, AppArmor and seccomp profiles, by version', () => {
  const type = (value: string): Spec => securing({ seLinuxOptions: { type: value } })
  const types = ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t', 'spc_t']
  assert.deepEqual(
    types.map((each) => refusedIn(type(each), 'baseline')),
    ['never', 'never', 'never', 'never', '0-30', '0-latest'],
  )
  for (const field of ['user', 'role'])
    assert.equal(refusedIn(securing({ seLinuxOptions: { [field]: 'x' } }), 'baseline'), '0-latest')
  const profiles = ['RuntimeDefault', 'Localhost', 'Unconfined']
  const seen = (field: string, level: Level) => profiles.map((each) => refusedIn(securing({ [field]: { type: each } }), level))
  assert.deepEqual(seen('appArmorProfile', 'baseline'), ['never', 'never', '0-latest'])
  assert.deepEqual(seen('seccompProfile', 'baseline'), ['never', 'never', '19-latest'])
  assert.deepEqual(seen('seccompProfile', 'restricted'), ['never', 'never', '19-latest'])
  assert.equal(refusedIn(pod({ securityContext: { runAsNonRoot: true } }), 'baseline'), 'never')
})

test('PodSecurity: until 1.18 annotations name seccomp profiles, of which three kinds are let through', () => {
  const ofPod = 'seccomp.security.alpha.kubernetes.io/pod'
  const ofContainer = 'container.seccomp.security.alpha.kubernetes.io/a'
  const isLetThrough = (annotations: Record<string, string>, minor: number): boolean =>
    violations({ metadata: { annotations }, spec: pod() }, { level: 'baseline', minor }).length === 0
  for (const annotation of [ofPod, ofContainer]) {
    for (const value of ['runtime/default', 'docker/default', 'localhost/', 'localhost/mine'])
      assert.ok(isLetThrough({ [annotation]: value }, 18), `${annotation}=${value}`)
    for (const value of ['unconfined', '', 'Unconfined', 'RuntimeDefault', 'mine'])
      for (const minor of MINORS)
        assert.equal(isLetThrough({ [annotation]: value }, minor), minor >= 19, `${annotation}=${value} in 1.${minor}`)
  }
  // What is said of a container that is not there is said of none.
  assert.ok(isLetThrough({ 'container.seccomp.security.alpha.kubernetes.io/b': 'unconfined' }, 18))
})

test('PodSecurity: init and ephemeral containers are held to the same', () => {
  const bad = { name: 'b', image: 'i', securityContext: { ...SAFE, privileged: true } }
  for (const kind of ['initContainers', 'ephemeralContainers']) {
    assert.equal(refusedIn(pod({ [kind]: [bad] }), 'baseline'), '0-latest')
    assert.equal(refusedIn(pod({ [kind]: [{ name: 'b', image: 'i', securityContext: SAFE }] }), 'restricted'), 'never')
  }
})
