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
export function validateProvisioner(name: string | undefined, field: string, found: Findings): void {
  if (!name) found.push(required(field))
  else complaints(qualifiedName(name.toLowerCase()), name, field, found)
}

export function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  field: string,
  found: Findings,
): void {
  const entries = Object.entries(parameters ?? {})
  if (entries.length > PARAMETERS_MAX) {
    found.push(tooLong(field, PARAMETERS_MAX))
    return
  }
  for (const [key] of entries) if (key === '') found.push(invalidValue(field, key, 'field can not be empty.'))
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (size > PARAMETERS_BYTES_MAX) found.push(tooLong(field, PARAMETERS_BYTES_MAX))
}

export function validateStorageClass(storageClass: StorageClass, found: Findings): void {
  const { reclaimPolicy } = storageClass
  validateProvisioner(storageClass.provisioner, 'provisioner', found)
  validateParameters(storageClass.parameters, 'parameters', found)
  if (reclaimPolicy) optionalOneOf(reclaimPolicy, ['Delete', 'Retain'], 'reclaimPolicy', found)
  oneOf(storageClass.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], 'volumeBindingMode', found)
  const topologies = storageClass.allowedTopologies ?? []
  for (const [index, term] of topologies.entries()) {
    const path = `allowedTopologies[${index}]`
    validateTopology(term, path, found)
    const places = placesOf(term)
    const isKnown = topologies.slice(0, index).some((other) => deepEqual(placesOf(other), places))
    // A term without expressions is no place of its own.
    if (isKnown || Object.keys(places).length === 0) found.push(duplicateValue(`${path}.matchLabelExpressions`, ''))
  }
}

const placesOf = ({ matchLabelExpressions }: TopologySelectorTerm): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries((matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]))

/** Volumes made by the class must mean what they meant. */
export const validateStorageClassUpdate = (now: StorageClass, old: StorageClass, found: Findings): void =>
  immutableParts(now, old, ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'], '', found)

function validateTopology({ matchLabelExpressions }: TopologySelectorTerm, field: string, found: Findings): void {
  const keys = new Set<string>()
  for (const [index, { key, values = [] }] of (matchLabelExpressions ?? []).entries()) {
    const path = `${field}.matchLabelExpressions[${index}]`
    if (values.length === 0) found.push(required(`${path}.values`))
    for (const [at, value] of values.entries())
      if (values.indexOf(value) !== at) found.push(duplicateValue(`${path}.values[${at}]`, value))
    complaints(qualifiedName(key ?? ''), key ?? '', `${path}.key`, found)
    if (keys.has(key)) found.push(duplicateValue(`${path}.key`, key))
    keys.add(key)
  }
}

export function validateCSIDriver({ spec = {} }: Partial<CSIDriver>, found: Findings): void {
  // Defaults fill these; only a caller that stores past them can leave one out. Upstream spells the first path so.
  if (spec.attachRequired === undefined) found.push(required('spec.attachedRequired'))
  if (spec.podInfoOnMount === undefined) found.push(required('spec.podInfoOnMount'))
  if (spec.storageCapacity === undefined) found.push(required('spec.storageCapacity'))
  optionalOneOf(spec.fsGroupPolicy, ['File', 'None', 'ReadWriteOnceWithFSType'], 'spec.fsGroupPolicy', found)
  const audiences = new Set<string>()
  for (const [index, { audience, expirationSeconds: seconds }] of (spec.tokenRequests ?? []).entries()) {
    const path = `spec.tokenRequests[${index}]`
    if (audiences.has(audience)) {
      found.push(duplicateValue(`${path}.audience`, audience))
      continue
    }
    audiences.add(audience)
    if (seconds === undefined) continue
    if (seconds < TOKEN_SECONDS_MIN)
      found.push(invalidValue(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'))
    if (seconds > TOKEN_SECONDS_MAX)
      found.push(invalidValue(`${path}.expirationSeconds`, seconds, 'may not specify a duration larger than 2^32 seconds'))
  }
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (mode !== 'Persistent' && mode !== 'Ephemeral')
      found.push(unsupported('spec.volumeLifecycleModes', mode, ['Persistent', 'Ephemeral']))
  }
  if (spec.seLinuxMount === undefined) found.push(required('spec.seLinuxMount'))
  const period = spec.nodeAllocatableUpdatePeriodSeconds
  if (period !== undefined && period < UPDATE_PERIOD_SECONDS_MIN)
    found.push(invalidValue('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'))
  const inSecrets = spec.serviceAccountTokenInSecrets
  if (inSecrets !== undefined && !spec.tokenRequests?.length) {
    const rule = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified'
    found.push(invalidValue('spec.serviceAccountTokenInSecrets', inSecrets, rule))
  }
}

export function validateCSIDriverUpdate({ spec }: CSIDriver, { spec: old }: CSIDriver, found: Findings): void {
  immutable(spec.attachRequired, old.attachRequired, 'spec.attachedRequired', found)
  immutable(spec.volumeLifecycleModes, old.volumeLifecycleModes, 'spec.volumeLifecycleModes', found)
}

export function validateCSINode({ spec }: CSINode, found: Findings): void {
  const names = new Set<string>()
  for (const [index, { name, nodeID = '', allocatable, topologyKeys = [] }] of (spec?.drivers ?? []).entries()) {
    const path = `spec.drivers[${index}]`
    csiDriverName(name, `${path}.name`, found)
    if (nodeID === '') found.push(required(`${path}.nodeID`))
    if (nodeID.length > NODE_ID_LENGTH_MAX)
      found.push(invalidValue(`${path}.nodeID`, nodeID, `must be ${NODE_ID_LENGTH_MAX} characters or less`))
    nonNegative(allocatable?.count, `${path}.allocatable.count`, found)
    if (names.has(name)) found.push(duplicateValue(`${path}.name`, name))
    names.add(name)
    for (const [at, key] of topologyKeys.entries()) {
      if (key === '') found.push(required(path))
      if (topologyKeys.indexOf(key) !== at) found.push(duplicateValue(path, key))
      complaints(qualifiedName(key), key, path, found)
    }
  }
}

/** A driver on a node may come, go, and find another number of volumes; nothing else of it changes. */
export function validateCSINodeUpdate({ spec }: CSINode, { spec: old }: CSINode, found: Findings): void {
  for (const before of old?.drivers ?? []) {
    const after = spec?.drivers?.find(({ name }) => name === before.name)
    if (after === undefined) continue
    const { allocatable: _now, ...now } = after
    const { allocatable: _was, ...was } = before
    if (!deepEqual(now, was)) found.push(invalidValue('spec.drivers', now, IMMUTABLE))
  }
}

export function validateStorageCapacity({ nodeTopology, storageClassName, capacity }: CSIStorageCapacity, found: Findings): void {
  labelSelector(nodeTopology as Parameters<typeof labelSelector>[0], 'nodeTopology', found)
  complaints(subdomainName(storageClassName ?? ''), storageClassName ?? '', 'storageClassName', found)
  if (capacity !== undefined) quantity(capacity, 'capacity', found)
}

export const validateStorageCapacityUpdate = (now: CSIStorageCapacity, old: CSIStorageCapacity, found: Findings): void =>
  immutableParts(now, old, ['nodeTopology', 'storageClassName'], '', found)

export function validateVolumeAttachment({ spec: sent, status }: VolumeAttachment, found: Findings): void {
  const spec: Partial<VolumeAttachment['spec']> = sent ?? {}
  csiDriverName(spec.attacher, 'spec.attacher', found)
  const { persistentVolumeName, inlineVolumeSpec } = spec.source ?? {}
  const rule = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'
  if (persistentVolumeName === undefined && inlineVolumeSpec === undefined) found.push(required('spec.source', rule))
  else if (persistentVolumeName !== undefined && inlineVolumeSpec !== undefined) found.push(forbid('spec.source', rule))
  else if (persistentVolumeName === '')
    found.push(required('spec.source.persistentVolumeName', 'must specify non empty persistentVolumeName'))
  else if (inlineVolumeSpec !== undefined) validateInlineVolume(inlineVolumeSpec, 'spec.source.inlineVolumeSpec', found)
  complaints(subdomainName(spec.nodeName ?? ''), spec.nodeName ?? '', 'spec.nodeName', found)
  const metadata = Object.entries(status?.attachmentMetadata ?? {})
  const size = metadata.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0)
  if (size > METADATA_BYTES_MAX) found.push(tooLong('status.attachmentMetadata', METADATA_BYTES_MAX))
  validateError(status?.attachError, 'status.attachError', found)
  validateError(status?.detachError, 'status.detachError', found)
  if (persistentVolumeName !== undefined)
    complaints(subdomainName(persistentVolumeName), persistentVolumeName, 'spec.source.persistentVolumeName', found)
}

function validateError(error: VolumeError | undefined, field: string, found: Findings): void {
  if (Buffer.byteLength(error?.message ?? '') > MESSAGE_BYTES_MAX) found.push(tooLong(`${field}.message`, METADATA_BYTES_MAX))
  if (error?.errorCode !== undefined && error.errorCode < 0)
    found.push(invalidValue(`${field}.errorCode`, error.errorCode, 'must be between 0 and 2147483647, inclusive'))
}
