import { deepEqual } from '#base'
import { compareQuantities, isQuantity, parseQuantity } from '#meta'
import type { ValidationContext } from '../definition.ts'
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec, TypedObjectReference } from '../generated/types.ts'
import { immutable, labelSelector, quantity } from '../validation/common.ts'
import {
  complaints,
  type Findings,
  forbid,
  foundBy,
  IMMUTABLE,
  invalidValue,
  lenient,
  required,
  unsupported,
} from '../validation/findings.ts'
import { differenceOf } from '../validation/internal-form.ts'
import { dnsLabel, qualifiedName, subdomainName } from '../validation/names.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']
export const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class'

export function validateClaim(
  { spec = {} }: PersistentVolumeClaim,
  found: Findings,
  { old }: ValidationContext<PersistentVolumeClaim>,
): void {
  validateClaimSpec(spec, 'spec', found, old?.spec)
}

/** With `old`, what an update finds: what was wrong with it before there was a rule may stay. */
export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  field: string,
  found: Findings,
  old?: PersistentVolumeClaimSpec,
): void {
  if (!spec.accessModes?.length) found.push(required(`${field}.accessModes`, 'at least 1 access mode is required'))
  lenient(
    () => foundBy((own) => labelSelector(old?.selector, '', own)).length > 0,
    (own) => labelSelector(spec.selector, `${field}.selector`, own),
    (own) => labelSelector(spec.selector, `${field}.selector`, own, true),
    found,
  )
  accessModes(spec.accessModes, `${field}.accessModes`, found)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) found.push(required(`${field}.resources[storage]`))
  else positive(storage, `${field}.resources[storage]`, found)
  className(spec.storageClassName, `${field}.storageClassName`, found)
  volumeMode(spec.volumeMode, `${field}.volumeMode`, found)
  validateSources(spec, field, hasAnyGroup(old), found)
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

/** A group that was there may stay whatever it is. */
const hasAnyGroup = (old: PersistentVolumeClaimSpec | undefined): boolean =>
  old?.dataSource?.apiGroup !== undefined || old?.dataSourceRef?.apiGroup !== undefined

/** One source under two names: the older one can't say a namespace. */
function validateSources(
  { dataSource, dataSourceRef }: PersistentVolumeClaimSpec,
  field: string,
  anyGroup: boolean,
  found: Findings,
): void {
  if (dataSource) validateSource(dataSource, `${field}.dataSource`, anyGroup, found)
  if (dataSourceRef) {
    const path = `${field}.dataSourceRef`
    validateSource(dataSourceRef, path, anyGroup, found)
    const { namespace } = dataSourceRef
    if (namespace) complaints(dnsLabel(namespace), namespace, `${path}.namespace`, found)
  }
  if (!dataSource || !dataSourceRef) return
  const { namespace, ...reference } = dataSourceRef
  // Upstream shows the path, which as JSON is nothing.
  if (namespace) found.push(invalidValue(field, {}, 'may not be specified when dataSourceRef.namespace is specified'))
  else if (!deepEqual(dataSource, reference)) found.push(invalidValue(field, {}, 'must match dataSourceRef'))
}

function validateSource({ apiGroup, kind, name }: TypedObjectReference, field: string, anyGroup: boolean, found: Findings): void {
  if (!name) found.push(required(`${field}.name`))
  if (!kind) found.push(required(`${field}.kind`))
  if (!apiGroup && kind !== 'PersistentVolumeClaim')
    found.push(invalidValue(field, kind ?? '', "must be 'PersistentVolumeClaim' when referencing the default apiGroup"))
  if (apiGroup && !anyGroup) complaints(subdomainName(apiGroup), apiGroup, `${field}.apiGroup`, found)
}

/** A claim is a promise about one volume: it may grow, change its attributes, and be bound once. */
export function validateClaimUpdate(claim: PersistentVolumeClaim, before: PersistentVolumeClaim, found: Findings): void {
  const [{ spec = {} }, { spec: old = {} }] = [claim, before]
  const [annotated, wasAnnotated] = [claim, before].map(({ metadata }) => metadata?.annotations?.[CLASS_ANNOTATION])
  const takesOver =
    wasAnnotated !== undefined &&
    old.storageClassName === undefined &&
    spec.storageClassName === wasAnnotated &&
    (annotated ?? wasAnnotated) === wasAnnotated
  if (!takesOver && annotated !== wasAnnotated)
    found.push(invalidValue(`metadata.annotations.${CLASS_ANNOTATION}`, annotated ?? '', IMMUTABLE))
  const fixed: PersistentVolumeClaimSpec = { ...old, volumeName: old.volumeName || (spec.volumeName ?? '') }
  const kept = withoutChanges(spec, old, claim.status?.phase === 'Bound', takesOver, wasAnnotated)
  if (!deepEqual(comparable(kept), comparable(fixed))) {
    const rule = 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'
    found.push(forbid('spec', `${rule}\n${differenceOf(kept, fixed, 'PersistentVolumeClaimSpec')}`))
  }
  const [now, was] = [spec.resources?.requests?.['storage'] ?? '0', old.resources?.requests?.['storage'] ?? '0']
  const actual = before.status?.capacity?.['storage'] ?? '0'
  // Who asked for more than there is may ask for less again, but for more than there was.
  if (isQuantity(now) && compareQuantities(now, was) < 0 && compareQuantities(now, actual) <= 0) {
    found.push(forbid('spec.resources.requests.storage', 'field can not be less than status.capacity'))
  }
  immutable(spec.volumeMode, old.volumeMode, 'volumeMode', found)
  // Attributes that a volume has can be exchanged, not taken away.
  const attributes = spec.volumeAttributesClassName
  if (attributes || attributes === old.volumeAttributesClassName || before.status?.currentVolumeAttributesClassName === undefined)
    return
  const to = attributes === undefined ? 'nil' : 'empty string'
  const rule = `update to ${to} is forbidden when status.currentVolumeAttributesClassName is not nil`
  found.push(forbid('spec.volumeAttributesClassName', rule))
}

/** The new spec with all that may change put back: a class, which a claim gets once, and, where it is bound, size and attributes. */
function withoutChanges(
  spec: PersistentVolumeClaimSpec,
  old: PersistentVolumeClaimSpec,
  isBound: boolean,
  takesOver: boolean,
  wasAnnotated: string | undefined,
): PersistentVolumeClaimSpec {
  const { storageClassName: name, volumeAttributesClassName: attributes, ...rest } = spec
  const getsClass = old.storageClassName === undefined && name !== undefined && (wasAnnotated ?? name) === name
  const isClassNew = takesOver || getsClass
  const { requests } = spec.resources ?? {}
  const storage = old.resources?.requests?.['storage'] ?? '0'
  return {
    ...rest,
    ...(isBound && requests !== undefined && { resources: { ...spec.resources, requests: { ...requests, storage } } }),
    ...ifSet('storageClassName', isClassNew ? undefined : name),
    ...ifSet('volumeAttributesClassName', isBound ? old.volumeAttributesClassName : attributes),
  }
}

const ifSet = <K extends string, V>(key: K, value: V | undefined): { [key in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [key in K]?: V }

/** The same spec looks the same: nothing and an empty list, and an amount however it is written. */
function comparable({ resources, volumeName = '', ...rest }: PersistentVolumeClaimSpec): object {
  const amounts = (list: Readonly<Record<string, string>> = {}): object =>
    Object.fromEntries(
      Object.entries(list).map(([name, value]) => [name, isQuantity(value) ? parseQuantity(value).nanos : value]),
    )
  return { ...rest, volumeName, limits: amounts(resources?.limits), requests: amounts(resources?.requests) }
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
  const below = -parseQuantity(value).nanos
  if (below <= 0n) return
  // Upstream shows the next whole number away from zero.
  found.push(invalidValue(field, -((below + ONE - 1n) / ONE), 'must be a valid resource quantity'))
}

const ONE = 1_000_000_000n

/** Of Kubernetes' own resources a volume has storage only. */
function resourceKey(name: string, field: string, found: Findings): void {
  const before = found.length
  complaints(qualifiedName(name), name, field, found)
  if (found.length === before && (!name.includes('/') || name.includes('kubernetes.io/')) && name !== 'storage')
    found.push(unsupported(field, name, ['storage']))
}
