import { deepEqual } from '#base'
import { compareQuantities, isQuantity, parseQuantity } from '#meta'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from '../generated/types.ts'
import { immutable, labelSelector, quantity } from '../validation/common.ts'
import { complaints, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']
export const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

export function* validateClaim({ spec = {} }: PersistentVolumeClaim): Findings {
  yield* validateClaimSpec(spec, 'spec')
}

export function* validateClaimSpec(spec: PersistentVolumeClaimSpec, field: string): Findings {
  if (!spec.accessModes?.length) yield required(`${field}.accessModes`, 'at least 1 access mode is required')
  yield* labelSelector(spec.selector, `${field}.selector`)
  yield* accessModes(spec.accessModes, `${field}.accessModes`)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) yield required(`${field}.resources[storage]`)
  else yield* positive(storage, `${field}.resources[storage]`)
  yield* className(spec.storageClassName, `${field}.storageClassName`)
  yield* volumeMode(spec.volumeMode, `${field}.volumeMode`)
  yield* validateSources(spec, field)
  yield* className(spec.volumeAttributesClassName, `${field}.volumeAttributesClassName`)
}

export function* accessModes(modes: readonly string[] | undefined, field: string): Findings {
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) yield unsupported(field, mode, ACCESS_MODES)
  const known = new Set(modes?.filter((mode) => ACCESS_MODES.includes(mode)))
  if (known.has('ReadWriteOncePod') && known.size > 1) {
    yield forbid(field, 'may not use ReadWriteOncePod with other access modes')
  }
}

export function* volumeMode(mode: string | undefined, field: string): Findings {
  if (mode !== undefined && !VOLUME_MODES.includes(mode)) yield unsupported(field, mode, VOLUME_MODES)
}

/** Of a StorageClass or VolumeAttributesClass. */
export function* className(name: string | undefined, field: string): Findings {
  if (name) yield* complaints(subdomainName(name), name, field)
}

export function* positive(value: string, field: string): Findings {
  if (!isQuantity(value)) yield* quantity(value, field)
  else if (compareQuantities(value, '0') <= 0) yield invalidValue(field, value, 'must be greater than zero')
}

/** One source under two names: the older one can't say a namespace. */
function* validateSources({ dataSource, dataSourceRef }: PersistentVolumeClaimSpec, field: string): Findings {
  if (dataSource) yield* validateSource(dataSource, `${field}.dataSource`)
  if (dataSourceRef) {
    const path = `${field}.dataSourceRef`
    yield* validateSource(dataSourceRef, path)
    const { namespace } = dataSourceRef
    if (namespace) yield* complaints(dnsLabel(namespace), namespace, `${path}.namespace`)
  }
  if (!dataSource || !dataSourceRef) return
  const { namespace, ...reference } = dataSourceRef
  if (namespace) yield invalidValue(field, {}, 'may not be specified when dataSourceRef.namespace is specified')
  else if (!deepEqual(dataSource, reference)) yield invalidValue(field, {}, 'must match dataSourceRef')
}

function* validateSource({ apiGroup, kind, name }: TypedObjectReference, field: string): Findings {
  if (!name) yield required(`${field}.name`)
  if (!kind) yield required(`${field}.kind`)
  if (apiGroup) yield* complaints(subdomainName(apiGroup), apiGroup, `${field}.apiGroup`)
  else if (kind !== 'PersistentVolumeClaim') {
    yield invalidValue(field, kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup")
  }
}

/** A claim is a promise about one volume: it may grow, change its attributes, and be bound once. */
export function* validateClaimUpdate(claim: PersistentVolumeClaim, before: PersistentVolumeClaim): Findings {
  const [{ spec = {} }, { spec: old = {} }] = [claim, before]
  const [annotated, wasAnnotated] = [claim, before].map(({ metadata }) => metadata?.annotations?.[CLASS_ANNOTATION])
  const takesOver = wasAnnotated !== undefined && !old.storageClassName && spec.storageClassName === wasAnnotated
  if (!(takesOver && (annotated === undefined || annotated === wasAnnotated)) && annotated !== wasAnnotated) {
    yield invalidValue(`metadata.annotations[${CLASS_ANNOTATION}]`, annotated ?? '', 'field is immutable')
  }
  const isBound = claim.status?.phase === 'Bound'
  if (!deepEqual(fixedPart(spec, old, isBound, takesOver), fixedPart(old, old, isBound, takesOver))) {
    const rule = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    yield forbid('spec', rule)
  }
  const [now, was] = [spec.resources?.requests?.['storage'] ?? '0', old.resources?.requests?.['storage'] ?? '0']
  const actual = before.status?.capacity?.['storage'] ?? '0'
  // Who asked for more than there is may ask for less again, but for more than there was.
  if (isQuantity(now) && compareQuantities(now, was) < 0 && compareQuantities(now, actual) <= 0) {
    yield forbid('spec.resources.requests.storage', 'field can not be less than status.capacity')
  }
  yield* immutable(spec.volumeMode, old.volumeMode, 'volumeMode')
  if (old.volumeAttributesClassName === undefined || spec.volumeAttributesClassName === old.volumeAttributesClassName) return
  const path = 'spec.volumeAttributesClassName'
  if (spec.volumeAttributesClassName === undefined) yield forbid(path, 'update from non-nil value to nil is forbidden')
  else if (spec.volumeAttributesClassName === '') yield forbid(path, 'update from non-nil value to an empty string is forbidden')
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

export function* validateClaimStatus({ spec, status = {} }: PersistentVolumeClaim): Findings {
  if (!spec?.accessModes?.length) yield required('Spec.accessModes')
  for (const [name, value] of Object.entries(status.capacity ?? {})) yield* basicAmount(value, `status.capacity[${name}]`)
  const states = 'status.allocatedResourceStatuses'
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    yield* resourceKey(name, states)
    if (!RESIZE_STATES.includes(state)) yield unsupported(states, name, RESIZE_STATES)
  }
  for (const [name, value] of Object.entries(status.allocatedResources ?? {})) {
    const own = [...resourceKey(name, 'status.allocatedResources')]
    yield* own
    if (own.length === 0) yield* basicAmount(value, `status.allocatedResources[${name}]`)
  }
}

export function* basicAmount(value: string, field: string): Findings {
  if (compareQuantities(value, '0') < 0) yield invalidValue(field, value, 'must be a valid resource quantity')
}

/** Of Kubernetes' own resources a volume has storage only. */
function* resourceKey(name: string, field: string): Findings {
  const own = [...complaints(qualifiedName(name), name, field)]
  yield* own
  if (own.length === 0 && (!name.includes('/') || name.includes('kubernetes.io/')) && name !== 'storage')
    yield unsupported(field, name, ['storage'])
}
