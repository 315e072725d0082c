import type { AppArmorProfile, PodSecurityContext, PodSpec, SeccompProfile, SecurityContext } from '../generated/types.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  optionalOneOf,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { sysctlName } from '../validation/names.ts'
import { visitedContainers } from './pod-facts.ts'
import { descendingPath } from './validate-path.ts'
import { validateWindowsOptions } from './validate-windows.ts'

const ID_MAX = 2_147_483_647
const PROFILE_LENGTH_MAX = 4095
const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined']
const PROC_MOUNTS = ['Default', 'Unmasked']

function* accountId(value: number | undefined, field: string): Findings {
  if (value !== undefined && (value < 0 || value > ID_MAX)) {
    yield invalidValue(field, value, `must be between 0 and ${ID_MAX}, inclusive`)
  }
}

export function* validatePodSecurity(spec: PodSpec, field: string): Findings {
  const { securityContext } = spec
  if (securityContext === undefined) return
  yield* accountId(securityContext.fsGroup, `${field}.fsGroup`)
  yield* accountId(securityContext.runAsUser, `${field}.runAsUser`)
  yield* accountId(securityContext.runAsGroup, `${field}.runAsGroup`)
  for (const [index, group] of (securityContext.supplementalGroups ?? []).entries()) {
    yield* accountId(group, `${field}.supplementalGroups[${index}]`)
  }
  if (spec.hostPID && spec.shareProcessNamespace) {
    yield invalidValue(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')
  }
  yield* validateSysctls(securityContext, spec, `${field}.sysctls`)
  yield* optionalOneOf(securityContext.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${field}.fsGroupChangePolicy`)
  yield* validateSeccomp(securityContext.seccompProfile, `${field}.seccompProfile`)
  yield* validateWindowsOptions(securityContext.windowsOptions, `${field}.windowsOptions`)
  yield* validateAppArmor(securityContext.appArmorProfile, `${field}.appArmorProfile`)
  yield* optionalOneOf(securityContext.supplementalGroupsPolicy, ['Merge', 'Strict'], `${field}.supplementalGroupsPolicy`)
  yield* optionalOneOf(securityContext.seLinuxChangePolicy, ['MountOption', 'Recursive'], `${field}.seLinuxChangePolicy`)
}

export function* validateSecurity(context: SecurityContext | undefined, { hostUsers }: PodSpec, field: string): Findings {
  if (context === undefined) return
  yield* accountId(context.runAsUser, `${field}.runAsUser`)
  yield* accountId(context.runAsGroup, `${field}.runAsGroup`)
  if (context.procMount !== undefined) {
    yield* optionalOneOf(context.procMount, PROC_MOUNTS, `${field}.procMount`)
    if (hostUsers !== false && context.procMount === 'Unmasked')
      yield invalidValue(`${field}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`')
  }
  yield* validateSeccomp(context.seccompProfile, `${field}.seccompProfile`)
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      yield invalidValue(field, context, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true')
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const rule = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
      yield invalidValue(field, context, rule)
    }
  }
  yield* validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`)
  yield* validateAppArmor(context.appArmorProfile, `${field}.appArmorProfile`)
}

function* validateSysctls({ sysctls = [] }: PodSecurityContext, { hostNetwork, hostIPC }: PodSpec, field: string): Findings {
  const names = new Set<string>()
  for (const [index, { name = '' }] of sysctls.entries()) {
    const path = `${field}[${index}].name`
    const own = [...sysctlName(name)]
    if (name === '') yield required(path)
    else if (own.length > 0) yield* complaints(own, name, path)
    else if (names.has(name)) yield duplicateValue(path, name)
    const dotted = name.replaceAll('/', '.')
    if (hostNetwork && dotted.startsWith('net.'))
      yield invalidValue(path, name, "may not be specified when 'hostNetwork' is true")
    else if (hostIPC && IPC_SYSCTL.test(dotted)) yield invalidValue(path, name, "may not be specified when 'hostIPC' is true")
    names.add(name)
  }
}

/** Kernel parameters of the IPC namespace (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/). */
const IPC_SYSCTL = /^(kernel\.(shm|msg)|kernel\.sem$|fs\.mqueue\.)/

function* validateSeccomp(profile: SeccompProfile | undefined, field: string): Findings {
  if (profile === undefined) return
  const { type, localhostProfile } = profile
  if (!type) yield required(`${field}.type`, 'type is required when seccompProfile is set')
  else if (!PROFILE_TYPES.includes(type)) yield unsupported(`${field}.type`, type, PROFILE_TYPES)
  const path = `${field}.localhostProfile`
  if (type !== 'Localhost') {
    if (localhostProfile !== undefined) yield invalidValue(path, profile, 'can only be set when seccomp type is Localhost')
  } else if (localhostProfile === undefined) yield required(path, 'must be set when seccomp type is Localhost')
  else yield* descendingPath(localhostProfile, path)
}

function* validateAppArmor(profile: AppArmorProfile | undefined, field: string): Findings {
  if (profile === undefined) return
  const { type, localhostProfile } = profile
  const path = `${field}.localhostProfile`
  if (type === 'Localhost') {
    if (!localhostProfile) yield required(path, 'must be set when AppArmor type is Localhost')
    else if (localhostProfile !== localhostProfile.trim())
      yield invalidValue(path, localhostProfile, 'must not be padded with whitespace')
    if (Buffer.byteLength(localhostProfile ?? '') > PROFILE_LENGTH_MAX) yield tooLong(path, PROFILE_LENGTH_MAX)
  } else if (!type) yield required(`${field}.type`, 'type is required when appArmorProfile is set')
  else if (!PROFILE_TYPES.includes(type)) yield unsupported(`${field}.type`, type, PROFILE_TYPES)
  else if (localhostProfile !== undefined)
    yield invalidValue(path, localhostProfile, 'can only be set when AppArmor type is Localhost')
}

/** A pod with users of its own shares no other namespace with the host, and no device. */
export function* validateHostUsers(spec: PodSpec, field: string): Findings {
  if (spec.hostUsers !== false) return
  const rule = 'when `hostUsers` is false'
  if (spec.hostNetwork) yield forbid(`${field}.hostNetwork`, rule)
  if (spec.hostPID) yield forbid(`${field}.HostPID`, rule)
  if (spec.hostIPC) yield forbid(`${field}.HostIPC`, rule)
  for (const [{ volumeDevices }, path] of visitedContainers(spec, field))
    if (volumeDevices?.length) yield forbid(`${path}.volumeDevices`, rule)
}

const SYSTEMS = ['linux', 'windows']
/** What only Linux knows, in upstream's order. */
const LINUX_OF_POD = [
  ...['appArmorProfile', 'seLinuxOptions', 'hostUsers', 'hostPID', 'hostIPC', 'seccompProfile', 'fsGroup', 'fsGroupChangePolicy'],
  ...['sysctls', 'shareProcessNamespace', 'runAsUser', 'runAsGroup', 'supplementalGroups', 'supplementalGroupsPolicy'],
  'seLinuxChangePolicy',
]
const LINUX_OF_CONTAINER = [
  ...['appArmorProfile', 'seLinuxOptions', 'seccompProfile', 'capabilities', 'readOnlyRootFilesystem', 'privileged'],
  ...['allowPrivilegeEscalation', 'procMount', 'runAsUser', 'runAsGroup'],
]
/** Fields of the spec itself. */
const OF_SPEC = new Set(['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'])

/** What a pod says of its system must not belong to the other one. */
export function* validateSystem(spec: PodSpec, field: string): Findings {
  const name = spec.os?.name
  if (spec.os === undefined) return
  if (!name) yield required(`${field}.os.name`, 'cannot be empty')
  else if (!SYSTEMS.includes(name)) yield unsupported(`${field}.os`, name, SYSTEMS)
  else {
    const contexts = visitedContainers(spec, field).map(
      ([{ securityContext = {} }, path]) => [securityContext, `${path}.securityContext`] as const,
    )
    if (name === 'linux') yield* notOfWindows([[spec.securityContext ?? {}, `${field}.securityContext`], ...contexts])
    else yield* notOfLinux(spec, field, contexts)
  }
}

function* notOfWindows(contexts: readonly (readonly [Pick<SecurityContext, 'windowsOptions'>, string])[]): Findings {
  for (const [{ windowsOptions }, path] of contexts)
    if (windowsOptions !== undefined) yield forbid(`${path}.windowsOptions`, 'windows options cannot be set for a linux pod')
}

function* notOfLinux(spec: PodSpec, field: string, contexts: readonly (readonly [SecurityContext, string])[]): Findings {
  const rule = 'cannot be set for a windows pod'
  const own = { ...spec.securityContext } as Record<string, unknown>
  const whole = spec as unknown as Record<string, unknown>
  for (const key of LINUX_OF_POD) {
    const [holder, path] = OF_SPEC.has(key) ? [whole, field] : [own, `${field}.securityContext`]
    if (holder[key] !== undefined) yield forbid(`${path}.${key}`, rule)
  }
  for (const [context, path] of contexts) {
    for (const key of LINUX_OF_CONTAINER)
      if ((context as Record<string, unknown>)[key] !== undefined) yield forbid(`${path}.${key}`, rule)
  }
}
