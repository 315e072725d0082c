import { deepEqual } from '#base'
import { compileSelector, type LabelSelector, matches } from '#meta'
import { validatePodTemplate } from '../core/validate-pod-spec.ts'
import type { Container, Job, JobSpec, PodTemplateSpec } from '../generated/types.ts'
import { domainPrefixedPath, immutable, immutableParts, labelSelector, matchesTemplate } from '../validation/common.ts'
import {
  type Findings,
  foundBy,
  IMMUTABLE,
  invalidValue,
  nonNegative,
  optionalOneOf,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { internalForm, templateForm } from '../validation/internal-form.ts'
import { dnsLabel } from '../validation/names.ts'
import { CONTROLLER_UID, JOB_NAME, LEGACY_CONTROLLER_UID, LEGACY_JOB_NAME } from './default-job.ts'
import { failurePolicyForm, successPolicyForm, validateFailurePolicy, validateSuccessPolicy } from './validate-job-policies.ts'

/** Of pods at a time, and of failed indexes; from here on upstream's limits are stricter. */
const INDEXED_MAX = 100_000
const MANY_COMPLETIONS_LIMIT = 10_000
const MANAGED_BY_LENGTH_MAX = 63

export function validateJob(job: Job, found: Findings): void {
  validateWhole(job, true, found)
}

function validateWhole(job: Job, hasPrefixedLabels: boolean, found: Findings, old?: JobSpec): void {
  const { spec, metadata } = job
  if (!spec?.manualSelector && spec?.selector !== undefined) validateGenerated(job, spec.selector, hasPrefixedLabels, found)
  validateJobSpec(spec ?? ({} as JobSpec), 'spec', found, old)
  if (spec?.selector === undefined) found.push(required('spec.selector'))
  const before = found.length
  labelSelector(spec?.selector, 'spec.selector', found)
  if (found.length === before) matchesTemplate(spec?.selector, spec?.template, found)
  if (spec?.completionMode !== 'Indexed' || !((spec.completions ?? 0) > 0)) return
  const host = `${metadata?.name}-${spec.completions! - 1}`
  if ([...dnsLabel(host)].length > 0)
    found.push(invalidValue('metadata.name', metadata?.name, `will not able to create pod with invalid DNS label: ${host}`))
}

/** Labels that an author wrote by hand may contradict those that the server gives. */
function validateGenerated({ spec, metadata }: Job, selector: LabelSelector, hasPrefixedLabels: boolean, found: Findings): void {
  const { uid = '', name = '' } = metadata ?? {}
  if (uid === '') found.push(required('metadata.uid'))
  const labels: Record<string, string> = { [LEGACY_CONTROLLER_UID]: uid, [LEGACY_JOB_NAME]: name }
  if (hasPrefixedLabels) Object.assign(labels, { [CONTROLLER_UID]: uid, [JOB_NAME]: name })
  const own = spec?.template?.metadata?.labels ?? {}
  for (const [key, value] of Object.entries(labels)) {
    const path = `spec.template.metadata.labels[${key}]`
    if (own[key] === undefined) found.push(required(path, `must be '${value}'`))
    else if (own[key] !== value) found.push(invalidValue(path, own, `must be '${value}'`))
  }
  if (
    foundBy((own) => labelSelector(selector, '', own)).length === 0 &&
    !matches(compileSelector(structuredClone(selector)), labels)
  ) {
    found.push(invalidValue('spec.selector', selector, '`selector` not auto-generated'))
  }
}

export function validateJobSpec(spec: JobSpec, field: string, found: Findings, old?: JobSpec): void {
  const counts = ['parallelism', 'completions', 'activeDeadlineSeconds', 'backoffLimit', 'ttlSecondsAfterFinished'] as const
  for (const key of [...counts, 'backoffLimitPerIndex', 'maxFailedIndexes'] as const)
    nonNegative(spec[key], `${field}.${key}`, found)
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    found.push(required(`${field}.backoffLimitPerIndex`, 'when maxFailedIndexes is specified'))
  validateManagedBy(spec.managedBy, `${field}.managedBy`, found)
  validateCompletionMode(spec, field, found)
  validateFailurePolicy(spec, `${field}.podFailurePolicy`, found)
  validateSuccessPolicy(spec, `${field}.successPolicy`, found)
  // What a failure policy says of a pod is known only when the pod has ended.
  const replacements = spec.podFailurePolicy === undefined ? ['Failed', 'TerminatingOrFailed'] : ['Failed']
  optionalOneOf(spec.podReplacementPolicy, replacements, `${field}.podReplacementPolicy`, found)
  validatePodTemplate(spec.template, `${field}.template`, found, old?.template)
  const restart = spec.template?.spec?.restartPolicy ?? ''
  const path = `${field}.template.spec.restartPolicy`
  if (restart === 'Always' || restart === '') found.push(required(path, 'valid values: "OnFailure", "Never"'))
  else if (restart !== 'OnFailure' && restart !== 'Never') found.push(unsupported(path, restart, ['OnFailure', 'Never']))
  else if (spec.podFailurePolicy !== undefined && restart !== 'Never') {
    found.push(invalidValue(path, restart, 'only "Never" is supported when podFailurePolicy is specified'))
  }
}

function validateManagedBy(manager: string | undefined, field: string, found: Findings): void {
  if (manager === undefined) return
  domainPrefixedPath(manager, field, found)
  if (manager.length > MANAGED_BY_LENGTH_MAX) found.push(tooLong(field, MANAGED_BY_LENGTH_MAX))
}

function validateCompletionMode(spec: JobSpec, field: string, found: Findings): void {
  const { completionMode: mode = 'NonIndexed', backoffLimitPerIndex, maxFailedIndexes } = spec
  if (mode === 'Indexed') validateIndexed(spec, field, found)
  else if (mode !== 'NonIndexed') found.push(unsupported(`${field}.completionMode`, mode, ['NonIndexed', 'Indexed']))
  else {
    const rule = 'requires indexed completion mode'
    if (backoffLimitPerIndex !== undefined) found.push(invalidValue(`${field}.backoffLimitPerIndex`, backoffLimitPerIndex, rule))
    if (maxFailedIndexes !== undefined) found.push(invalidValue(`${field}.maxFailedIndexes`, maxFailedIndexes, rule))
  }
}

function validateIndexed(spec: JobSpec, field: string, found: Findings): void {
  const { completions, parallelism = 0, backoffLimitPerIndex, maxFailedIndexes } = spec
  const upTo = (limit: number | string): string => `must be less than or equal to ${limit}`
  const maxFailed = `${field}.maxFailedIndexes`
  if (completions === undefined) found.push(required(`${field}.completions`, 'when completion mode is Indexed'))
  if (parallelism > INDEXED_MAX)
    found.push(invalidValue(`${field}.parallelism`, parallelism, `${upTo(INDEXED_MAX)} when completion mode is Indexed`))
  if (maxFailedIndexes !== undefined) {
    if (completions !== undefined && maxFailedIndexes > completions)
      found.push(invalidValue(maxFailed, maxFailedIndexes, upTo('completions')))
    if (maxFailedIndexes > INDEXED_MAX) found.push(invalidValue(maxFailed, maxFailedIndexes, upTo(INDEXED_MAX)))
  }
  if (completions === undefined || backoffLimitPerIndex === undefined || completions <= INDEXED_MAX) return
  // Lists of failed indexes must fit into a status.
  const many = `${upTo(MANY_COMPLETIONS_LIMIT)} when completions are above ${INDEXED_MAX} and used with backoff limit per index`
  if (maxFailedIndexes === undefined)
    found.push(required(maxFailed, `must be specified when completions is above ${INDEXED_MAX}`))
  if (parallelism > MANY_COMPLETIONS_LIMIT) found.push(invalidValue(`${field}.parallelism`, parallelism, many))
  if (maxFailedIndexes !== undefined && maxFailedIndexes > MANY_COMPLETIONS_LIMIT)
    found.push(invalidValue(maxFailed, maxFailedIndexes, many))
}

export function validateJobUpdate(job: Job, before: Job, found: Findings): void {
  const [{ spec }, { spec: old }] = [job, before]
  const labels = old?.template?.metadata?.labels ?? {}
  // Jobs from before labels had prefixes go on without.
  validateWhole(job, labels[JOB_NAME] !== undefined && labels[CONTROLLER_UID] !== undefined, found, old)
  if (spec === undefined || old === undefined) return
  if (spec.completionMode !== 'Indexed') immutable(spec.completions, old.completions, 'spec.completions', found)
  else if (spec.completions !== undefined && spec.completions !== old.completions && spec.completions !== spec.parallelism)
    found.push(invalidValue('spec.completions', spec.completions, 'can only be modified in tandem with spec.parallelism'))
  immutable(spec.selector, old.selector, 'spec.selector', found)
  validateTemplateUpdate(spec, before, found)
  immutable(spec.completionMode, old.completionMode, 'spec.completionMode', found)
  if (!deepEqual(spec.podFailurePolicy, old.podFailurePolicy))
    found.push(invalidValue('spec.podFailurePolicy', failurePolicyForm(spec.podFailurePolicy), IMMUTABLE))
  immutableParts(spec, old, ['backoffLimitPerIndex', 'managedBy'], 'spec', found)
  if (!deepEqual(spec.successPolicy, old.successPolicy))
    found.push(invalidValue('spec.successPolicy', successPolicyForm(spec.successPolicy), IMMUTABLE))
}

/** A suspended Job of which nothing runs may still be told where to run, and with how much (KEP-5440). */
function validateTemplateUpdate(spec: JobSpec, { spec: old, status }: Job, found: Findings): void {
  const isSuspended = status?.conditions?.some(({ type, status: holds }) => type === 'Suspended' && holds === 'True')
  const isOpen = old?.suspend === true && !status?.active && (status?.startTime === undefined || isSuspended)
  if (!isOpen) {
    if (!deepEqual(spec.template, old?.template))
      found.push(invalidValue('spec.template', templateForm(spec.template), IMMUTABLE))
    return
  }
  const [now, was] = [spec.template, old.template].map((template) => withoutPlace(withoutResources(template)))
  if (!deepEqual(now, was))
    found.push(invalidValue('spec.template.spec', internalForm(spec.template.spec ?? {}, 'PodSpec'), IMMUTABLE))
}

function withoutResources(template: PodTemplateSpec | undefined): PodTemplateSpec | undefined {
  if (template?.spec === undefined) return template
  const bare = (containers: readonly Container[] | undefined): Container[] | undefined =>
    containers?.map(({ resources: _, ...rest }) => rest)
  const { containers, initContainers } = template.spec
  const spec = { ...template.spec, containers: bare(containers) ?? [] }
  return { ...template, spec: initContainers === undefined ? spec : { ...spec, initContainers: bare(initContainers)! } }
}

/** Only the pod is compared: labels and annotations are free. */
function withoutPlace(template: PodTemplateSpec | undefined): object {
  const { nodeSelector: _n, tolerations: _t, affinity, schedulingGates: _g, ...spec } = template?.spec ?? { containers: [] }
  const { nodeAffinity: _na, ...others } = affinity ?? {}
  return { ...spec, affinity: others }
}
