import type { KubernetesObject, ObjectMeta } from '#meta'
import type { Container, Pod, PodAffinityTerm, PodSpec, PodTemplateSpec } from '../generated/types.ts'
import { addressWarnings } from '../validation/addresses.ts'
import { dnsLabel } from '../validation/names.ts'
import { expressionWarnings, labelDeprecation, termWarnings } from './node-label-warnings.ts'
import { visitedContainers } from './pod-facts.ts'
import { portWarnings } from './port-warnings.ts'
import { fractionWarnings } from './storage-warnings.ts'
import { podVolumeWarnings } from './volume-warnings.ts'

/** Nobody reads what is said of a change of a pod, which programs make. */
export function* podWarnings({ metadata, spec }: Pod, old: Pod | undefined): Iterable<string> {
  if (old !== undefined) return
  const name = metadata?.name ?? ''
  const problems = [...dnsLabel(name)]
  if (problems.length > 0) {
    yield `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`
  }
  yield* specWarnings(spec, metadata, '')
}

/** A name that pods, and so hosts, get a part of. */
export function* podNameWarnings({ metadata }: KubernetesObject, old: KubernetesObject | undefined): Iterable<string> {
  if (old !== undefined) return
  const problems = [...dnsLabel(metadata?.name ?? '')]
  if (problems.length === 0) return
  yield `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`
}

/** What upstream warns of in a template that it accepts, when the object that has it is new or changed. */
export function* templateWarnings(
  template: PodTemplateSpec | undefined,
  field: string,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
): Iterable<string> {
  if (old !== undefined && old.metadata?.generation === object.metadata?.generation) return
  yield* specWarnings(template?.spec, template?.metadata, `${field}.`)
}

const ANNOTATIONS: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
}
const SECCOMP = 'seccomp.security.alpha.kubernetes.io/pod'
const CONTAINER_SECCOMP = 'container.seccomp.security.alpha.kubernetes.io/'
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/'
const IN_BYTES = ['memory', 'ephemeral-storage']

/** `at` is what comes before `spec` and `metadata`. */
function* specWarnings(spec: PodSpec | undefined, metadata: ObjectMeta | undefined, at: string): Iterable<string> {
  if (spec === undefined) return
  const annotations = metadata?.annotations ?? {}
  const annotation = (key: string, detail: string): Iterable<string> =>
    annotations[key] === undefined ? [] : [`${at}metadata.annotations[${key}]: ${detail}`]
  yield* placementWarnings(spec, `${at}spec`)
  for (const [key, detail] of Object.entries(ANNOTATIONS)) yield* annotation(key, detail)
  yield* podVolumeWarnings(spec.volumes ?? [], `${at}spec.volumes`)
  yield* repeated(spec.hostAliases, 'ip', `${at}spec.hostAliases`)
  yield* repeated(spec.imagePullSecrets, 'name', `${at}spec.imagePullSecrets`)
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries())
    if (!name) yield `${at}spec.imagePullSecrets[${index}].name: invalid empty name ""`
  yield* fractionWarnings(spec.overhead, IN_BYTES, `${at}spec.overhead`)
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead'
  const { seccompProfile, appArmorProfile } = spec.securityContext ?? {}
  if (seccompProfile === undefined) yield* annotation(SECCOMP, seccomp)
  for (const [container, path] of visitedContainers(spec, `${at}spec`)) {
    const own = container.securityContext
    if (own?.seccompProfile === undefined) yield* annotation(`${CONTAINER_SECCOMP}${container.name}`, seccomp)
    if (appArmorProfile === undefined && own?.appArmorProfile === undefined)
      yield* annotation(`${APP_ARMOR}${container.name}`, 'deprecated since v1.30; use the "appArmorProfile" field instead')
    yield* containerWarnings(container, path)
  }
  yield* portWarnings(visitedContainers(spec, `${at}spec`))
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    yield `${at}spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`
  yield* affinityWarnings(spec, `${at}spec.affinity`)
  for (const [index, ip] of (spec.dnsConfig?.nameservers ?? []).entries())
    yield* addressWarnings(ip, `${at}spec.dnsConfig.nameservers[${index}]`)
  for (const [index, { ip }] of (spec.hostAliases ?? []).entries())
    yield* addressWarnings(ip, `${at}spec.hostAliases[${index}].ip`)
}

export function* podStatusWarnings({ status }: Pod): Iterable<string> {
  for (const list of ['podIPs', 'hostIPs'] as const)
    for (const [index, { ip }] of (status?.[list] ?? []).entries()) yield* addressWarnings(ip, `status.${list}[${index}].ip`)
}

function* placementWarnings(spec: PodSpec, field: string): Iterable<string> {
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const deprecation = labelDeprecation(key)
    if (deprecation !== undefined) yield `${field}.nodeSelector[${key}]: ${deprecation}`
  }
  const { requiredDuringSchedulingIgnoredDuringExecution: needed, preferredDuringSchedulingIgnoredDuringExecution: wished } =
    spec.affinity?.nodeAffinity ?? {}
  const path = `${field}.affinity.nodeAffinity`
  yield* termWarnings(needed?.nodeSelectorTerms, `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`)
  for (const [index, { preference }] of (wished ?? []).entries()) {
    const at = `${path}.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`
    yield* expressionWarnings(preference?.matchExpressions, `${at}.matchExpressions`, { checksValues: true })
  }
  for (const [index, { topologyKey, labelSelector }] of (spec.topologySpreadConstraints ?? []).entries()) {
    const at = `${field}.topologySpreadConstraints[${index}]`
    const deprecation = labelDeprecation(topologyKey)
    if (deprecation !== undefined) yield `${at}.topologyKey: ${topologyKey} is ${deprecation}`
    if (labelSelector === undefined) yield `${at}.labelSelector: ${NO_POD}`
  }
}

const NO_POD = 'a null labelSelector results in matching no pod'

function* affinityWarnings({ affinity }: PodSpec, field: string): Iterable<string> {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const { requiredDuringSchedulingIgnoredDuringExecution: needed, preferredDuringSchedulingIgnoredDuringExecution: wished } =
      affinity?.[kind] ?? {}
    const said = function* (terms: readonly (PodAffinityTerm | undefined)[], path: string, part: string): Iterable<string> {
      for (const [index, term] of terms.entries())
        if (term?.labelSelector === undefined) yield `${path}[${index}].${part}labelSelector: ${NO_POD}`
    }
    yield* said(needed ?? [], `${field}.${kind}.requiredDuringSchedulingIgnoredDuringExecution`, '')
    const terms = (wished ?? []).map(({ podAffinityTerm }) => podAffinityTerm)
    yield* said(terms, `${field}.${kind}.preferredDuringSchedulingIgnoredDuringExecution`, 'podAffinityTerm.')
  }
}

/** Lists that merge by a key, of which only the last entry would be left. */
function* repeated<K extends string>(
  list: readonly Partial<Record<K, string>>[] | undefined,
  key: K,
  field: string,
): Iterable<string> {
  const seen = new Set<string>()
  for (const [index, item] of (list ?? []).entries()) {
    const value = item[key] ?? ''
    if (seen.has(value)) yield `${field}[${index}].${key}: duplicate ${key} "${value}"`
    seen.add(value)
  }
}

function* containerWarnings({ env, resources }: Container, field: string): Iterable<string> {
  for (const name of IN_BYTES) {
    for (const list of ['limits', 'requests'] as const)
      yield* fractionWarnings(resources?.[list], [name], `${field}.resources.${list}`)
  }
  const seen = new Set<string>()
  for (const [index, { name, value = '', valueFrom }] of (env ?? []).entries()) {
    const reference = `$(${name})`
    // To lengthen what was there before is a use of it.
    const isLonger = valueFrom === undefined && value !== reference && value.includes(reference)
    if (seen.has(name) && !isLonger)
      yield `${field}.env[${index}]: hides previous definition of "${name}", which may be dropped when using apply`
    seen.add(name)
  }
}
