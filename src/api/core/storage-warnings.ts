import { isQuantity, parseQuantity } from '#meta'
import type {
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  StorageClass,
} from '../generated/types.ts'
import { labelDeprecation, selectorWarnings, termWarnings } from './node-label-warnings.ts'
import { CLASS_ANNOTATION } from './validate-claim.ts'

const CLASS_DEPRECATION = `metadata.annotations[${CLASS_ANNOTATION}]: deprecated since v1.8; use "storageClassName" attribute instead`
const MOUNT_OPTIONS = 'volume.beta.kubernetes.io/mount-options'

/** Volume types whose drivers are gone. */
export const DEPRECATED_TYPES: Readonly<Record<string, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
}

/** Upstream's path of a type that its JSON spells otherwise. */
export const typeName = (type: string): string => (type === 'storageos' ? 'storageOS' : type)

const OF_PERSISTENT_VOLUMES = ['cephfs', 'photonPersistentDisk', 'scaleIO', 'storageos', 'glusterfs', 'rbd'] as const

export function volumeWarnings({ metadata, spec }: PersistentVolume, warnings: string[]): void {
  if (metadata?.annotations?.[CLASS_ANNOTATION] !== undefined) warnings.push(CLASS_DEPRECATION)
  if (metadata?.annotations?.[MOUNT_OPTIONS] !== undefined)
    warnings.push(`metadata.annotations[${MOUNT_OPTIONS}]: deprecated since v1.31; use "mountOptions" attribute instead`)
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    )
  termWarnings(spec?.nodeAffinity?.required?.nodeSelectorTerms, 'spec.nodeAffinity.required.nodeSelectorTerms', warnings)
  for (const type of OF_PERSISTENT_VOLUMES) {
    if (spec?.[type] !== undefined) warnings.push(`spec.${typeName(type)}: ${DEPRECATED_TYPES[type]}`)
  }
}

export function claimWarnings({ metadata, spec }: PersistentVolumeClaim, warnings: string[]): void {
  if (metadata?.annotations?.[CLASS_ANNOTATION] !== undefined) warnings.push(CLASS_DEPRECATION)
  claimSpecWarnings(spec, 'spec', warnings)
}

export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, field: string, warnings: string[]): void {
  for (const list of ['requests', 'limits'] as const) {
    fractionWarning(spec?.resources?.[list], 'storage', `${field}.resources.${list}`, warnings)
  }
}

const WHOLE = /^\d+(?:[kMGTPE]i?|Ki)?$/

/** Nobody has half a byte. */
export function fractionWarning(
  amounts: Readonly<Record<string, string>> | undefined,
  name: string,
  field: string,
  warnings: string[],
): void {
  const value = amounts?.[name]
  if (value === undefined || WHOLE.test(value)) return
  if (isQuantity(value) && parseQuantity(value).nanos % 1_000_000_000n !== 0n)
    warnings.push(`${field}[${name}]: fractional byte value "${value}" is invalid, must be an integer`)
}

export function classWarnings({ allowedTopologies }: StorageClass, warnings: string[]): void {
  for (const [index, { matchLabelExpressions }] of (allowedTopologies ?? []).entries()) {
    for (const [at, { key }] of (matchLabelExpressions ?? []).entries()) {
      const deprecation = labelDeprecation(key)
      if (deprecation !== undefined) warnings.push(`allowedTopologies[${index}].matchLabelExpressions[${at}].key: ${deprecation}`)
    }
  }
}

export const capacityWarnings = ({ nodeTopology }: CSIStorageCapacity, warnings: string[]): void =>
  selectorWarnings(nodeTopology as Parameters<typeof selectorWarnings>[0], 'nodeTopology', warnings)
