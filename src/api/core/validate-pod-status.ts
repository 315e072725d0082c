import type { Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from '../generated/types.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { areOneOfEachFamily, ipAddress } from '../validation/ip.ts'
import { qualifiedName, subdomainName } from '../validation/names.ts'
import { mayRestartAll, shouldRestart } from './pod-facts.ts'
import { validateAnnotationChange, validatePodAnnotations } from './validate-pod-annotations.ts'
import { validateAllocatableClaims, validateClaimStatuses, validateExtendedClaim } from './validate-pod-claim-status.ts'

/** What a kubelet, the scheduler or a controller may say of a pod, in upstream's order. */
export function validatePodStatusUpdate(pod: Pod, old: Pod, found: Findings): void {
  const { metadata, spec = {} as PodSpec, status = {} } = pod
  const before = old.status ?? {}
  const [now, was] = [metadata?.annotations, old.metadata?.annotations]
  if (now !== was) validateAnnotationChange(now, was, 'metadata.annotations', found)
  if (now !== undefined) validatePodAnnotations(now, spec, 'metadata.annotations', found, was)
  if (status.conditions !== undefined) validateConditions(status.conditions, found)
  validateNomination(status.nominatedNodeName ?? '', before.nominatedNodeName ?? '', old.spec?.nodeName, found)
  generation(status.observedGeneration, 'status.observedGeneration', found)
  if ((status.qosClass ?? '') !== (before.qosClass ?? ''))
    found.push(invalidValue('status.qosClass', status.qosClass ?? '', IMMUTABLE))
  validateTransitions(status, old, found)
  validateClaimStatuses(status, spec, found)
  if (status.extendedResourceClaimStatus !== undefined) validateExtendedClaim(status.extendedResourceClaimStatus, spec, found)
  validateAllocatableClaims(status, spec, found)
  validatePodIPs(status, before, found)
  validateHostIPs(status, before, found)
  for (const [list] of LISTS) for (const [each, path] of statusesOf(status, list)) validateUser(each, spec, path, found)
  for (const [list, containers] of LISTS)
    for (const [each, path] of statusesOf(status, list)) validateHealth(each, spec, containers, path, found)
}

type List = 'containerStatuses' | 'initContainerStatuses' | 'ephemeralContainerStatuses'

/** Lists of statuses, and what they are of; who came to help has no resources of its own. */
const LISTS: readonly (readonly [List, ('containers' | 'initContainers')?])[] = [
  ['containerStatuses', 'containers'],
  ['initContainerStatuses', 'initContainers'],
  ['ephemeralContainerStatuses'],
]

const statusesOf = (status: PodStatus, list: List): (readonly [ContainerStatus, string])[] =>
  (status[list] ?? []).map((each, index) => [each, `status.${list}[${index}]`])

const SYSTEM_CONDITIONS: ReadonlySet<string> = new Set(['PodScheduled', 'Ready', 'Initialized'])

function validateConditions(conditions: readonly PodCondition[], found: Findings): void {
  for (const [index, { type, observedGeneration }] of conditions.entries()) {
    const path = `status.conditions[${index}]`
    generation(observedGeneration, `${path}.observedGeneration`, found)
    if (!SYSTEM_CONDITIONS.has(type)) complaints(qualifiedName(type), type, `${path}.Type`, found)
  }
}

function generation(value: number | undefined, field: string, found: Findings): void {
  if (value !== undefined && value < 0) found.push(invalidValue(field, value, 'must be a non-negative integer'))
}

/** A pod that has its node is not to go anywhere. */
function validateNomination(now: string, was: string, bound: string | undefined, found: Findings): void {
  if (now === was || now === '') return
  const path = 'status.nominatedNodeName'
  complaints(subdomainName(now), now, path, found)
  if (bound) found.push(forbid(path, 'may not be set on pods that are already bound to a node'))
}

/** What has finished runs again only where it is started again. */
function validateTransitions(status: PodStatus, old: Pod, found: Findings): void {
  const { containers = [], initContainers = [] } = old.spec ?? {}
  const mayRise = (list: readonly Container[]) => (name: string, exitCode: number) => {
    const container = list.find((each) => each.name === name)
    return container !== undefined && shouldRestart(container, old.spec, exitCode)
  }
  if (!mayRestartAll(old)) {
    noneRises(status, old, 'containerStatuses', mayRise(containers), found)
    noneRises(status, old, 'initContainerStatuses', mayRise(initContainers), found)
  }
  noneRises(status, old, 'ephemeralContainerStatuses', () => false, found)
}

/** Upstream tells of the place that the container had before. */
function noneRises(
  status: PodStatus,
  old: Pod,
  list: List,
  mayRise: (name: string, exitCode: number) => boolean,
  found: Findings,
): void {
  for (const [index, { name, state }] of (old.status?.[list] ?? []).entries()) {
    if (state?.terminated === undefined) continue
    const after = status[list]?.find((each) => each.name === name && each.state?.terminated === undefined)
    if (after !== undefined && !mayRise(name, state.terminated.exitCode))
      found.push(forbid(`status.${list}[${index}].state`, 'may not be transitioned to non-terminated state'))
  }
}

const ONE_OF_EACH = 'may specify no more than one IP for each IP family'

function validatePodIPs({ podIPs = [] }: PodStatus, { podIPs: old = [] }: PodStatus, found: Findings): void {
  const kept = old.map(({ ip }) => ip)
  for (const [index, { ip }] of podIPs.entries()) ipAddress(ip, `status.podIPs[${index}]`, found, kept)
  validateFamilies(podIPs, 'podIPs', found)
}

function validateHostIPs({ hostIP = '', hostIPs = [] }: PodStatus, { hostIPs: old = [] }: PodStatus, found: Findings): void {
  const [first] = hostIPs
  if (first !== undefined && first.ip !== hostIP)
    found.push(invalidValue('status.hostIPs[0].ip', first.ip, 'must be equal to `hostIP`'))
  const kept = old.map(({ ip }) => ip)
  for (const [index, { ip }] of hostIPs.entries()) ipAddress(ip, `status.hostIPs[${index}]`, found, kept)
  validateFamilies(hostIPs, 'hostIPs', found)
}

/** Upstream shows types of its own. */
function validateFamilies(ips: readonly { readonly ip: string }[], list: 'podIPs' | 'hostIPs', found: Findings): void {
  if (ips.length < 2 || (ips.length === 2 && areOneOfEachFamily(ips.map(({ ip }) => ip)))) return
  found.push(
    invalidValue(
      `status.${list}`,
      ips.map(({ ip }) => ({ IP: ip })),
      ONE_OF_EACH,
    ),
  )
}

const ID_MAX = 2_147_483_647
const ID_RULE = `must be between 0 and ${ID_MAX}, inclusive`

function validateUser({ user }: ContainerStatus, { os }: PodSpec, field: string, found: Findings): void {
  const linux = user?.linux
  if (linux === undefined) return
  const path = `${field}.user.linux`
  if (os?.name === 'windows') found.push(forbid(path, 'cannot be set for a windows pod'))
  if (os !== undefined && os.name !== 'linux') return
  const check = (id: number | undefined, at: string): void => {
    if (id !== undefined && (id < 0 || id > ID_MAX)) found.push(invalidValue(at, id, ID_RULE))
  }
  check(linux.uid, `${path}.uid`)
  check(linux.gid, `${path}.gid`)
  for (const [index, id] of (linux.supplementalGroups ?? []).entries()) check(id, `${path}.supplementalGroups[${index}]`)
}

const HEALTH = ['Healthy', 'Unhealthy', 'Unknown']
const MESSAGE_LENGTH_MAX = 1024

/** What became of devices that a container was given (KEP-4680). */
function validateHealth(
  { name, allocatedResourcesStatus: resources }: ContainerStatus,
  spec: PodSpec,
  list: 'containers' | 'initContainers' | undefined,
  field: string,
  found: Findings,
): void {
  if (!resources?.length) return
  const path = `${field}.allocatedResourcesStatus`
  if (list === undefined) {
    found.push(forbid(path, 'must not be specified in container status'))
    return
  }
  const container = spec[list]?.find((each) => each.name === name)
  for (const [index, resource] of resources.entries()) {
    if (container !== undefined) isOfContainer(resource.name, container, `${path}[${index}].name`, found)
    const seen = new Set<string>()
    for (const [at, { resourceID, health, message }] of (resource.resources ?? []).entries()) {
      const each = `${path}[${index}].resources[${at}]`
      if (!HEALTH.includes(health ?? '')) found.push(unsupported(`${each}.health`, health ?? '', HEALTH))
      validateMessage(message, `${each}.message`, found)
      if (seen.has(resourceID)) found.push(duplicateValue(`${each}.resourceID`, resourceID))
      seen.add(resourceID)
    }
  }
}

function isOfContainer(name: string, { resources }: Container, field: string, found: Findings): void {
  if (!name.startsWith('claim:')) {
    if (resources?.requests?.[name] === undefined)
      found.push(invalidValue(field, name, "must match one of the container's resource requests"))
    return
  }
  const names = (resources?.claims ?? []).map((claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}`)
  const rule =
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
  if (!names.includes(name)) found.push(invalidValue(field, name, rule))
}

function validateMessage(message: string | undefined, field: string, found: Findings): void {
  if (message === undefined) return
  if (message === '') found.push(required(field, 'must be non-empty if specified'))
  else if (Buffer.byteLength(message) > MESSAGE_LENGTH_MAX) found.push(tooLong(field, MESSAGE_LENGTH_MAX))
}
