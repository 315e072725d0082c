import type { KubernetesObject, ObjectMeta } from '#meta'
import type { Affinity, Container, EnvVar, Pod, PodAffinityTerm, PodSpec, PodTemplateSpec } from '../generated/types.ts'
import { addressWarnings } from '../validation/ip.ts'
import { dnsLabel, NONE } from '../validation/names.ts'
import { expressionWarnings, labelDeprecation, termWarnings } from './node-label-warnings.ts'
import { CONTAINER_LISTS } from './pod-facts.ts'
import { portWarnings } from './port-warnings.ts'
import { APP_ARMOR, APP_ARMOR_DETAIL, CONTAINER_SECCOMP, POD_SECCOMP } from './profile-annotations.ts'
import { fractionWarning } from './storage-warnings.ts'
import { podVolumeWarnings } from './volume-warnings.ts'

/** Nobody reads what is said of a change of a pod, which programs make. */
export function podWarnings({ metadata, spec }: Pod, old: Pod | undefined, warnings: string[]): void {
  if (old !== undefined) return
  const name = metadata?.name ?? ''
  const problems = dnsLabel(name)
  if (problems !== NONE) {
    warnings.push(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${[...problems].join(' ')}]`,
    )
  }
  specWarnings(spec, metadata, '', warnings)
}

/** A name that pods, and so hosts, get a part of. */
export function podNameWarnings({ metadata }: KubernetesObject, old: KubernetesObject | undefined, warnings: string[]): void {
  if (old !== undefined) return
  const problems = [...dnsLabel(metadata?.name ?? '')]
  if (problems.length === 0) return
  warnings.push(
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`,
  )
}

/** What upstream warns of in a template that it accepts, when the object that has it is new or changed. */
export function templateWarnings(
  template: PodTemplateSpec | undefined,
  field: string,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  warnings: string[],
): void {
  if (old !== undefined && old.metadata?.generation === object.metadata?.generation) return
  specWarnings(template?.spec, template?.metadata, `${field}.`, warnings)
}

const ANNOTATIONS = Object.entries({
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
})
const SECCOMP_DETAIL = 'non-functional in v1.27+; use the "seccompProfile" field instead'
const IN_BYTES = ['memory', 'ephemeral-storage'] as const

/** `at` is what comes before `spec` and `metadata`. */
function specWarnings(spec: PodSpec | undefined, metadata: ObjectMeta | undefined, at: string, warnings: string[]): void {
  if (spec === undefined) return
  const field = `${at}spec`
  const { annotations } = metadata ?? {}
  placementWarnings(spec, field, warnings)
  for (const [key, detail] of ANNOTATIONS) annotationWarning(annotations, key, detail, at, warnings)
  if (spec.volumes !== undefined) podVolumeWarnings(spec.volumes, `${field}.volumes`, warnings)
  repeated(spec.hostAliases, 'ip', `${field}.hostAliases`, warnings)
  repeated(spec.imagePullSecrets, 'name', `${field}.imagePullSecrets`, warnings)
  for (const [index, { name }] of (spec.imagePullSecrets ?? NONE).entries())
    if (!name) warnings.push(`${field}.imagePullSecrets[${index}].name: invalid empty name ""`)
  if (spec.overhead !== undefined)
    for (const name of IN_BYTES) fractionWarning(spec.overhead, name, `${field}.overhead`, warnings)
  if (spec.securityContext?.seccompProfile === undefined)
    annotationWarning(annotations, POD_SECCOMP, SECCOMP_DETAIL, at, warnings)
  for (const list of CONTAINER_LISTS) {
    for (const [index, container] of ((spec[list] ?? NONE) as readonly Container[]).entries()) {
      if (annotations !== undefined) profileWarnings(container, annotations, at, warnings)
      containerWarnings(container, `${field}.${list}[${index}]`, warnings)
    }
  }
  portWarnings(spec, field, warnings)
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(`${field}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`)
  if (spec.affinity !== undefined) affinityWarnings(spec.affinity, `${field}.affinity`, warnings)
  for (const [index, ip] of (spec.dnsConfig?.nameservers ?? NONE).entries())
    addressWarnings(ip, `${field}.dnsConfig.nameservers[${index}]`, warnings)
  for (const [index, { ip }] of (spec.hostAliases ?? NONE).entries())
    addressWarnings(ip, `${field}.hostAliases[${index}].ip`, warnings)
}

type Annotations = Readonly<Record<string, string>>

function annotationWarning(
  annotations: Annotations | undefined,
  key: string,
  detail: string,
  at: string,
  warnings: string[],
): void {
  if (annotations?.[key] !== undefined) warnings.push(`${at}metadata.annotations[${key}]: ${detail}`)
}

/** Annotations that once named the profiles of a container, which has fields for them now. */
function profileWarnings({ name, securityContext }: Container, annotations: Annotations, at: string, warnings: string[]): void {
  if (securityContext?.seccompProfile === undefined)
    annotationWarning(annotations, `${CONTAINER_SECCOMP}${name}`, SECCOMP_DETAIL, at, warnings)
  // Of a pod it is told when the field is made of it.
  if (at !== '' && securityContext?.appArmorProfile === undefined)
    annotationWarning(annotations, `${APP_ARMOR}${name}`, APP_ARMOR_DETAIL, at, warnings)
}

export function podStatusWarnings({ status }: Pod, warnings: string[]): void {
  for (const list of ['podIPs', 'hostIPs'] as const)
    for (const [index, { ip }] of (status?.[list] ?? []).entries()) addressWarnings(ip, `status.${list}[${index}].ip`, warnings)
}

function placementWarnings(spec: PodSpec, field: string, warnings: string[]): void {
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const deprecation = labelDeprecation(key)
    if (deprecation !== undefined) warnings.push(`${field}.nodeSelector[${key}]: ${deprecation}`)
  }
  const { requiredDuringSchedulingIgnoredDuringExecution: needed, preferredDuringSchedulingIgnoredDuringExecution: wished } =
    spec.affinity?.nodeAffinity ?? {}
  const path = `${field}.affinity.nodeAffinity`
  termWarnings(needed?.nodeSelectorTerms, `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`, warnings)
  for (const [index, { preference }] of (wished ?? []).entries()) {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`
    expressionWarnings(preference?.matchExpressions, `${at}.matchExpressions`, { checksValues: true }, warnings)
  }
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const at = `${field}.topologySpreadConstraints[${index}]`
    const deprecation = labelDeprecation(topologyKey)
    if (deprecation !== undefined) warnings.push(`${at}.topologyKey: ${topologyKey} is ${deprecation}`)
    if (labelSelector === undefined) warnings.push(`${at}.labelSelector: ${NO_POD}`)
  }
}

const NO_POD = 'a null labelSelector results in matching no pod'

function affinityWarnings(affinity: Affinity, field: string, warnings: string[]): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const { requiredDuringSchedulingIgnoredDuringExecution: needed, preferredDuringSchedulingIgnoredDuringExecution: wished } =
      affinity[kind] ?? {}
    const said = (terms: readonly (PodAffinityTerm | undefined)[], path: string, part: string, warnings: string[]): void => {
      for (const [index, term] of terms.entries())
        if (term?.labelSelector === undefined) warnings.push(`${path}[${index}].${part}labelSelector: ${NO_POD}`)
    }
    said(needed ?? [], `${field}.${kind}.requiredDuringSchedulingIgnoredDuringExecution`, '', warnings)
    const terms = (wished ?? []).map(({ podAffinityTerm }) => podAffinityTerm)
    said(terms, `${field}.${kind}.preferredDuringSchedulingIgnoredDuringExecution`, 'podAffinityTerm.', warnings)
  }
}

/** Lists that merge by a key, of which only the last entry would be left. */
function repeated<K extends string>(
  list: readonly Partial<Record<K, string>>[] | undefined,
  key: K,
  field: string,
  warnings: string[],
): void {
  if (list === undefined || list.length < 2) return
  const seen = new Set<string>()
  for (const [index, item] of list.entries()) {
    const value = item[key] ?? ''
    if (seen.has(value)) warnings.push(`${field}[${index}].${key}: duplicate ${key} "${value}"`)
    seen.add(value)
  }
}

function containerWarnings({ env, resources }: Container, field: string, warnings: string[]): void {
  for (const name of IN_BYTES) {
    fractionWarning(resources?.limits, name, `${field}.resources.limits`, warnings)
    fractionWarning(resources?.requests, name, `${field}.resources.requests`, warnings)
  }
  if (env === undefined || env.length < 2) return
  const seen = new Set<string>()
  for (const [index, variable] of env.entries()) {
    if (seen.has(variable.name) && !isLonger(variable))
      warnings.push(
        `${field}.env[${index}]: hides previous definition of "${variable.name}", which may be dropped when using apply`,
      )
    seen.add(variable.name)
  }
}

/** To lengthen what was there before is a use of it. */
function isLonger({ name, value = '', valueFrom }: EnvVar): boolean {
  const reference = `$(${name})`
  return valueFrom === undefined && value !== reference && value.includes(reference)
}
