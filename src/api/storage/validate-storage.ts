import { deepEqual } from '#base'
import { validateInlineVolume } from '../core/validate-persistent-volume.ts'
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  TopologySelectorTerm,
  VolumeAttachment,
  VolumeError,
} from '../generated/types.ts'
import { csiDriverName, immutable, immutableParts, labelSelector, quantity } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  nonNegative,
  oneOf,
  optionalOneOf,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { qualifiedName, subdomainName } from '../validation/names.ts'

const PARAMETERS_MAX = 512
const PARAMETERS_BYTES_MAX = 256 * 1024
const NODE_ID_LENGTH_MAX = 256
const METADATA_BYTES_MAX = 256 * 1024
const MESSAGE_BYTES_MAX = 1024
const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32
const UPDATE_PERIOD_SECONDS_MIN = 10

/** A driver, as those who use it name it. */
export function* validateProvisioner(name: string | undefined, field: string): Findings {
  if (!name) yield required(field)
  else yield* complaints(qualifiedName(name.toLowerCase()), name, field)
}

export function* validateParameters(parameters: Readonly<Record<string, string>> | undefined, field: string): Findings {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > PARAMETERS_MAX) {
    yield tooLong(field, PARAMETERS_MAX)
    return
  }
  for (const [key] of entries) if (key === '') yield invalidValue(field, key, 'field can not be empty.')
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (size > PARAMETERS_BYTES_MAX) yield tooLong(field, PARAMETERS_BYTES_MAX)
}

export function* validateStorageClass(storageClass: StorageClass): Findings {
  const { reclaimPolicy } = storageClass
  yield* validateProvisioner(storageClass.provisioner, 'provisioner')
  yield* validateParameters(storageClass.parameters, 'parameters')
  if (reclaimPolicy) yield* optionalOneOf(reclaimPolicy, ['Delete', 'Retain'], 'reclaimPolicy')
  yield* oneOf(storageClass.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], 'volumeBindingMode')
  const topologies = storageClass.allowedTopologies ?? []
  for (const [index, term] of topologies.entries()) {
    const path = `allowedTopologies[${index}]`
    yield* validateTopology(term, path)
    const places = placesOf(term)
    const isKnown = topologies.slice(0, index).some((other) => deepEqual(placesOf(other), places))
    // A term without expressions is no place of its own.
    if (isKnown || Object.keys(places).length === 0) yield duplicateValue(`${path}.matchLabelExpressions`, '')
  }
}

const placesOf = ({ matchLabelExpressions }: TopologySelectorTerm): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries((matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]))

/** Volumes made by the class must mean what they meant. */
export const validateStorageClassUpdate = (now: StorageClass, old: StorageClass): Findings =>
  immutableParts(now, old, ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'], '')

function* validateTopology({ matchLabelExpressions }: TopologySelectorTerm, field: string): Findings {
  const keys = new Set<string>()
  for (const [index, { key, values = [] }] of (matchLabelExpressions ?? []).entries()) {
    const path = `${field}.matchLabelExpressions[${index}]`
    if (values.length === 0) yield required(`${path}.values`)
    for (const [at, value] of values.entries())
      if (values.indexOf(value) !== at) yield duplicateValue(`${path}.values[${at}]`, value)
    yield* complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`)
    if (keys.has(key)) yield duplicateValue(`${path}.key`, key)
    keys.add(key)
  }
}

export function* validateCSIDriver({ spec = {} }: Partial<CSIDriver>): Findings {
  // Defaults fill these; only a caller that stores past them can leave one out. Upstream spells the first path so.
  if (spec.attachRequired === undefined) yield required('spec.attachedRequired')
  if (spec.podInfoOnMount === undefined) yield required('spec.podInfoOnMount')
  if (spec.storageCapacity === undefined) yield required('spec.storageCapacity')
  yield* optionalOneOf(spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType'], 'spec.fsGroupPolicy')
  const audiences = new Set<string>()
  for (const [index, { audience, expirationSeconds: seconds }] of (spec.tokenRequests ?? []).entries()) {
    const path = `spec.tokenRequests[${index}]`
    if (audiences.has(audience)) {
      yield duplicateValue(`${path}.audience`, audience)
      continue
    }
    audiences.add(audience)
    if (seconds === undefined) continue
    if (seconds < TOKEN_SECONDS_MIN)
      yield invalidValue(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes')
    if (seconds > TOKEN_SECONDS_MAX)
      yield invalidValue(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds')
  }
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (mode !== 'Persistent' && mode !== 'Ephemeral')
      yield unsupported('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral'])
  }
  if (spec.seLinuxMount === undefined) yield required('spec.seLinuxMount')
  const period = spec.nodeAllocatableUpdatePeriodSeconds
  if (period !== undefined && period < UPDATE_PERIOD_SECONDS_MIN)
    yield invalidValue('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds')
  const inSecrets = spec.serviceAccountTokenInSecrets
  if (inSecrets !== undefined && !spec.tokenRequests?.length) {
    const rule = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'
    yield invalidValue('spec.serviceAccountTokenInSecrets', inSecrets, rule)
  }
}

export function* validateCSIDriverUpdate({ spec }: CSIDriver, { spec: old }: CSIDriver): Findings {
  yield* immutable(spec.attachRequired, old.attachRequired, 'spec.attachedRequired')
  yield* immutable(spec.volumeLifecycleModes, old.volumeLifecycleModes, 'spec.volumeLifecycleModes')
}

export function* validateCSINode({ spec }: CSINode): Findings {
  const names = new Set<string>()
  for (const [index, { name, nodeID = '', allocatable, topologyKeys = [] }] of (spec?.drivers ?? []).entries()) {
    const path = `spec.drivers[${index}]`
    yield* csiDriverName(name, `${path}.name`)
    if (nodeID === '') yield required(`${path}.nodeID`)
    if (nodeID.length > NODE_ID_LENGTH_MAX)
      yield invalidValue(`${path}.nodeID`, nodeID, `must be ${NODE_ID_LENGTH_MAX} characters or less`)
    yield* nonNegative(allocatable?.count, `${path}.allocatable.count`)
    if (names.has(name)) yield duplicateValue(`${path}.name`, name)
    names.add(name)
    for (const [at, key] of topologyKeys.entries()) {
      if (key === '') yield required(path)
      if (topologyKeys.indexOf(key) !== at) yield duplicateValue(path, key)
      yield* complaints(qualifiedName(key), key, path)
    }
  }
}

/** A driver on a node may come, go, and find another number of volumes; nothing else of it changes. */
export function* validateCSINodeUpdate({ spec }: CSINode, { spec: old }: CSINode): Findings {
  for (const before of old?.drivers ?? []) {
    const after = spec?.drivers?.find(({ name }) => name === before.name)
    if (after === undefined) continue
    const { allocatable: _now, ...now } = after
    const { allocatable: _was, ...was } = before
    if (!deepEqual(now, was)) yield invalidValue('spec.drivers', now, IMMUTABLE)
  }
}

export function* validateStorageCapacity({ nodeTopology, storageClassName, capacity }: CSIStorageCapacity): Findings {
  yield* labelSelector(nodeTopology as Parameters<typeof labelSelector>[0], 'nodeTopology')
  yield* complaints(subdomainName(storageClassName ?? ''), storageClassName ?? '', 'storageClassName')
  if (capacity !== undefined) yield* quantity(capacity, 'capacity')
}

export const validateStorageCapacityUpdate = (now: CSIStorageCapacity, old: CSIStorageCapacity): Findings =>
  immutableParts(now, old, ['nodeTopology', 'storageClassName'], '')

export function* validateVolumeAttachment({ spec: sent, status }: VolumeAttachment): Findings {
  const spec: Partial<VolumeAttachment['spec']> = sent ?? {}
  yield* csiDriverName(spec.attacher, 'spec.attacher')
  const { persistentVolumeName, inlineVolumeSpec } = spec.source ?? {}
  const rule = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
  if (persistentVolumeName === undefined && inlineVolumeSpec === undefined) yield required('spec.source', rule)
  else if (persistentVolumeName !== undefined && inlineVolumeSpec !== undefined) yield forbid('spec.source', rule)
  else if (persistentVolumeName === '')
    yield required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName')
  else if (inlineVolumeSpec !== undefined) yield* validateInlineVolume(inlineVolumeSpec, 'spec.source.inlineVolumeSpec')
  yield* complaints(subdomainName(spec.nodeName ?? ''), spec.nodeName ?? '', 'spec.nodeName')
  const metadata = Object.entries(status?.attachmentMetadata ?? {})
  const size = metadata.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (size > METADATA_BYTES_MAX) yield tooLong('status.attachmentMetadata', METADATA_BYTES_MAX)
  yield* validateError(status?.attachError, 'status.attachError')
  yield* validateError(status?.detachError, 'status.detachError')
  if (persistentVolumeName !== undefined)
    yield* complaints(subdomainName(persistentVolumeName), persistentVolumeName, 'spec.source.persistentVolumeName')
}

function* validateError(error: VolumeError | undefined, field: string): Findings {
  if (Buffer.byteLength(error?.message ?? '') > MESSAGE_BYTES_MAX) yield tooLong(`${field}.message`, METADATA_BYTES_MAX)
  if (error?.errorCode !== undefined && error.errorCode < 0)
    yield invalidValue(`${field}.errorCode`, error.errorCode, 'must be between 0 and 2147483647, inclusive')
}
