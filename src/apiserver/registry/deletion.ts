import type { ResourceDefinition } from '#api'
import { failure, formatTime, type KubernetesObject } from '#meta'

export interface Preconditions {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
}

export interface DeleteRequest {
  readonly gracePeriodSeconds?: number | undefined
  readonly propagationPolicy?: string | undefined
  readonly preconditions?: Preconditions | undefined
  readonly dryRun: boolean
}

const FOREGROUND = 'foregroundDeletion'
const ORPHAN = 'orphan'

/** `now`: may go at once; `pending`: someone (a kubelet) must finish first; `unchanged`: an earlier delete already says so. */
export function markDeleted(
  resource: ResourceDefinition,
  object: KubernetesObject,
  options: DeleteRequest,
  nowMs: number,
): 'now' | 'pending' | 'unchanged' {
  const metadata = object.metadata!
  const natural = resource.gracePeriodSeconds(object)
  // A natural grace of zero (a pod without a node, a finished one) can't be prolonged by a wish.
  let grace = natural === undefined || natural === 0 ? 0 : Math.max(0, options.gracePeriodSeconds ?? natural)
  if (natural !== undefined && natural > 0 && (options.gracePeriodSeconds ?? 0) < 0) grace = 1
  if (metadata.deletionTimestamp !== undefined) {
    const remaining = metadata.deletionGracePeriodSeconds ?? 0
    if (remaining > 0 && grace >= remaining && natural !== 0) return 'unchanged'
    if (grace < remaining) {
      const startedMs = Date.parse(metadata.deletionTimestamp) - remaining * 1000
      metadata.deletionTimestamp = formatTime(Math.max(startedMs + grace * 1000, grace === 0 ? nowMs : 0))
      metadata.deletionGracePeriodSeconds = grace
    }
    return grace > 0 ? 'pending' : 'now'
  }
  metadata.deletionTimestamp = formatTime(nowMs + grace * 1000)
  metadata.deletionGracePeriodSeconds = grace
  if (metadata.generation !== undefined && metadata.generation > 0) metadata.generation++
  return grace > 0 ? 'pending' : 'now'
}

/** The finalizers that ask the garbage collector to wait for, or to release, what the object owns. */
export function setPropagation(object: KubernetesObject, policy: string | undefined, resource: ResourceDefinition): void {
  const metadata = object.metadata!
  const had = metadata.finalizers ?? []
  const others = had.filter((finalizer) => finalizer !== FOREGROUND && finalizer !== ORPHAN)
  let wanted: string | undefined
  if (policy === 'Foreground') wanted = FOREGROUND
  else if (policy === 'Orphan') wanted = ORPHAN
  else if (policy === undefined)
    wanted =
      had.find((finalizer) => finalizer === FOREGROUND || finalizer === ORPHAN) ??
      (resource.defaultPropagation === 'Orphan' ? ORPHAN : undefined)
  const finalizers = wanted === undefined ? others : [...others, wanted]
  if (finalizers.length > 0) metadata.finalizers = finalizers
  else delete metadata.finalizers
}

/** Refuses an unknown policy before anything is read. */
export function checkPropagationPolicy(policy: string | undefined): void {
  if (policy === undefined || ['Foreground', 'Background', 'Orphan'].includes(policy)) return
  throw failure(
    422,
    'Invalid',
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "${policy}": must be one of "Foreground", "Background", "Orphan" or nil`,
    {
      group: 'meta.k8s.io',
      kind: 'DeleteOptions',
      causes: [{ reason: 'FieldValueInvalid', field: 'propagationPolicy', message: `Invalid value: "${policy}"` }],
    },
  )
}
