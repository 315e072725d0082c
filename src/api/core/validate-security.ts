import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext } from '../generated/types.ts'
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
import { internalForm } from '../validation/internal-form.ts'
import { sysctlName } from '../validation/names.ts'
import { visitedContainers } from './pod-facts.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { descendingPath } from './validate-path.ts'
import { validateWindowsOptions } from './validate-windows.ts'

const ID_MAX = 2_147_483_647
const PROFILE_LENGTH_MAX = 4095
const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined']
const PROC_MOUNTS = ['Default', 'Unmasked']

function accountId(value: number | undefined, field: string, found: Findings): void {
  if (value !== undefined && (value < 0 || value > ID_MAX)) {
    found.push(invalidValue(field, value, `must be between 0 and ${ID_MAX}, inclusive`))
  }
}

export function validatePodSecurity(spec: PodSpec, field: string, leniency: PodLeniency, found: Findings): void {
  const { securityContext } = spec
  if (securityContext === undefined) return
  accountId(securityContext.fsGroup, `${field}.fsGroup`, found)
  accountId(securityContext.runAsUser, `${field}.runAsUser`, found)
  accountId(securityContext.runAsGroup, `${field}.runAsGroup`, found)
  for (const [index, group] of (securityContext.supplementalGroups ?? []).entries()) {
    accountId(group, `${field}.supplementalGroups[${index}]`, found)
  }
  if (spec.hostPID && spec.shareProcessNamespace) {
    found.push(invalidValue(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled'))
  }
  validateSysctls(spec, `${field}.sysctls`, leniency, found)
  optionalOneOf(securityContext.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${field}.fsGroupChangePolicy`, found)
  validateSeccomp(securityContext.seccompProfile, `${field}.seccompProfile`, found)
  validateWindowsOptions(securityContext.windowsOptions, `${field}.windowsOptions`, found)
  validateAppArmor(securityContext.appArmorProfile, `${field}.appArmorProfile`, found)
  optionalOneOf(securityContext.supplementalGroupsPolicy, ['Merge', 'Strict'], `${field}.supplementalGroupsPolicy`, found)
  validateSELinuxPolicy(securityContext.seLinuxChangePolicy, `${field}.seLinuxChangePolicy`, leniency, found)
}

/** As long as the feature is off (SELinuxMount), only whoever has a policy may have another one. */
function validateSELinuxPolicy(policy: string | undefined, field: string, leniency: PodLeniency, found: Findings): void {
  if (policy === undefined || policy === 'Recursive') return
  optionalOneOf(policy, leniency.anySELinuxPolicy ? ['MountOption', 'Recursive'] : ['Recursive'], field, found)
}

export function validateSecurity(
  context: SecurityContext | undefined,
  { hostUsers }: PodSpec,
  field: string,
  found: Findings,
): void {
  if (context === undefined) return
  accountId(context.runAsUser, `${field}.runAsUser`, found)
  accountId(context.runAsGroup, `${field}.runAsGroup`, found)
  if (context.procMount !== undefined) {
    optionalOneOf(context.procMount, PROC_MOUNTS, `${field}.procMount`, found)
    if (hostUsers !== false && context.procMount === 'Unmasked')
      found.push(invalidValue(`${field}.procMount`, context.procMount, '`hostUsers` must be false to use `Unmasked`'))
  }
  validateSeccomp(context.seccompProfile, `${field}.seccompProfile`, found)
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged)
      found.push(
        invalidValue(
          field,
          internalForm(context, 'SecurityContext'),
          'cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
        ),
      )
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const rule = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
      found.push(invalidValue(field, internalForm(context, 'SecurityContext'), rule))
    }
  }
  validateWindowsOptions(context.windowsOptions, `${field}.windowsOptions`, found)
  validateAppArmor(context.appArmorProfile, `${field}.appArmorProfile`, found)
}

function validateSysctls(spec: PodSpec, field: string, leniency: PodLeniency, found: Findings): void {
  const names = new Set<string>()
  for (const [index, { name = '' }] of (spec.securityContext?.sysctls ?? []).entries()) {
    const path = `${field}[${index}].name`
    const own = [...sysctlName(name)]
    if (name === '') found.push(required(path))
    else if (own.length > 0) complaints(own, name, path, found)
    else if (names.has(name)) found.push(duplicateValue(path, name))
    names.add(name)
    if (!isHostSysctl(name, spec) || leniency.hostSysctls) continue
    const host = NET_SYSCTL.test(dotted(name)) && spec.hostNetwork ? 'hostNetwork' : 'hostIPC'
    found.push(invalidValue(path, name, `may not be specified when '${host}' is true`))
  }
}

/** Slashes stand for dots, once there is one before any dot. */
const dotted = (name: string): string =>
  /^[^.]*\//.test(name) ? name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/')) : name

const NET_SYSCTL = /^net\./
/** Kernel parameters of the IPC namespace (https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/). */
const IPC_SYSCTL = /^(kernel\.(sem|shm(|all|max|mni|_rmid_forced)|msg(|max|mnb|mni))$|fs\.mqueue\.)/

/** Whether a parameter is one of a namespace that the pod shares with its host. */
export const isHostSysctl = (name: string, { hostNetwork, hostIPC }: PodSpec): boolean =>
  (hostNetwork === true && NET_SYSCTL.test(dotted(name))) || (hostIPC === true && IPC_SYSCTL.test(dotted(name)))

function validateSeccomp(profile: SeccompProfile | undefined, field: string, found: Findings): void {
  if (profile === undefined) return
  const { type, localhostProfile } = profile
  if (!type) found.push(required(`${field}.type`, 'type is required when seccompProfile is set'))
  else if (!PROFILE_TYPES.includes(type)) found.push(unsupported(`${field}.type`, type, PROFILE_TYPES))
  const path = `${field}.localhostProfile`
  if (type !== 'Localhost') {
    const shown = internalForm(profile, 'SeccompProfile')
    if (localhostProfile !== undefined) found.push(invalidValue(path, shown, 'can only be set when seccomp type is Localhost'))
  } else if (localhostProfile === undefined) found.push(required(path, 'must be set when seccomp type is Localhost'))
  else descendingPath(localhostProfile, path, found)
}

export function validateAppArmor(profile: AppArmorProfile | undefined, field: string, found: Findings): void {
  if (profile === undefined) return
  const { type, localhostProfile } = profile
  const path = `${field}.localhostProfile`
  if (type === 'Localhost') {
    if (localhostProfile !== undefined && localhostProfile !== localhostProfile.trim())
      found.push(invalidValue(path, localhostProfile, 'must not be padded with whitespace'))
    else if (!localhostProfile) found.push(required(path, 'must be set when AppArmor type is Localhost'))
    if (Buffer.byteLength(localhostProfile ?? '') > PROFILE_LENGTH_MAX) found.push(tooLong(path, PROFILE_LENGTH_MAX))
  } else if (!type) found.push(required(`${field}.type`, 'type is required when appArmorProfile is set'))
  else if (!PROFILE_TYPES.includes(type)) found.push(unsupported(`${field}.type`, type, PROFILE_TYPES))
  else if (localhostProfile !== undefined)
    found.push(invalidValue(path, localhostProfile, 'can only be set when AppArmor type is Localhost'))
}

/** A pod with users of its own shares no other namespace with the host, and no device. */
export function validateHostUsers(spec: PodSpec, field: string, leniency: PodLeniency, found: Findings): void {
  if (spec.hostUsers !== false) return
  const rule = 'when `hostUsers` is false'
  if (spec.hostNetwork && !leniency.ownUsersOnHostNetwork) found.push(forbid(`${field}.hostNetwork`, rule))
  if (spec.hostPID) found.push(forbid(`${field}.HostPID`, rule))
  if (spec.hostIPC) found.push(forbid(`${field}.HostIPC`, rule))
  for (const [{ volumeDevices }, path] of visitedContainers(spec, field))
    if (volumeDevices?.length && !leniency.unmappedDevices) found.push(forbid(`${path}.volumeDevices`, rule))
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
export function validateSystem(spec: PodSpec, field: string, found: Findings): void {
  const name = spec.os?.name
  if (spec.os === undefined) return
  if (!name) found.push(required(`${field}.os.name`, 'cannot be empty'))
  else if (!SYSTEMS.includes(name)) found.push(unsupported(`${field}.os`, name, SYSTEMS))
  else {
    const contexts = visitedContainers(spec, field).map(
      ([{ securityContext = {} }, path]) => [securityContext, `${path}.securityContext`] as const,
    )
    if (name === 'linux') notOfWindows([[spec.securityContext ?? {}, `${field}.securityContext`], ...contexts], found)
    else notOfLinux(spec, field, contexts, found)
  }
}

function notOfWindows(contexts: readonly (readonly [Pick<SecurityContext, 'windowsOptions'>, string])[], found: Findings): void {
  for (const [{ windowsOptions }, path] of contexts)
    if (windowsOptions !== undefined)
      found.push(forbid(`${path}.windowsOptions`, 'windows options cannot be set for a linux pod'))
}

function notOfLinux(
  spec: PodSpec,
  field: string,
  contexts: readonly (readonly [SecurityContext, string])[],
  found: Findings,
): void {
  const rule = 'cannot be set for a windows pod'
  const own = { ...spec.securityContext } as Record<string, unknown>
  const whole = spec as unknown as Record<string, unknown>
  for (const key of LINUX_OF_POD) {
    const [holder, path] = OF_SPEC.has(key) ? [whole, field] : [own, `${field}.securityContext`]
    if (holder[key] !== undefined) found.push(forbid(`${path}.${key}`, rule))
  }
  for (const [context, path] of contexts) {
    for (const key of LINUX_OF_CONTAINER)
      if ((context as Record<string, unknown>)[key] !== undefined) found.push(forbid(`${path}.${key}`, rule))
  }
}
