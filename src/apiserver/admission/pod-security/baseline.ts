import type { Container } from '#api'
import {
  type Check,
  containersOf,
  hasUserNamespace,
  named,
  type PodLike,
  plural,
  quoted,
  settersOf,
  sortedSet,
  type Violation,
} from './check.ts'

const APPARMOR_ANNOTATION = 'container.apparmor.security.beta.kubernetes.io/'
const SECCOMP_ANNOTATION = 'seccomp.security.alpha.kubernetes.io/pod'
const SECCOMP_CONTAINER_ANNOTATION = 'container.seccomp.security.alpha.kubernetes.io/'

const DEFAULT_CAPABILITIES = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(' '),
)

const SYSCTLS_1_0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
]
const SYSCTLS_1_27 = [...SYSCTLS_1_0, 'net.ipv4.ip_local_reserved_ports']
const SYSCTLS_1_29 = [
  ...SYSCTLS_1_27,
  ...['time', 'intvl', 'probes'].map((what) => `net.ipv4.tcp_keepalive_${what}`),
  'net.ipv4.tcp_fin_timeout',
]
const SYSCTLS_1_32 = [...SYSCTLS_1_29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']

const SELINUX_TYPES = ['', 'container_t', 'container_init_t', 'container_kvm_t']

/** Keeps known ways to take over a node closed, and little more. */
export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', versions: [{ since: 0, run: appArmorProfile }] },
  { id: 'capabilities_baseline', versions: [{ since: 0, run: capabilities }] },
  { id: 'hostNamespaces', versions: [{ since: 0, run: hostNamespaces }] },
  { id: 'hostPathVolumes', versions: [{ since: 0, run: hostPathVolumes }] },
  { id: 'hostPorts', versions: [{ since: 0, run: hostPorts }] },
  { id: 'hostProbesAndHostLifecycle', versions: [{ since: 34, run: hostProbes }] },
  { id: 'privileged', versions: [{ since: 0, run: privileged }] },
  {
    id: 'procMount_baseline',
    versions: [
      { since: 0, run: procMount },
      { since: 35, run: (pod) => (hasUserNamespace(pod) ? undefined : procMount(pod)) },
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      { since: 0, run: (pod) => seLinuxOptions(pod, SELINUX_TYPES) },
      { since: 31, run: (pod) => seLinuxOptions(pod, [...SELINUX_TYPES, 'container_engine_t']) },
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      { since: 0, run: seccompAnnotations },
      { since: 19, run: seccompProfile },
    ],
  },
  {
    id: 'sysctls',
    versions: [
      { since: 0, run: (pod) => sysctls(pod, SYSCTLS_1_0) },
      { since: 27, run: (pod) => sysctls(pod, SYSCTLS_1_27) },
      { since: 29, run: (pod) => sysctls(pod, SYSCTLS_1_29) },
      { since: 32, run: (pod) => sysctls(pod, SYSCTLS_1_32) },
    ],
  },
  { id: 'windowsHostProcess', versions: [{ since: 0, run: windowsHostProcess }] },
]

function appArmorProfile(pod: PodLike): Violation | undefined {
  const values = new Set<string>()
  const isBad = (type: string | undefined): boolean => {
    const bad = type !== undefined && type !== 'RuntimeDefault' && type !== 'Localhost'
    if (bad) values.add(type)
    return bad
  }
  const setters = settersOf(pod, containersOf(pod), ({ appArmorProfile: profile }) => isBad(profile?.type))
  const annotations = Object.entries(pod.metadata?.annotations ?? {})
    .filter(([key, value]) => key.startsWith(APPARMOR_ANNOTATION) && !isAllowedAppArmor(value))
    .sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [, value] of annotations) values.add(value)
  const all = [
    ...(setters === undefined ? [] : [setters]),
    ...(annotations.length === 0
      ? []
      : [`${plural('annotation', 'annotations', annotations.length)} ${quoted(annotations.map(([key]) => key))}`]),
  ]
  if (all.length === 0) return undefined
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', values.size),
    detail: `${all.join(' and ')} must not set AppArmor profile type to ${quoted(sortedSet(values))}`,
  }
}

const isAllowedAppArmor = (value: string): boolean =>
  value === '' || value === 'runtime/default' || value.startsWith('localhost/')

function capabilities(pod: PodLike): Violation | undefined {
  const added = new Set<string>()
  const bad = containersOf(pod).filter(({ securityContext }) => {
    const other = (securityContext?.capabilities?.add ?? []).filter((each) => !DEFAULT_CAPABILITIES.has(each))
    for (const each of other) added.add(each)
    return other.length > 0
  })
  if (bad.length === 0) return undefined
  return {
    reason: 'non-default capabilities',
    detail: `${namesOf(bad)} must not include ${quoted(sortedSet(added))} in securityContext.capabilities.add`,
  }
}

function hostNamespaces({ spec }: PodLike): Violation | undefined {
  const set = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((name) => spec?.[name])
  if (set.length === 0) return undefined
  return { reason: 'host namespaces', detail: set.map((name) => `${name}=true`).join(', ') }
}

function hostPathVolumes({ spec }: PodLike): Violation | undefined {
  const names = (spec?.volumes ?? []).filter(({ hostPath }) => hostPath !== undefined).map(({ name }) => name)
  if (names.length === 0) return undefined
  return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', names.length)} ${quoted(names)}` }
}

function hostPorts(pod: PodLike): Violation | undefined {
  const bad = containersOf(pod).filter(({ ports }) => ports?.some(({ hostPort }) => hostPort))
  if (bad.length === 0) return undefined
  const ports = sortedSet(
    bad.flatMap((container) => (container.ports ?? []).flatMap(({ hostPort }) => (hostPort ? [String(hostPort)] : []))),
  )
  const uses = plural('uses', 'use', bad.length)
  return {
    reason: 'hostPort',
    detail: `${namesOf(bad)} ${uses} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`,
  }
}

function hostProbes(pod: PodLike): Violation | undefined {
  const hosts = new Set<string>()
  const bad = containersOf(pod).filter(({ livenessProbe, readinessProbe, startupProbe, lifecycle }) => {
    const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
    const found = handlers.flatMap((each) => [each?.httpGet?.host, each?.tcpSocket?.host]).filter((host) => Boolean(host))
    for (const host of found) hosts.add(host!)
    return found.length > 0
  })
  if (bad.length === 0) return undefined
  const uses = plural('uses', 'use', bad.length)
  const what = plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.size)
  return {
    reason: 'probe or lifecycle host',
    detail: `${named(sortedSet(bad.map(({ name }) => name)))} ${uses} ${what} ${quoted(sortedSet(hosts))}`,
  }
}

function privileged(pod: PodLike): Violation | undefined {
  const bad = containersOf(pod).filter(({ securityContext }) => securityContext?.privileged)
  if (bad.length === 0) return undefined
  return { reason: 'privileged', detail: `${namesOf(bad)} must not set securityContext.privileged=true` }
}

export function procMount(pod: PodLike): Violation | undefined {
  const masked = ({ securityContext }: Container): boolean => (securityContext?.procMount ?? 'Default') === 'Default'
  const bad = containersOf(pod).filter((container) => !masked(container))
  if (bad.length === 0) return undefined
  const values = sortedSet(bad.map(({ securityContext }) => securityContext!.procMount!))
  return { reason: 'procMount', detail: `${namesOf(bad)} must not set securityContext.procMount to ${quoted(values)}` }
}

function seLinuxOptions(pod: PodLike, allowed: readonly string[]): Violation | undefined {
  const types = new Set<string>()
  const said = { user: false, role: false }
  const setters = settersOf(pod, containersOf(pod), ({ seLinuxOptions: options }) => {
    if (options === undefined) return false
    const { type = '', user, role } = options
    if (!allowed.includes(type)) types.add(type)
    if (user) said.user = true
    if (role) said.role = true
    return !allowed.includes(type) || Boolean(user) || Boolean(role)
  })
  if (setters === undefined) return undefined
  const data = [
    ...(types.size > 0 ? [`${plural('type', 'types', types.size)} ${quoted(sortedSet(types))}`] : []),
    ...(said.user ? ['user may not be set'] : []),
    ...(said.role ? ['role may not be set'] : []),
  ]
  return { reason: 'seLinuxOptions', detail: `${setters} set forbidden securityContext.seLinuxOptions: ${data.join('; ')}` }
}

function seccompAnnotations(pod: PodLike): Violation | undefined {
  const names = [SECCOMP_ANNOTATION, ...containersOf(pod).map(({ name }) => SECCOMP_CONTAINER_ANNOTATION + name)]
  const annotations = pod.metadata?.annotations ?? {}
  const bad = [...new Set(names)]
    .filter((name) => Object.hasOwn(annotations, name) && !isAllowedSeccomp(annotations[name]!))
    .map((name) => `${name}=${JSON.stringify(annotations[name])}`)
    .sort()
  if (bad.length === 0) return undefined
  return { reason: 'seccompProfile', detail: `forbidden ${plural('annotation', 'annotations', bad.length)} ${bad.join(', ')}` }
}

const isAllowedSeccomp = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/')

function seccompProfile(pod: PodLike): Violation | undefined {
  const values = new Set<string>()
  const setters = settersOf(pod, containersOf(pod), ({ seccompProfile: profile }) => {
    const bad = profile !== undefined && !['RuntimeDefault', 'Localhost'].includes(profile.type)
    if (bad) values.add(profile.type)
    return bad
  })
  if (setters === undefined) return undefined
  return {
    reason: 'seccompProfile',
    detail: `${setters} must not set securityContext.seccompProfile.type to ${quoted(sortedSet(values))}`,
  }
}

function sysctls({ spec }: PodLike, allowed: readonly string[]): Violation | undefined {
  const bad = (spec?.securityContext?.sysctls ?? []).map(({ name }) => name).filter((name) => !allowed.includes(name))
  return bad.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: bad.join(', ') }
}

function windowsHostProcess(pod: PodLike): Violation | undefined {
  const setters = settersOf(pod, containersOf(pod), ({ windowsOptions }) => windowsOptions?.hostProcess ?? false)
  if (setters === undefined) return undefined
  return { reason: 'hostProcess', detail: `${setters} must not set securityContext.windowsOptions.hostProcess=true` }
}

const namesOf = (containers: readonly Container[]): string => named(containers.map(({ name }) => name))
