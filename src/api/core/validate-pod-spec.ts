import type { ObjectMeta } from '#meta'
import type { Container, PodSpec, PodTemplateSpec, Volume } from '../generated/types.ts'
import { annotations, labels } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  notFoundValue,
  oneOf,
  required,
  tooLong,
  within,
} from '../validation/findings.ts'
import { ipAddress } from '../validation/ip.ts'
import { dnsLabel, type NameRule, qualifiedName, subdomainName, underscoredSubdomainName } from '../validation/names.ts'
import { hasContainer, visitedContainers } from './pod-facts.ts'
import { leniencyOf, type PodLeniency } from './pod-leniency.ts'
import { validateContainers } from './validate-container.ts'
import { validatePodAnnotations, validateProfiles } from './validate-pod-annotations.ts'
import { validatePodResources } from './validate-pod-resources.ts'
import { validatePodClaims } from './validate-resource-claims.ts'
import { ofContainer, validateResources } from './validate-resources.ts'
import { validateAffinity, validateTolerations } from './validate-scheduling.ts'
import { validateHostUsers, validatePodSecurity, validateSystem } from './validate-security.ts'
import { validateSpread } from './validate-spread.ts'
import { validateVolumes } from './validate-volume.ts'
import { validateHostProcess } from './validate-windows.ts'

const INT32_MAX = 2_147_483_647
const NAMESERVERS_MAX = 3

/** With `old`, what an update finds of it. */
export function validatePodTemplate(
  template: PodTemplateSpec | undefined,
  field: string,
  found: Findings,
  old?: PodTemplateSpec,
): void {
  const { metadata = {}, spec = {} as PodSpec } = template ?? {}
  labels(metadata.labels, `${field}.labels`, found)
  if (metadata.annotations !== undefined) {
    annotations(metadata.annotations, `${field}.annotations`, found)
    validatePodAnnotations(metadata.annotations, spec, `${field}.annotations`, found, old?.metadata?.annotations)
  }
  validatePodSpec(spec, undefined, `${field}.spec`, leniencyOf(old?.spec), found)
  if (metadata.annotations !== undefined) validateProfiles(metadata.annotations, spec, `${field}.spec`, found)
  if (spec.ephemeralContainers?.length)
    found.push(forbid(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template'))
}

/** A pod's spec, or that of a template, which has no `pod`. In upstream's order. */
export function validatePodSpec(
  spec: PodSpec,
  pod: ObjectMeta | undefined,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const volumes = new Map<string, Volume>()
  validateVolumes(spec.volumes, pod, `${field}.volumes`, volumes, leniency, found)
  if (spec.resourceClaims !== undefined) validatePodClaims(spec, pod, `${field}.resourceClaims`, found)
  validateContainers({ spec, volumes, leniency }, field, found)
  validatePodResources(spec, `${field}.resources`, leniency, found)
  validateHostPorts(spec, pod !== undefined, `${field}.containers`, found)
  oneOf(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], `${field}.restartPolicy`, found)
  oneOf(spec.dnsPolicy, ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'], `${field}.dnsPolicy`, found)
  labels(spec.nodeSelector, `${field}.nodeSelector`, found)
  validatePodSecurity(spec, `${field}.securityContext`, leniency, found)
  validateAffinity(spec.affinity, `${field}.affinity`, leniency, found)
  validateDNS(spec, `${field}.dnsConfig`, found)
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    complaints(qualifiedName(conditionType ?? ''), conditionType, `${field}.readinessGates[${index}].conditionType`, found)
  }
  validateGates(spec, `${field}.schedulingGates`, found)
  validateSpread(spec.topologySpreadConstraints, `${field}.topologySpreadConstraints`, leniency, found)
  validateHostProcess(spec, field, found)
  validateHostUsers(spec, field, leniency, found)
  validateHostname(spec, `${field}.hostnameOverride`, found)
  validatePlacement(spec, field, leniency, found)
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    ipAddress(ip ?? '', `${field}.hostAliases[${index}].ip`, found)
    for (const [at, name] of hostnames.entries()) {
      complaints(subdomainName(name), name, `${field}.hostAliases[${index}].hostnames[${at}]`, found)
    }
  }
  named(spec.priorityClassName, subdomainName, `${field}.priorityClassName`, found)
  if (spec.runtimeClassName !== undefined)
    complaints(subdomainName(spec.runtimeClassName), spec.runtimeClassName, `${field}.runtimeClassName`, found)
  if (spec.preemptionPolicy !== undefined)
    oneOf(spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], `${field}.preemptionPolicy`, found)
  if (spec.overhead !== undefined) validateResources({ limits: spec.overhead }, ofContainer, `${field}.overhead`, leniency, found)
  validateSystem(spec, field, found)
  validateFileVolumes(spec, field, found)
}

function named(value: string | undefined, rule: NameRule, field: string, found: Findings): void {
  if (value) complaints(rule(value), value, field, found)
}

function validatePlacement(spec: PodSpec, field: string, leniency: PodLeniency, found: Findings): void {
  named(spec.serviceAccountName, subdomainName, `${field}.serviceAccountName`, found)
  named(spec.nodeName, subdomainName, `${field}.nodeName`, found)
  within(spec.activeDeadlineSeconds, 1, INT32_MAX, `${field}.activeDeadlineSeconds`, found)
  named(spec.hostname, dnsLabel, `${field}.hostname`, found)
  named(spec.subdomain, dnsLabel, `${field}.subdomain`, found)
  validateTolerations(spec.tolerations, `${field}.tolerations`, found, leniency)
}

const HOSTNAME_LENGTH_MAX = 64

function validateHostname(
  { hostnameOverride: name, setHostnameAsFQDN, hostNetwork }: PodSpec,
  field: string,
  found: Findings,
): void {
  if (name === undefined) return
  if (setHostnameAsFQDN) found.push(forbid(field, 'may not be specified when setHostnameAsFQDN is true'))
  if (hostNetwork) found.push(forbid(field, 'may not be specified when hostNetwork is true'))
  if (name.length > HOSTNAME_LENGTH_MAX) found.push(tooLong(field, HOSTNAME_LENGTH_MAX))
  complaints(subdomainName(name), name, field, found)
}

const readsFiles = ({ env }: Container): boolean => env?.some(({ valueFrom }) => valueFrom?.fileKeyRef !== undefined) ?? false

/** Variables come from files that containers of the same pod write. */
function validateFileVolumes(spec: PodSpec, field: string, found: Findings): void {
  if (!hasContainer(spec, readsFiles)) return
  const volumes = new Map(spec.volumes?.map((volume) => [volume.name, volume]))
  for (const [{ env = [] }, path] of visitedContainers(spec, field)) {
    for (const [index, { valueFrom }] of env.entries()) {
      if (valueFrom?.fileKeyRef === undefined) continue
      const at = `${path}.env[${index}].valueFrom.fileKeyRef.volumeName`
      const { volumeName: name = '' } = valueFrom.fileKeyRef
      const volume = volumes.get(name)
      if (volume === undefined) found.push(notFoundValue(at, name))
      else if (volume.emptyDir === undefined) found.push(invalidValue(at, name, 'referenced volume must be of type emptyDir'))
    }
  }
}

/** On the host's network a container's port is the host's. A template may leave that to the defaults of its pods. */
function validateHostPorts({ hostNetwork, containers = [] }: PodSpec, isPod: boolean, field: string, found: Findings): void {
  if (!hostNetwork) return
  for (const [index, { ports = [] }] of containers.entries()) {
    for (const [at, { hostPort = 0, containerPort = 0 }] of ports.entries()) {
      if ((isPod || hostPort !== 0) && hostPort !== containerPort) {
        const rule = 'must match `containerPort` when `hostNetwork` is true'
        found.push(invalidValue(`${field}[${index}].ports[${at}].hostPort`, hostPort, rule))
      }
    }
  }
}

const SEARCHES_MAX = 32
const SEARCH_CHARACTERS_MAX = 2048

function validateSearches(searches: readonly string[], field: string, found: Findings): void {
  if (searches.length > SEARCHES_MAX)
    found.push(invalidValue(field, searches, `must not have more than ${SEARCHES_MAX} search paths`))
  if (Buffer.byteLength(searches.join(' ')) > SEARCH_CHARACTERS_MAX) {
    const rule = `must not have more than ${SEARCH_CHARACTERS_MAX} characters (including spaces) in the search list`
    found.push(invalidValue(field, searches, rule))
  }
  for (const [index, search] of searches.entries()) {
    const domain = search.replace(/\.$/, '')
    if (search !== '.') complaints(underscoredSubdomainName(domain), domain, `${field}[${index}]`, found)
  }
}

function validateDNS({ dnsConfig, dnsPolicy }: PodSpec, field: string, found: Findings): void {
  const nameservers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    if (dnsConfig === undefined) found.push(required(field, 'must provide `dnsConfig` when `dnsPolicy` is None'))
    else found.push(required(`${field}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'))
    return
  }
  if (nameservers.length > NAMESERVERS_MAX) {
    found.push(invalidValue(`${field}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`))
  }
  for (const [index, address] of nameservers.entries()) ipAddress(address, `${field}.nameservers[${index}]`, found)
  validateSearches(dnsConfig?.searches ?? [], `${field}.searches`, found)
  for (const [index, { name }] of (dnsConfig?.options ?? []).entries()) {
    if (!name) found.push(required(`${field}.options[${index}]`, 'must not be empty'))
  }
}

function validateGates({ schedulingGates = [] }: PodSpec, field: string, found: Findings): void {
  const names = new Set<string>()
  for (const [index, { name = '' }] of schedulingGates.entries()) {
    complaints(qualifiedName(name), name, `${field}[${index}]`, found)
    if (names.has(name)) found.push(duplicateValue(`${field}[${index}]`, name))
    names.add(name)
  }
}
