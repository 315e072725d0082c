import { deepEqual } from '#base'
import { compareQuantities, isQuantity, parseQuantity } from '#meta'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from '../generated/types.ts'
import { immutable, labelSelector, quantity } from '../validation/common.ts'
import { complaints, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']
export const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

export function validateClaim({ spec = {} }: PersistentVolumeClaim, found: Findings): void {
  validateClaimSpec(spec, 'spec', found)
}

export function validateClaimSpec(spec: PersistentVolumeClaimSpec, field: string, found: Findings): void {
  if (!spec.accessModes?.length) found.push(required(`${field}.accessModes`, 'at least 1 access mode is required'))
  labelSelector(spec.selector, `${field}.selector`, found)
  accessModes(spec.accessModes, `${field}.accessModes`, found)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) found.push(required(`${field}.resources[storage]`))
  else positive(storage, `${field}.resources[storage]`, found)
  className(spec.storageClassName, `${field}.storageClassName`, found)
  volumeMode(spec.volumeMode, `${field}.volumeMode`, found)
  validateSources(spec, field, found)
  className(spec.volumeAttributesClassName, `${field}.volumeAttributesClassName`, found)
}

export function accessModes(modes: readonly string[] | undefined, field: string, found: Findings): void {
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) found.push(unsupported(field, mode, ACCESS_MODES))
  const known = new Set(modes?.filter((mode) => ACCESS_MODES.includes(mode)))
  if (known.has('ReadWriteOncePod') && known.size > 1) {
    found.push(forbid(field, 'may not use ReadWriteOncePod with other access modes'))
  }
}

export function volumeMode(mode: string | undefined, field: string, found: Findings): void {
  if (mode !== undefined && !VOLUME_MODES.includes(mode)) found.push(unsupported(field, mode, VOLUME_MODES))
}

/** Of a StorageClass or VolumeAttributesClass. */
export function className(name: string | undefined, field: string, found: Findings): void {
  if (name) complaints(subdomainName(name), name, field, found)
}

export function positive(value: string, field: string, found: Findings): void {
  if (!isQuantity(value)) quantity(value, field, found)
  else if (compareQuantities(value, '0') <= 0) found.push(invalidValue(field, value, 'must be greater than zero'))
}

/** One source under two names: the older one can't say a namespace. */
function validateSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, field: string, found: Findings): void {
  if (dataSource) validateSource(dataSource, `${field}.dataSource`, found)
  if (dataSourceRef) {
    const path = `${field}.dataSourceRef`
    validateSource(dataSourceRef, path, found)
    const { namespace } = dataSourceRef
    if (namespace) complaints(dnsLabel(namespace), namespace, `${path}.namespace`, found)
  }
  if (!dataSource || !dataSourceRef) return
  const { namespace, ...reference } = dataSourceRef
  if (namespace) found.push(invalidValue(field, {}, 'may not be specified when dataSourceRef.namespace is specified'))
  else if (!deepEqual(dataSource, reference)) found.push(invalidValue(field, {}, 'must match dataSourceRef'))
}

function validateSource({ apiGroup, kind, name }: TypedObjectReference, field: string, found: Findings): void {
  if (!name) found.push(required(`${field}.name`))
  if (!kind) found.push(required(`${field}.kind`))
  if (apiGroup) complaints(subdomainName(apiGroup), apiGroup, `${field}.apiGroup`, found)
  else if (kind !== 'PersistentVolumeClaim') {
    found.push(invalidValue(field, kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
  }
}

/** A claim is a promise about one volume: it may grow, change its attributes, and be bound once. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, before: PersistentVolumeClaim, found: Findings): void {
  const [{ spec = {} }, { spec: old = {} }] = [claim, before]
  const [annotated, wasAnnotated] = [claim, before].map(({ metadata }) => metadata?.annotations?.[CLASS_ANNOTATION])
  const takesOver = wasAnnotated !== undefined && !old.storageClassName && spec.storageClassName === wasAnnotated
  if (!(takesOver && (annotated === undefined || annotated === wasAnnotated)) && annotated !== wasAnnotated) {
    found.push(invalidValue(`metadata.annotations[${CLASS_ANNOTATION}]`, annotated ?? '', 'field is immutable'))
  }
  const isBound = claim.status?.phase === 'Bound'
  if (!deepEqual(fixedPart(spec, old, isBound, takesOver), fixedPart(old, old, isBound, takesOver))) {
    const rule = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    found.push(forbid('spec', rule))
  }
  const [now, was] = [spec.resources?.requests?.['storage'] ?? '0', old.resources?.requests?.['storage'] ?? '0']
  const actual = before.status?.capacity?.['storage'] ?? '0'
  // Who asked for more than there is may ask for less again, but for more than there was.
  if (isQuantity(now) && compareQuantities(now, was) < 0 && compareQuantities(now, actual) <= 0) {
    found.push(forbid('spec.resources.requests.storage', 'field can not be less than status.capacity'))
  }
  immutable(spec.volumeMode, old.volumeMode, 'volumeMode', found)
  if (old.volumeAttributesClassName === undefined || spec.volumeAttributesClassName === old.volumeAttributesClassName) return
  const path = 'spec.volumeAttributesClassName'
  if (spec.volumeAttributesClassName === undefined) found.push(forbid(path, 'update from non-nil value to nil is forbidden'))
  else if (spec.volumeAttributesClassName === '')
    found.push(forbid(path, 'update from non-nil value to an empty string is forbidden'))
}

/** A claim's spec, or that of its past, without what may differ between `spec` and `old` of the same claim. */
function fixedPart(
  { storageClassName, volumeName, volumeAttributesClassName: attributes, resources, ...rest }: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec,
  isBound: boolean,
  takesOver: boolean,
): object {
  const { requests, ...others } = resources ?? {}
  const { storage, ...more } = requests ?? {}
  return {
    ...rest,
    // The binder names the volume, and a class is given to a claim without one, once.
    ...(old.volumeName && { volumeName }),
    ...(old.storageClassName !== undefined && !takesOver && { storageClassName }),
    ...(!(isBound && attributes !== undefined) && { attributes }),
    resources: { ...others, ...more, ...(!isBound && { storage: storage && parseQuantity(storage).nanos }) },
  }
}

const RESIZE_STATES = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
]

export function validateClaimStatus({ spec, status = {} }: PersistentVolumeClaim, found: Findings): void {
  if (!spec?.accessModes?.length) found.push(required('Spec.accessModes'))
  for (const [name, value] of Object.entries(status.capacity ?? {})) basicAmount(value, `status.capacity[${name}]`, found)
  const states = 'status.allocatedResourceStatuses'
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    resourceKey(name, states, found)
    if (!RESIZE_STATES.includes(state)) found.push(unsupported(states, name, RESIZE_STATES))
  }
  for (const [name, value] of Object.entries(status.allocatedResources ?? {})) {
    const before = found.length
    resourceKey(name, 'status.allocatedResources', found)
    if (found.length === before) basicAmount(value, `status.allocatedResources[${name}]`, found)
  }
}

export function basicAmount(value: string, field: string, found: Findings): void {
  if (compareQuantities(value, '0') < 0) found.push(invalidValue(field, value, 'must be a valid resource quantity'))
}

/** Of Kubernetes' own resources a volume has storage only. */
function resourceKey(name: string, field: string, found: Findings): void {
  const before = found.length
  complaints(qualifiedName(name), name, field, found)
  if (found.length === before && (!name.includes('/') || name.includes('kubernetes.io/')) && name !== 'storage')
    found.push(unsupported(field, name, ['storage']))
}
