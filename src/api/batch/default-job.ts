import { defaultPodTemplate } from '../core/default-pod.ts'
import type { Job, JobSpec, PodFailurePolicy } from '../generated/types.ts'

const BACKOFF_LIMIT = 6
const INT32_MAX = 2_147_483_647

export function defaultJob(draft: Job): void {
  const spec = (draft.spec ??= {} as JobSpec)
  if (spec.completions === undefined && spec.parallelism === undefined) {
    spec.completions = 1
    spec.parallelism = 1
  }
  spec.parallelism ??= 1
  // With a limit for each index, the limit for the whole is out of the way unless asked for.
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? BACKOFF_LIMIT : INT32_MAX
  labelLikeTemplate(draft)
  spec.completionMode ||= 'NonIndexed'
  spec.suspend ??= false
  spec.manualSelector ??= false
  spec.podReplacementPolicy ||= spec.podFailurePolicy === undefined ? 'TerminatingOrFailed' : 'Failed'
  defaultFailurePolicy(spec.podFailurePolicy)
  defaultPodTemplate((spec.template ??= {}))
  draft.status ??= {}
}

/** A Job without labels has its pods' labels, those that were generated included. */
function labelLikeTemplate({ metadata, spec }: Job): void {
  const labels = spec?.template?.metadata?.labels ?? {}
  if (metadata === undefined || Object.keys(metadata.labels ?? {}).length > 0 || Object.keys(labels).length === 0) return
  metadata.labels = { ...labels }
}

export function defaultFailurePolicy(policy: PodFailurePolicy | undefined): void {
  for (const { onPodConditions } of policy?.rules ?? []) for (const pattern of onPodConditions ?? []) pattern.status ||= 'True'
}

export const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid'
export const JOB_NAME = 'batch.kubernetes.io/job-name'
/** Names of the same labels from before labels had prefixes; still written. */
export const LEGACY_CONTROLLER_UID = 'controller-uid'
export const LEGACY_JOB_NAME = 'job-name'

/** A Job selects by its own uid, so that it never takes pods of another, unless its author insists on a selector. */
export function generateSelector(draft: Job): void {
  const { spec, metadata } = draft
  if (spec?.template === undefined || spec.manualSelector || !metadata?.uid) return
  const template = (spec.template.metadata ??= {})
  const labels = (template.labels ??= {})
  labels[LEGACY_CONTROLLER_UID] ??= metadata.uid
  labels[CONTROLLER_UID] ??= metadata.uid
  labels[LEGACY_JOB_NAME] ??= metadata.name ?? ''
  labels[JOB_NAME] ??= metadata.name ?? ''
  spec.selector ??= {}
  const matchLabels = (spec.selector.matchLabels ??= {})
  matchLabels[CONTROLLER_UID] ??= metadata.uid
  labelLikeTemplate(draft)
}
