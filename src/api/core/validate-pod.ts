import { deepClone, deepEqual } from '#base'
import type { ValidationContext } from '../definition.ts'
import type { Container, NodeSelectorTerm, Pod, PodSpec, Toleration } from '../generated/types.ts'
import { type Findings, forbid, invalidValue, required, within } from '../validation/findings.ts'
import { differenceOf, internalForm } from '../validation/internal-form.ts'
import { leniencyOf } from './pod-leniency.ts'
import { untrimmedImage } from './validate-container.ts'
import { validateAnnotationChange, validatePodAnnotations, validateProfiles } from './validate-pod-annotations.ts'
import { validatePodSpec } from './validate-pod-spec.ts'
import { validateTolerations } from './validate-scheduling.ts'

export function validatePod(pod: Pod, found: Findings, { isNew = false, old }: ValidationContext<Pod>): void {
  validateMetadataAndSpec(pod, found, old)
  if (!isNew) return
  const { metadata, spec = {} as PodSpec } = pod
  if (spec.ephemeralContainers?.length) found.push(forbid('spec.ephemeralContainers', 'cannot be set on create'))
  if (spec.nodeName && spec.schedulingGates?.length)
    found.push(forbid('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'))
  if (metadata?.annotations !== undefined) validateProfiles(metadata.annotations, spec, 'spec', found)
}

/** What every write of a pod's spec is checked by, whichever way it comes. */
export function validateMetadataAndSpec({ metadata, spec = {} as PodSpec }: Pod, found: Findings, old?: Pod): void {
  if (metadata?.annotations !== undefined)
    validatePodAnnotations(metadata.annotations, spec, 'metadata.annotations', found, old?.metadata?.annotations)
  validatePodSpec(spec, metadata ?? {}, 'spec', leniencyOf(old?.spec), found)
  if (!spec.serviceAccountName) tokensWithoutAccount(spec, found)
  for (const key of ['containers', 'initContainers'] as const)
    for (const [index, { image }] of (spec[key] ?? []).entries()) untrimmedImage(image, `spec.${key}[${index}]`, found)
}

function tokensWithoutAccount({ volumes = [] }: PodSpec, found: Findings): void {
  for (const [index, { projected }] of volumes.entries()) {
    for (const [at, { serviceAccountToken }] of (projected?.sources ?? []).entries()) {
      const path = `spec.volumes[${index}].projected.sources[${at}].serviceAccountToken`
      if (serviceAccountToken !== undefined) found.push(forbid(path, 'must not be specified when serviceAccountName is not set'))
    }
  }
}

const INT32_MAX = 2_147_483_647

const UPDATABLE =
  '`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)'

/** A pod's spec is what its node works by: nearly all of it stands. */
export function validatePodUpdate(pod: Pod, old: Pod, found: Findings): void {
  const [spec, before] = [pod.spec ?? ({} as PodSpec), old.spec ?? ({} as PodSpec)]
  const [now, was] = [pod.metadata?.annotations, old.metadata?.annotations]
  if (now !== was) validateAnnotationChange(now, was, 'metadata.annotations', found)
  if (now !== undefined) validatePodAnnotations(now, spec, 'metadata.annotations', found, was)
  if (!sameContainers(spec, before, found)) return
  if (!validateDeadline(spec.activeDeadlineSeconds, before.activeDeadlineSeconds, found)) return
  onlyAddedTolerations(spec.tolerations, before, found)
  onlyRemovedGates(spec, before, found)
  if (spec === before) return
  if (before.schedulingGates?.length) onlyNarrowed(spec, before, found)
  const munged = withUpdatable(spec, before)
  if (deepEqual(munged, before)) return
  const rule = `pod updates may not change fields other than ${UPDATABLE}`
  found.push(forbid('spec', `${rule}\n${differenceOf(munged, before, 'PodSpec')}`))
}

/** Whether there is anything more to compare. */
function sameContainers(spec: PodSpec, before: PodSpec, found: Findings): boolean {
  for (const key of ['containers', 'initContainers'] as const) {
    const [now, was] = [spec[key] ?? [], before[key] ?? []]
    if (now.length !== was.length) {
      found.push(forbid(`spec.${key}`, 'pod updates may not add or remove containers'))
      return false
    }
    for (const [index, { image }] of now.entries()) {
      if (!image) found.push(required(`spec.${key}[${index}].image`))
      untrimmedImage(image, `spec.${key}[${index}]`, found)
    }
  }
  return true
}

/** Whether there is anything more to compare. */
function validateDeadline(now: number | undefined, was: number | undefined, found: Findings): boolean {
  const field = 'spec.activeDeadlineSeconds'
  if (now === undefined) {
    if (was !== undefined) found.push(invalidValue(field, null, 'must not update from a positive integer to nil value'))
    return true
  }
  const before = found.length
  within(now, 0, INT32_MAX, field, found)
  if (found.length === before && was !== undefined && now > was)
    found.push(invalidValue(field, now, 'must be less than or equal to previous value'))
  return found.length === before
}

/** As long as gates keep the scheduler off, the pod may become choosier, and nothing else. */
function onlyNarrowed(spec: PodSpec, before: PodSpec, found: Findings): void {
  const kept = Object.entries(before.nodeSelector ?? {}).every(([key, value]) => spec.nodeSelector?.[key] === value)
  if (!kept) {
    const rule = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)'
    found.push(invalidValue('spec.nodeSelector', spec.nodeSelector ?? null, rule))
  }
  const termsOf = ({ affinity }: PodSpec): readonly NodeSelectorTerm[] =>
    affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []
  const [now, was] = [termsOf(spec), termsOf(before)]
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms'
  if (was.length > 0 && now.length !== was.length) {
    found.push(
      invalidValue(
        path,
        now.length === 0 ? null : now.map((term) => internalForm(term, 'NodeSelectorTerm')),
        'no additions/deletions to non-empty NodeSelectorTerms list are allowed',
      ),
    )
    return
  }
  for (const [index, term] of was.entries()) {
    if (!isNarrowed(now[index]!, term))
      found.push(
        invalidValue(
          `${path}[${index}]`,
          internalForm(now[index]!, 'NodeSelectorTerm'),
          'only additions are allowed (no mutations or deletions)',
        ),
      )
  }
}

/** A term of nothing selects nothing; whatever is added to it would select more. */
function isNarrowed(now: NodeSelectorTerm, was: NodeSelectorTerm): boolean {
  const lists = (['matchExpressions', 'matchFields'] as const).map((key) => [now[key] ?? [], was[key] ?? []] as const)
  if (lists.every(([, before]) => before.length === 0)) return lists.every(([after]) => after.length === 0)
  return lists.every(([after, before]) => deepEqual(after.slice(0, before.length), before))
}

function onlyRemovedGates(spec: PodSpec, before: PodSpec, found: Findings): void {
  const had = new Set(before.schedulingGates?.map(({ name }) => name))
  for (const [index, { name }] of (spec.schedulingGates ?? []).entries()) {
    const rule = `only deletion is allowed, but found new scheduling gate '${name}'`
    if (!had.has(name)) found.push(forbid(`spec.schedulingGates[${index}].name`, rule))
  }
}

const withoutSeconds = ({ tolerationSeconds: _, ...rest }: Toleration): Toleration => rest

function onlyAddedTolerations(now: readonly Toleration[] = [], before: PodSpec, found: Findings): void {
  const was = before.tolerations ?? []
  const kept = was.every((old) => now.some((each) => deepEqual(withoutSeconds(each), withoutSeconds(old))))
  if (!kept) found.push(forbid('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'))
  else if (now !== was) validateTolerations(now, 'spec.tolerations', found, leniencyOf(before))
}

/** The new spec with everything that may change put back: what still differs is not allowed. */
function withUpdatable(spec: PodSpec, before: PodSpec): PodSpec {
  const copy = deepClone(spec)
  for (const key of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (copy[key] ?? []).entries()) restoreImage(container, before[key]?.[index])
  }
  restore(copy, before, 'activeDeadlineSeconds')
  restore(copy, before, 'tolerations')
  restore(copy, before, 'schedulingGates')
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1) {
    restore(copy, before, 'terminationGracePeriodSeconds')
  }
  // Said of above.
  if (before.schedulingGates?.length) {
    restore(copy, before, 'nodeSelector')
    const { nodeAffinity: _, ...others } = copy.affinity ?? {}
    const nodeAffinity = before.affinity?.nodeAffinity
    const affinity = { ...others, ...(nodeAffinity !== undefined && { nodeAffinity }) }
    if (Object.keys(affinity).length > 0) copy.affinity = affinity
    else if (before.affinity === undefined) delete copy.affinity
    else copy.affinity = {}
  }
  return copy
}

function restoreImage(container: Container, before: Container | undefined): void {
  if (before?.image !== undefined) container.image = before.image
}

function restore<K extends keyof PodSpec>(copy: PodSpec, before: PodSpec, key: K): void {
  if (before[key] === undefined) delete copy[key]
  else copy[key] = before[key]
}
