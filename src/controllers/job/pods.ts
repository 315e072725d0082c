import { isPodTerminating, type Job, jobs, type Pod } from '#api'
import { deepClone } from '#base'
import { controllerReference } from '../framework/index.ts'

/** Holds a finished pod until its outcome is on record. */
export const TRACKING = 'batch.kubernetes.io/job-tracking'
export const INDEX = 'batch.kubernetes.io/job-completion-index'
/** How often the index failed before this pod; failures that a policy ignores are counted apart. */
const FAILURES = 'batch.kubernetes.io/job-index-failure-count'
const IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count'
const GENERATED_PREFIX_LENGTH_MAX = 58

export const isIndexed = ({ spec }: Job): boolean => spec?.completionMode === 'Indexed'

export const hasLimitPerIndex = (job: Job): boolean => isIndexed(job) && job.spec?.backoffLimitPerIndex !== undefined

/** Whether a pod is replaced only once it has ended, and not as soon as it is told to. */
export const replacesOnlyFailed = ({ spec }: Job): boolean =>
  spec?.podReplacementPolicy === 'Failed' || (spec?.podReplacementPolicy === undefined && spec?.podFailurePolicy !== undefined)

export const isTracked = (pod: Pod): boolean => !released.has(pod) && (pod.metadata?.finalizers?.includes(TRACKING) ?? false)

/** Versions of pods whose finalizer is gone by now, though the cache does not show it yet: what was counted is not counted again. */
const released = new WeakSet<Pod>()

export const markReleased = (pod: Pod): void => void released.add(pod)

export const hasSucceeded = ({ status }: Pod): boolean => status?.phase === 'Succeeded'

/** Failed, or (unless only failed pods are replaced) told to go before it could end. */
export const hasFailed = (pod: Pod, job: Job): boolean =>
  pod.status?.phase === 'Failed' || (!replacesOnlyFailed(job) && isPodTerminating(pod) && !hasSucceeded(pod))

/** The completion index, or undefined when there is none below `completions`. */
export function indexOf({ metadata }: Pod, job: Job): number | undefined {
  const text = metadata?.annotations?.[INDEX] ?? ''
  const index = Number(text)
  return /^\d+$/.test(text) && index < (job.spec?.completions ?? 0) ? index : undefined
}

const count = ({ metadata }: Pod, annotation: string): number => Number(metadata?.annotations?.[annotation] ?? 0) || 0

/** Failures of this pod's index before it that count towards the limit. */
export const failuresBefore = (pod: Pod): number => count(pod, FAILURES)

/** All failures of this pod's index before it. */
export const allFailuresBefore = (pod: Pod): number => count(pod, FAILURES) + count(pod, IGNORED_FAILURES)

/** When a pod ended, as well as can be known, in milliseconds since the epoch. */
export function finishedAtMs({ metadata, status }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ''))
  if (ends.length > 0 && ends.every(Number.isFinite)) return Math.max(...ends)
  const unready = status?.conditions?.find(({ type, status: is }) => type === 'Ready' && is === 'False')?.lastTransitionTime
  if (unready !== undefined) return Date.parse(unready)
  const deleted = Date.parse(metadata?.deletionTimestamp ?? '')
  if (Number.isFinite(deleted)) return deleted - (metadata?.deletionGracePeriodSeconds ?? 0) * 1000
  return Date.parse(metadata?.creationTimestamp ?? '') || 0
}

export interface IndexedPod {
  readonly index: number
  /** The last failed pod of this index, and whether its failure counts. */
  readonly replaces?: { readonly pod: Pod; readonly counts: boolean } | undefined
}

/** A pod of the job; one of an Indexed job finds its number in its annotation, label, environment and host name. */
export function podFor(job: Job, suffix: string, indexed?: IndexedPod): Pod {
  const template = deepClone(job.spec!.template!)
  const { name = '', namespace = '' } = job.metadata ?? {}
  const spec = template.spec!
  const prefix = prefixOf(name, indexed?.index)
  const own: Record<string, string> = indexed === undefined ? {} : { [INDEX]: String(indexed.index) }
  const labels = { ...template.metadata?.labels, ...own }
  const annotations = {
    ...template.metadata?.annotations,
    ...own,
    ...(hasLimitPerIndex(job) && failureCounts(indexed?.replaces)),
  }
  const finalizers = template.metadata?.finalizers ?? []
  if (indexed !== undefined) {
    spec.hostname = `${name}-${indexed.index}`
    for (const container of [...(spec.initContainers ?? []), ...spec.containers]) addIndexVariable(container)
  }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      name: prefix + suffix,
      namespace,
      labels,
      ...(Object.keys(annotations).length > 0 && { annotations }),
      finalizers: finalizers.includes(TRACKING) ? finalizers : [...finalizers, TRACKING],
      ownerReferences: [controllerReference(job, jobs as never)],
    },
    spec,
  }
}

/** The index is never what a long name loses. */
function prefixOf(name: string, index: number | undefined): string {
  const tail = index === undefined ? '-' : `-${index}-`
  if (index === undefined) return `${name}-`.slice(0, GENERATED_PREFIX_LENGTH_MAX)
  return name.slice(0, GENERATED_PREFIX_LENGTH_MAX - tail.length) + tail
}

function failureCounts(replaces: IndexedPod['replaces']): Record<string, string> {
  if (replaces === undefined) return { [FAILURES]: '0' }
  const failures = failuresBefore(replaces.pod) + (replaces.counts ? 1 : 0)
  const ignored = count(replaces.pod, IGNORED_FAILURES) + (replaces.counts ? 0 : 1)
  return { [FAILURES]: String(failures), ...(ignored > 0 && { [IGNORED_FAILURES]: String(ignored) }) }
}

function addIndexVariable(container: NonNullable<Pod['spec']>['containers'][number]): void {
  const name = 'JOB_COMPLETION_INDEX'
  if (container.env?.some((each) => each.name === name)) return
  const variable = { name, valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: `metadata.labels['${INDEX}']` } } }
  container.env = [...(container.env ?? []), variable]
}
