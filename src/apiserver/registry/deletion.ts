import { asJson, invalidValue, type ResourceDefinition, unsupported } from '#api'
import { conflict, type FieldError, formatTime, invalid, type KubernetesObject } from '#meta'
import { dryRunErrors } from './field-management.ts'

export interface Preconditions {
  readonly uid?: string | undefined
  readonly resourceVersion?: string | undefined
}

/** As a body says it, or a query. */
export interface DeleteOptions {
  readonly gracePeriodSeconds?: number | undefined
  readonly propagationPolicy?: string | undefined
  readonly orphanDependents?: boolean | undefined
  readonly preconditions?: Preconditions | undefined
  readonly dryRun?: readonly string[] | undefined
}

export interface DeleteRequest {
  readonly gracePeriodSeconds?: number | undefined
  readonly propagationPolicy?: string | undefined
  readonly preconditions?: Preconditions | undefined
  readonly dryRun: boolean
  /** Whether an object that stays a while is answered as accepted. */
  readonly isAccepted?: boolean | undefined
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

const POLICIES = ['Foreground', 'Background', 'Orphan', 'nil']

/** Refuses options of a delete that mean nothing, before anything is read. Upstream's order and wording. */
export function checkDeleteOptions(options: DeleteOptions): void {
  const { propagationPolicy: policy, orphanDependents, dryRun = [] } = options
  const errors: FieldError[] = []
  if (orphanDependents !== undefined && policy !== undefined) {
    const rule = 'orphanDependents and deletionPropagation cannot be both set'
    errors.push(invalidValue('propagationPolicy', asJson(policy), rule))
  }
  if (policy !== undefined && (policy === 'nil' || !POLICIES.includes(policy)))
    errors.push(unsupported('propagationPolicy', asJson(policy), POLICIES))
  errors.push(...dryRunErrors(dryRun))
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors)
}

/** A delete that means one certain object, or one certain state of it, must find that. */
export function checkDeletePreconditions(
  resource: ResourceDefinition,
  { metadata }: KubernetesObject,
  preconditions: Preconditions | undefined,
): void {
  const { uid, resourceVersion, name = '' } = metadata ?? {}
  // Upstream names the kind here, not the resource.
  const kind = { group: resource.group, names: { plural: resource.kind } }
  if (preconditions?.uid && preconditions.uid !== uid) {
    const why = `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`
    throw conflict(kind, name, why)
  }
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion) {
    const why = `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`
    throw conflict(kind, name, why)
  }
}
