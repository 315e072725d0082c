import type { ObjectMeta } from '#meta'
import type { PodSpec, PodTemplateSpec, Volume } from '../generated/types.ts'
import { dnsLabelField, ipAddress, labels, quantity } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  notFoundValue,
  oneOf,
  optionalOneOf,
  required,
  tooLong,
  within,
} from '../validation/findings.ts'
import { dnsLabel, qualifiedName, subdomainName, underscoredSubdomainName } from '../validation/names.ts'
import { visitedContainers } from './pod-facts.ts'
import { validateContainers } from './validate-container.ts'
import { validatePodResources } from './validate-pod-resources.ts'
import { validateAffinity, validateSpread, validateTolerations } from './validate-scheduling.ts'
import { validateHostUsers, validatePodSecurity, validateSystem } from './validate-security.ts'
import { validateVolumes } from './validate-volume.ts'
import { validateHostProcess } from './validate-windows.ts'

const INT32_MAX = 2_147_483_647
const NAMESERVERS_MAX = 3

export function* validatePodTemplate(template: PodTemplateSpec | undefined, field: string): Findings {
  yield* labels(template?.metadata?.labels, `${field}.labels`)
  for (const key of Object.keys(template?.metadata?.annotations ?? {})) {
    yield* complaints(qualifiedName(key.toLowerCase()), key, `${field}.annotations`)
  }
  yield* validatePodSpec(template?.spec ?? ({} as PodSpec), undefined, `${field}.spec`)
  if (template?.spec?.ephemeralContainers?.length)
    yield forbid(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')
}

/** A pod's spec, or that of a template, which has no `pod`. In upstream's order. */
export function* validatePodSpec(spec: PodSpec, pod: ObjectMeta | undefined, field: string): Findings {
  const volumes = new Map<string, Volume>()
  yield* validateVolumes(spec.volumes, pod, `${field}.volumes`, volumes)
  yield* validateClaims(spec, `${field}.resourceClaims`)
  yield* validateContainers({ spec, volumes }, field)
  yield* validatePodResources(spec, `${field}.resources`)
  yield* validateHostPorts(spec, pod !== undefined, `${field}.containers`)
  yield* oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${field}.restartPolicy`)
  yield* oneOf(spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], `${field}.dnsPolicy`)
  yield* labels(spec.nodeSelector, `${field}.nodeSelector`)
  yield* validatePodSecurity(spec, `${field}.securityContext`)
  yield* validateAffinity(spec.affinity, `${field}.affinity`)
  yield* validateDNS(spec, `${field}.dnsConfig`)
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    yield* complaints(qualifiedName(conditionType ?? ''), conditionType, `${field}.readinessGates[${index}].conditionType`)
  }
  yield* validateGates(spec, `${field}.schedulingGates`)
  yield* validateSpread(spec.topologySpreadConstraints, `${field}.topologySpreadConstraints`)
  yield* validateHostProcess(spec, field)
  yield* validateHostUsers(spec, field)
  yield* validateHostname(spec, `${field}.hostnameOverride`)
  yield* validatePlacement(spec, field)
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    yield* ipAddress(ip ?? '', `${field}.hostAliases[${index}].ip`)
    for (const [at, name] of hostnames.entries()) {
      yield* complaints(subdomainName(name), name, `${field}.hostAliases[${index}].hostnames[${at}]`)
    }
  }
  yield* named(spec.priorityClassName, `${field}.priorityClassName`)
  yield* named(spec.runtimeClassName, `${field}.runtimeClassName`)
  yield* optionalOneOf(spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], `${field}.preemptionPolicy`)
  for (const [name, value] of Object.entries(spec.overhead ?? {})) yield* quantity(value, `${field}.overhead[${name}]`)
  yield* validateSystem(spec, field)
  yield* validateFileVolumes(spec, volumes, field)
}

const named = (value: string | undefined, field: string, rule = subdomainName): Findings =>
  value ? complaints(rule(value), value, field) : []

function* validatePlacement(spec: PodSpec, field: string): Findings {
  yield* named(spec.serviceAccountName, `${field}.serviceAccountName`)
  yield* named(spec.nodeName, `${field}.nodeName`)
  yield* within(spec.activeDeadlineSeconds, 1, INT32_MAX, `${field}.activeDeadlineSeconds`)
  yield* named(spec.hostname, `${field}.hostname`, dnsLabel)
  yield* named(spec.subdomain, `${field}.subdomain`, dnsLabel)
  yield* validateTolerations(spec.tolerations, `${field}.tolerations`)
}

const HOSTNAME_LENGTH_MAX = 64

function* validateHostname({ hostnameOverride: name, setHostnameAsFQDN, hostNetwork }: PodSpec, field: string): Findings {
  if (name === undefined) return
  if (setHostnameAsFQDN) yield forbid(field, 'may not be specified when setHostnameAsFQDN is true')
  if (hostNetwork) yield forbid(field, 'may not be specified when hostNetwork is true')
  if (name.length > HOSTNAME_LENGTH_MAX) yield tooLong(field, HOSTNAME_LENGTH_MAX)
  yield* complaints(subdomainName(name), name, field)
}

/** Variables come from files that containers of the same pod write. */
function* validateFileVolumes(spec: PodSpec, volumes: ReadonlyMap<string, Volume>, field: string): Findings {
  for (const [{ env = [] }, path] of visitedContainers(spec, field)) {
    for (const [index, { valueFrom }] of env.entries()) {
      if (valueFrom?.fileKeyRef === undefined) continue
      const at = `${path}.env[${index}].valueFrom.fileKeyRef.volumeName`
      const { volumeName: name = '' } = valueFrom.fileKeyRef
      const volume = volumes.get(name)
      if (volume === undefined) yield notFoundValue(at, name)
      else if (volume.emptyDir === undefined) yield invalidValue(at, name, 'referenced volume must be of type emptyDir')
    }
  }
}

function* validateClaims({ resourceClaims = [] }: PodSpec, field: string): Findings {
  const names = new Set<string>()
  for (const [index, claim] of resourceClaims.entries()) {
    const { name, resourceClaimName, resourceClaimTemplateName } = claim
    const path = `${field}[${index}]`
    if (name && names.has(name)) yield duplicateValue(`${path}.name`, name)
    else yield* dnsLabelField(name, `${path}.name`)
    names.add(name)
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined)
      yield invalidValue(path, claim, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified')
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined)
      yield invalidValue(path, claim, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`')
    for (const [key, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName }))
      if (value !== undefined) yield* complaints(subdomainName(value), value, `${path}.${key}`)
  }
}

/** On the host's network a container's port is the host's. A template may leave that to the defaults of its pods. */
function* validateHostPorts({ hostNetwork, containers = [] }: PodSpec, isPod: boolean, field: string): Findings {
  if (!hostNetwork) return
  for (const [index, { ports = [] }] of containers.entries()) {
    for (const [at, { hostPort = 0, containerPort = 0 }] of ports.entries()) {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort) {
        const rule = 'must match `containerPort` when `hostNetwork` is true'
        yield invalidValue(`${field}[${index}].ports[${at}].hostPort`, hostPort, rule)
      }
    }
  }
}

const SEARCHES_MAX = 32
const SEARCH_CHARACTERS_MAX = 2048

function* validateSearches(searches: readonly string[], field: string): Findings {
  if (searches.length > SEARCHES_MAX) yield invalidValue(field, searches, `must not have more than ${SEARCHES_MAX} search paths`)
  if (searches.join(' ').length > SEARCH_CHARACTERS_MAX) {
    const rule = `must not have more than ${SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list`
    yield invalidValue(field, searches, rule)
  }
  for (const [index, search] of searches.entries()) {
    const domain = search.replace(/\.$/, '')
    if (search !== '.') yield* complaints(underscoredSubdomainName(domain), domain, `${field}[${index}]`)
  }
}

function* validateDNS({ dnsConfig, dnsPolicy }: PodSpec, field: string): Findings {
  const nameservers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    if (dnsConfig === undefined) yield required(field, 'must provide `dnsConfig` when `dnsPolicy` is None')
    else yield required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None')
    return
  }
  if (nameservers.length > NAMESERVERS_MAX) {
    yield invalidValue(`${field}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`)
  }
  for (const [index, address] of nameservers.entries()) yield* ipAddress(address, `${field}.nameservers[${index}]`)
  yield* validateSearches(dnsConfig?.searches ?? [], `${field}.searches`)
  for (const [index, { name }] of (dnsConfig?.options ?? []).entries()) {
    if (!name) yield required(`${field}.options[${index}]`, 'must not be empty')
  }
}

function* validateGates({ schedulingGates = [] }: PodSpec, field: string): Findings {
  const names = new Set<string>()
  for (const [index, { name = '' }] of schedulingGates.entries()) {
    yield* complaints(qualifiedName(name), name, `${field}[${index}]`)
    if (names.has(name)) yield duplicateValue(`${field}[${index}]`, name)
    names.add(name)
  }
}
