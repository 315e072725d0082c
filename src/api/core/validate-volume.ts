import { compareQuantities, type ObjectMeta } from '#meta'
import type {
  CSIVolumeSource,
  ISCSIVolumeSource,
  KeyToPath,
  NFSVolumeSource,
  PersistentVolumeClaimTemplate,
  Volume,
} from '../generated/types.ts'
import { annotations, csiDriverName, dnsLabelField, labels } from '../validation/common.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  forbid,
  invalidValue,
  optionalOneOf,
  required,
} from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import type { PodLeniency } from './pod-leniency.ts'
import { validateClaimSpec } from './validate-claim.ts'
import { descendingPath, validateHostPath, validateItem, validateMode } from './validate-path.ts'
import { validateFile, validateProjected } from './validate-projected.ts'
import { validateDriverSource } from './validate-volume-source.ts'

/** Tells what is wrong with the volumes and adds those that are fit for use to `sound`. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  owner: ObjectMeta | undefined,
  field: string,
  sound: Map<string, Volume>,
  leniency: PodLeniency,
  found: Findings,
): void {
  let made: ReadonlySet<string> | undefined
  for (const [index, volume] of (volumes ?? []).entries()) {
    const path = `${field}[${index}]`
    const before = found.length
    validateSource(volume, owner, path, leniency, found)
    dnsLabelField(volume.name, `${path}.name`, found)
    if (sound.has(volume.name)) found.push(duplicateValue(`${path}.name`, volume.name))
    if (found.length === before) sound.set(volume.name, volume)
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim === undefined || !owner?.name) continue
    made ??= new Set(volumes?.flatMap(({ name, ephemeral }) => (ephemeral === undefined ? [] : [`${owner.name}-${name}`])))
    if (made.has(claim)) {
      const rule = 'must not reference a PVC that gets created for an ephemeral volume'
      found.push(invalidValue(`${path}.persistentVolumeClaim.claimName`, claim, rule))
    }
  }
}

/** In the order in which upstream looks for them; of several the first one counts. */
const TYPES = [
  ...['emptyDir', 'hostPath', 'gitRepo', 'gcePersistentDisk', 'awsElasticBlockStore', 'secret', 'nfs', 'iscsi', 'glusterfs'],
  ...['flocker', 'persistentVolumeClaim', 'rbd', 'cinder', 'cephfs', 'quobyte', 'downwardAPI', 'fc', 'flexVolume', 'configMap'],
  ...['azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume', 'azureDisk', 'storageos', 'projected', 'scaleIO'],
  ...['csi', 'ephemeral', 'image'],
] as const

const IS_TYPE: ReadonlySet<string> = new Set(TYPES)

/** The types that a volume has, which should be one. */
function typesOf(volume: Volume): (typeof TYPES)[number][] {
  const types: (typeof TYPES)[number][] = []
  for (const key in volume)
    if (IS_TYPE.has(key) && volume[key as keyof Volume] !== undefined) types.push(key as (typeof TYPES)[number])
  return types.length > 1 ? TYPES.filter((type) => types.includes(type)) : types
}

function validateSource(
  volume: Volume,
  owner: ObjectMeta | undefined,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const [first, ...others] = typesOf(volume)
  if (first === undefined) found.push(required(field, 'must specify a volume type'))
  else validateType(volume, first, owner, field, leniency, found)
  if (first === 'iscsi') validateTarget(volume, field, found)
  for (const type of others) {
    found.push(forbid(`${field}.${SPELLED[type] ?? type}`, 'may not specify more than 1 volume type'))
    if (type === 'iscsi') validateTarget(volume, field, found)
  }
}

/** What upstream calls otherwise where it is one type too many. */
const SPELLED: Readonly<Record<string, string>> = { cephfs: 'cephFS', downwardAPI: 'downwarAPI' }

const TARGET_BYTES_MAX = 64
export const TARGET_TOO_LONG =
  'Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'

/** Initiators of one name are told apart by volume and target. */
export const isTargetTooLong = (name: string, { initiatorName, targetPortal = '' }: Partial<ISCSIVolumeSource>): boolean =>
  initiatorName !== undefined && Buffer.byteLength(`${name}:${targetPortal}`) > TARGET_BYTES_MAX

function validateTarget({ name = '', iscsi }: Volume, field: string, found: Findings): void {
  if (isTargetTooLong(name, iscsi!)) found.push(invalidValue(`${field}.name`, name, TARGET_TOO_LONG))
}

function validateType(
  volume: Volume,
  type: (typeof TYPES)[number],
  owner: ObjectMeta | undefined,
  field: string,
  leniency: PodLeniency,
  found: Findings,
): void {
  const { emptyDir, hostPath, gitRepo, secret, configMap, persistentVolumeClaim, downwardAPI, projected, nfs, csi } = volume
  const path = `${field}.${type}`
  switch (type) {
    case 'emptyDir':
      if (emptyDir!.sizeLimit !== undefined && compareQuantities(emptyDir!.sizeLimit, '0') < 0)
        found.push(forbid(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity'))
      return
    case 'hostPath':
      validateHostPath(hostPath!, path, found)
      return
    case 'gitRepo':
      if (!gitRepo!.repository) found.push(required(`${path}.repository`))
      descendingPath(gitRepo!.directory ?? '', `${path}.directory`, found)
      return
    case 'secret':
      validateFilesOf(secret!.secretName, secret!, `${path}.secretName`, path, found)
      return
    case 'configMap':
      validateFilesOf(configMap!.name, configMap!, `${path}.name`, path, found)
      return
    case 'nfs':
      validateNFS(nfs!, path, found)
      return
    case 'persistentVolumeClaim':
      if (!persistentVolumeClaim!.claimName) found.push(required(`${path}.claimName`))
      return
    case 'downwardAPI':
      validateMode(downwardAPI!.defaultMode, `${path}.defaultMode`, found)
      for (const file of downwardAPI!.items ?? []) validateFile(file, path, found)
      return
    case 'projected':
      validateProjected(projected!, path, leniency, found)
      return
    case 'csi':
      validateCSI(csi!, path, found)
      return
    case 'ephemeral':
      validateEphemeral(volume, owner, field, found)
      return
    case 'image':
      if (!volume.image!.reference && !leniency.emptyImageReferences) found.push(required(`${path}.reference`))
      optionalOneOf(volume.image!.pullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.pullPolicy`, found)
      return
    default:
      validateDriverSource(volume, type, field, found)
  }
}

function validateFilesOf(
  name: string | undefined,
  { defaultMode, items }: { readonly defaultMode?: number; readonly items?: readonly KeyToPath[] },
  nameField: string,
  field: string,
  found: Findings,
): void {
  if (!name) found.push(required(nameField))
  validateMode(defaultMode, `${field}.defaultMode`, found)
  for (const [index, item] of (items ?? []).entries()) validateItem(item, `${field}.items[${index}]`, found)
}

export function validateNFS({ server, path }: NFSVolumeSource, field: string, found: Findings): void {
  if (!server) found.push(required(`${field}.server`))
  if (!path) found.push(required(`${field}.path`))
  if (!path?.startsWith('/')) found.push(invalidValue(`${field}.path`, path ?? '', 'must be an absolute path'))
}

function validateCSI({ driver, nodePublishSecretRef }: CSIVolumeSource, field: string, found: Findings): void {
  csiDriverName(driver, `${field}.driver`, found)
  if (nodePublishSecretRef === undefined) return
  const { name } = nodePublishSecretRef
  if (!name) found.push(required(`${field}.nodePublishSecretRef.name`))
  else complaints(subdomainName(name), name, `${field}.name`, found)
}

/** The claim that such a volume gets is called after its pod and itself. */
function validateEphemeral({ name, ephemeral }: Volume, owner: ObjectMeta | undefined, field: string, found: Findings): void {
  const { volumeClaimTemplate: template } = ephemeral!
  if (template === undefined) found.push(required(`${field}.ephemeral.volumeClaimTemplate`))
  else validateTemplate(template, `${field}.ephemeral.volumeClaimTemplate`, found)
  if (!owner?.name || !name) return
  const claim = `${owner.name}-${name}`
  for (const problem of subdomainName(claim))
    found.push(invalidValue(`${field}.name`, name, `PVC name ${JSON.stringify(claim)}: ${problem}`))
}

/** What a template has no use for, in upstream's order and spelling. */
const LOST_WITH_TEMPLATES = {
  ...{ name: 'name', generateName: 'generateName', namespace: 'namespace', selfLink: 'selfLink', uid: 'uID' },
  ...{ resourceVersion: 'resourceVersion', generation: 'generation', creationTimestamp: 'creationTimestamp' },
  ...{ deletionTimestamp: 'deletionTimestamp', deletionGracePeriodSeconds: 'deletionGracePeriodSeconds' },
  ...{ ownerReferences: 'ownerReferences', finalizers: 'finalizers', managedFields: 'managedFields' },
} as const satisfies Partial<Record<keyof ObjectMeta, string>>

function validateTemplate({ metadata, spec }: PersistentVolumeClaimTemplate, field: string, found: Findings): void {
  if (metadata !== undefined) {
    annotations(metadata.annotations, `${field}.metadata.annotations`, found)
    labels(metadata.labels, `${field}.metadata.labels`, found)
    for (const [key, spelled] of Object.entries(LOST_WITH_TEMPLATES))
      if (metadata[key as keyof ObjectMeta] !== undefined) found.push(forbid(`${field}.metadata.${spelled}`, 'cannot be set'))
  }
  validateClaimSpec(spec, `${field}.spec`, found)
}
