import type { PodSpec, PodTemplateSpec } from '../generated/types.ts'
import { ipAddress, labels, quantity } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  oneOf,
  optionalOneOf,
  required,
  within,
} from '../validation/findings.ts'
import { dnsLabel, qualifiedName, subdomainName, sysctlName } from '../validation/names.ts'
import { userId, validateContainers } from './validate-container.ts'
import { validateAffinity, validateSpread, validateTolerations } from './validate-scheduling.ts'
import { validateVolumes } from './validate-volume.ts'

const INT32_MAX = 2_147_483_647
const NAMESERVERS_MAX = 3

export function* validatePodTemplate(template: PodTemplateSpec | undefined, field: string): Findings {
  yield* labels(template?.metadata?.labels, `${field}.labels`)
  for (const key of Object.keys(template?.metadata?.annotations ?? {})) {
    yield* complaints(qualifiedName(key.toLowerCase()), key, `${field}.annotations`)
  }
  yield* validatePodSpec(template?.spec ?? ({} as PodSpec), `${field}.spec`)
}

export function* validatePodSpec(spec: PodSpec, field: string): Findings {
  yield* validateVolumes(spec.volumes, `${field}.volumes`)
  yield* validateContainers(spec, field)
  yield* oneOf(spec.restartPolicy, ['Always', 'Never', 'OnFailure'], `${field}.restartPolicy`)
  yield* oneOf(spec.dnsPolicy, ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'], `${field}.dnsPolicy`)
  yield* labels(spec.nodeSelector, `${field}.nodeSelector`)
  yield* validateSecurity(spec, `${field}.securityContext`)
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries()) {
    if (!name) yield required(`${field}.imagePullSecrets[${index}].name`)
  }
  yield* validateAffinity(spec.affinity, `${field}.affinity`)
  yield* validateDNS(spec, `${field}.dnsConfig`)
  for (const [index, { conditionType }] of (spec.readinessGates ?? []).entries()) {
    yield* complaints(qualifiedName(conditionType ?? ''), conditionType, `${field}.readinessGates[${index}].conditionType`)
  }
  yield* validateGates(spec, `${field}.schedulingGates`)
  yield* validateSpread(spec.topologySpreadConstraints, `${field}.topologySpreadConstraints`)
  yield* validateNames(spec, field)
  yield* within(spec.activeDeadlineSeconds, 1, INT32_MAX, `${field}.activeDeadlineSeconds`)
  yield* validateTolerations(spec.tolerations, `${field}.tolerations`)
  for (const [index, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    yield* ipAddress(ip ?? '', `${field}.hostAliases[${index}].ip`)
    for (const [at, name] of hostnames.entries()) {
      yield* complaints(subdomainName(name), name, `${field}.hostAliases[${index}].hostnames[${at}]`)
    }
  }
  yield* optionalOneOf(spec.preemptionPolicy, ['Never', 'PreemptLowerPriority'], `${field}.preemptionPolicy`)
  for (const [name, value] of Object.entries(spec.overhead ?? {})) yield* quantity(value, `${field}.overhead[${name}]`)
  if (spec.os !== undefined) yield* oneOf(spec.os.name, ['linux', 'windows'], `${field}.os.name`)
}

function* validateNames(spec: PodSpec, field: string): Findings {
  const check = (value: string | undefined, key: string, rule = subdomainName): Findings =>
    value ? complaints(rule(value), value, `${field}.${key}`) : []
  yield* check(spec.serviceAccountName, 'serviceAccountName')
  yield* check(spec.nodeName, 'nodeName')
  yield* check(spec.hostname, 'hostname', dnsLabel)
  yield* check(spec.subdomain, 'subdomain', dnsLabel)
  yield* check(spec.priorityClassName, 'priorityClassName')
  yield* check(spec.runtimeClassName, 'runtimeClassName')
}

function* validateSecurity({ securityContext, hostPID, shareProcessNamespace }: PodSpec, field: string): Findings {
  if (securityContext === undefined) return
  yield* userId(securityContext.runAsUser, `${field}.runAsUser`)
  yield* userId(securityContext.runAsGroup, `${field}.runAsGroup`)
  yield* userId(securityContext.fsGroup, `${field}.fsGroup`)
  for (const [index, group] of (securityContext.supplementalGroups ?? []).entries()) {
    yield* userId(group, `${field}.supplementalGroups[${index}]`)
  }
  yield* optionalOneOf(securityContext.fsGroupChangePolicy, ['Always', 'OnRootMismatch'], `${field}.fsGroupChangePolicy`)
  if (hostPID && shareProcessNamespace) {
    yield invalidValue(`${field}.shareProcessNamespace`, true, 'ShareProcessNamespace and HostPID cannot both be enabled')
  }
  const names = new Set<string>()
  for (const [index, { name }] of (securityContext.sysctls ?? []).entries()) {
    const path = `${field}.sysctls[${index}].name`
    if (!name) yield required(path)
    else yield* complaints(sysctlName(name), name, path)
    if (name && names.has(name)) yield duplicateValue(path, name)
    names.add(name)
  }
}

function* validateDNS({ dnsConfig, dnsPolicy }: PodSpec, field: string): Findings {
  const nameservers = dnsConfig?.nameservers ?? []
  if (dnsPolicy === 'None' && nameservers.length === 0) {
    yield required(
      dnsConfig === undefined ? field : `${field}.nameservers`,
      dnsConfig === undefined
        ? 'must provide `dnsConfig` when `dnsPolicy` is None'
        : 'must provide at least one DNS nameserver when `dnsPolicy` is None',
    )
  }
  if (nameservers.length > NAMESERVERS_MAX) {
    yield invalidValue(`${field}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`)
  }
  for (const [index, address] of nameservers.entries()) yield* ipAddress(address, `${field}.nameservers[${index}]`)
  for (const [index, { name }] of (dnsConfig?.options ?? []).entries()) {
    if (!name) yield required(`${field}.options[${index}]`, 'must not be empty')
  }
}

function* validateGates({ schedulingGates }: PodSpec, field: string): Findings {
  const names = new Set<string>()
  for (const [index, { name }] of (schedulingGates ?? []).entries()) {
    if (names.has(name)) yield duplicateValue(`${field}[${index}].name`, name)
    names.add(name)
    yield* complaints(qualifiedName(name ?? ''), name, `${field}[${index}]`)
  }
}
