import { deepEqual } from '#base'
import { isQuantity, parseQuantity } from '#meta'
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../generated/types.ts'
import { labelSelector, quantity } from '../validation/common.ts'
import {
  complaints,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  oneOf,
  required,
  unsupported,
} from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { validateHostPath } from './validate-path.ts'
import { nodeSelectorTerms } from './validate-scheduling.ts'

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod']
const VOLUME_MODES = ['Block', 'Filesystem']

const NOT_SOURCES = new Set([
  'accessModes',
  'capacity',
  'claimRef',
  'mountOptions',
  'nodeAffinity',
  'persistentVolumeReclaimPolicy',
  'storageClassName',
  'volumeAttributesClassName',
  'volumeMode',
])

export function* validatePersistentVolume({ spec = {} }: PersistentVolume): Findings {
  yield* validateModes(spec.accessModes, 'spec.accessModes', '')
  if (Object.keys(spec.capacity ?? {}).length === 0) yield required('spec.capacity')
  else if (spec.capacity!['storage'] === undefined || Object.keys(spec.capacity!).length > 1) {
    yield unsupported('spec.capacity', spec.capacity, ['storage'])
  }
  for (const [name, value] of Object.entries(spec.capacity ?? {})) yield* amount(value, `spec.capacity[${name}]`)
  yield* oneOf(spec.persistentVolumeReclaimPolicy, ['Delete', 'Recycle', 'Retain'], 'spec.persistentVolumeReclaimPolicy')
  if (spec.nodeAffinity?.required) {
    yield* nodeSelectorTerms(spec.nodeAffinity.required.nodeSelectorTerms, 'spec.nodeAffinity.required.nodeSelectorTerms')
  }
  const sources = Object.keys(spec).filter((key) => !NOT_SOURCES.has(key) && spec[key as keyof typeof spec] !== undefined)
  for (const extra of sources.slice(1)) yield forbid(`spec.${extra}`, 'may not specify more than 1 volume type')
  if (spec.hostPath) yield* validateHostPath(spec.hostPath, 'spec.hostPath')
  if (spec.local) {
    if (!spec.local.path) yield required('spec.local.path')
    if (spec.nodeAffinity === undefined) yield required('spec.nodeAffinity', 'Local volume requires node affinity')
  }
  if (spec.csi) {
    if (!spec.csi.driver) yield required('spec.csi.driver')
    if (!spec.csi.volumeHandle) yield required('spec.csi.volumeHandle')
  }
  if (sources.length === 0) yield required('spec', 'must specify a volume type')
  if (spec.storageClassName)
    yield* complaints(subdomainName(spec.storageClassName), spec.storageClassName, 'spec.storageClassName')
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    yield unsupported('spec.volumeMode', spec.volumeMode, VOLUME_MODES)
  }
}

export function* validatePersistentVolumeUpdate({ spec = {} }: PersistentVolume, { spec: old = {} }: PersistentVolume): Findings {
  const source = (from: typeof spec): object => Object.fromEntries(Object.entries(from).filter(([key]) => !NOT_SOURCES.has(key)))
  if (!deepEqual(source(spec), source(old))) {
    yield forbid('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')
  }
  if (spec.volumeMode !== old.volumeMode) yield invalidValue('spec.volumeMode', spec.volumeMode ?? null, IMMUTABLE)
  if (old.nodeAffinity !== undefined && !deepEqual(spec.nodeAffinity, old.nodeAffinity)) {
    yield invalidValue('spec.nodeAffinity', spec.nodeAffinity ?? null, IMMUTABLE)
  }
}

export function* validateClaim({ spec = {} }: PersistentVolumeClaim): Findings {
  yield* validateClaimSpec(spec, 'spec')
}

export function* validateClaimSpec(spec: PersistentVolumeClaimSpec, field: string): Findings {
  yield* validateModes(spec.accessModes, `${field}.accessModes`, 'at least 1 access mode is required')
  yield* labelSelector(spec.selector, `${field}.selector`)
  const storage = spec.resources?.requests?.['storage']
  if (storage === undefined) yield required(`${field}.resources[storage]`)
  else yield* amount(storage, `${field}.resources[storage]`)
  if (spec.storageClassName) {
    yield* complaints(subdomainName(spec.storageClassName), spec.storageClassName, `${field}.storageClassName`)
  }
  if (spec.volumeMode !== undefined && !VOLUME_MODES.includes(spec.volumeMode)) {
    yield unsupported(`${field}.volumeMode`, spec.volumeMode, VOLUME_MODES)
  }
  if (spec.dataSource && spec.dataSourceRef && !spec.dataSourceRef.namespace) {
    const { namespace: _, ...reference } = spec.dataSourceRef
    if (!deepEqual(spec.dataSource, reference)) {
      yield invalidValue(field, spec.dataSource.name, 'must match dataSourceRef')
    }
  }
}

function* validateModes(modes: readonly string[] | undefined, field: string, absent: string): Findings {
  if (!modes?.length) yield required(field, absent)
  for (const mode of modes ?? []) if (!ACCESS_MODES.includes(mode)) yield unsupported(field, mode, ACCESS_MODES)
  if (modes?.includes('ReadWriteOncePod') && modes.length > 1) {
    yield forbid(field, 'may not use ReadWriteOncePod with other access modes')
  }
}

function* amount(value: string, field: string): Findings {
  const own = [...quantity(value, field)]
  yield* own
  if (own.length === 0 && parseQuantity(value).nanos === 0n) yield invalidValue(field, value, 'must be greater than zero')
}

/** A claim is a promise about one volume: it may grow, and be bound once. */
export function* validateClaimUpdate(
  { spec = {}, status }: PersistentVolumeClaim,
  { spec: old = {} }: PersistentVolumeClaim,
): Findings {
  const fixed = ({ resources: _r, volumeAttributesClassName: _v, volumeName, ...rest }: PersistentVolumeClaimSpec): object =>
    // The binder names the volume, once.
    old.volumeName ? { ...rest, volumeName } : rest
  if (!deepEqual(fixed(spec), fixed(old))) {
    yield forbid(
      'spec',
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
    )
    return
  }
  const [now, was] = [spec.resources?.requests?.['storage'], old.resources?.requests?.['storage']]
  if (now === undefined || was === undefined || now === was || !isQuantity(now)) return
  if (status?.phase !== 'Bound') {
    yield forbid(
      'spec',
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
    )
  } else if (parseQuantity(now).nanos < parseQuantity(was).nanos) {
    yield forbid('spec.resources.requests.storage', 'field can not be less than status.capacity')
  }
}
