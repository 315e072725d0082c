import { deepEqual } from '#base'
import type { PersistentVolume, PersistentVolumeSpec, SecretReference, Volume } from '../generated/types.ts'
import { csiDriverName, immutable } from '../validation/common.ts'
import { complaints, type Findings, forbid, required, unsupported } from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'
import { accessModes, basicAmount, className, positive, volumeMode } from './validate-claim.ts'
import { descendingPath, validateHostPath } from './validate-path.ts'
import { nodeSelectorTerms } from './validate-scheduling.ts'
import { validateNFS } from './validate-volume.ts'
import { validateDriverSource } from './validate-volume-source.ts'

/** In the order in which upstream looks for them; of several the first one counts. */
const TYPES = [
  ...['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs'],
  ...['iscsi', 'cinder', 'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume'],
  ...['azureDisk', 'scaleIO', 'local', 'storageos', 'csi'],
] as readonly (keyof PersistentVolumeSpec)[]

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain']

export function* validatePersistentVolume({ spec = {} }: PersistentVolume): Findings {
  if (!spec.accessModes?.length) yield required('spec.accessModes')
  yield* accessModes(spec.accessModes, 'spec.accessModes')
  yield* validateCapacity(spec, 'spec.capacity')
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && !RECLAIM_POLICIES.includes(policy)) {
    yield unsupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES)
  }
  yield* validateAffinity(spec, 'spec.nodeAffinity')
  yield* validateSources(spec, 'spec')
  yield* className(spec.storageClassName, 'spec.storageClassName')
  yield* volumeMode(spec.volumeMode, 'spec.volumeMode')
  yield* validateAttributes(spec, 'spec')
}

/** What an attachment says of a volume that no object stands for: a CSI volume without a life of its own. */
export function* validateInlineVolume(spec: PersistentVolumeSpec, field: string): Findings {
  const context = 'in the context of inline volumes'
  const forbidden = (key: string): Findings => [forbid(`${field}.${key}`, `may not be specified ${context}`)]
  if (spec.claimRef !== undefined) yield* forbidden('claimRef')
  if (Object.keys(spec.capacity ?? {}).length > 0) yield* forbidden('capacity')
  if (spec.csi === undefined) yield required(`${field}.csi`, `has to be specified ${context}`)
  if (!spec.accessModes?.length) yield required(`${field}.accessModes`)
  yield* accessModes(spec.accessModes, `${field}.accessModes`)
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && policy !== 'Retain') yield forbid(`${field}.persistentVolumeReclaimPolicy`, `may only be Retain ${context}`)
  if (spec.nodeAffinity !== undefined) yield* forbidden('nodeAffinity')
  yield* validateSources(spec, field)
  if (spec.storageClassName) yield* forbidden('storageClassName')
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') {
    yield forbid(`${field}.volumeMode`, `may not specify volumeMode other than Filesystem ${context}`)
  }
  yield* validateAttributes(spec, field)
}

function* validateCapacity({ capacity = {} }: PersistentVolumeSpec, field: string): Findings {
  const names = Object.keys(capacity)
  if (names.length === 0) yield required(field)
  if (!('storage' in capacity) || names.length > 1) yield unsupported(field, capacity, ['storage'])
  for (const [name, value] of Object.entries(capacity)) {
    yield* basicAmount(value, `${field}[${name}]`)
    yield* positive(value, `${field}[${name}]`)
  }
}

function* validateAffinity({ nodeAffinity }: PersistentVolumeSpec, field: string): Findings {
  if (nodeAffinity === undefined) return
  if (nodeAffinity.required === undefined) yield required(`${field}.required`, 'must specify required node constraints')
  else yield* nodeSelectorTerms(nodeAffinity.required.nodeSelectorTerms, `${field}.required.nodeSelectorTerms`)
}

function* validateSources(spec: PersistentVolumeSpec, field: string): Findings {
  const [first, ...others] = TYPES.filter((type) => spec[type] !== undefined)
  if (first === undefined) yield required(field, 'must specify a volume type')
  else yield* validateSource(spec, first, field)
  for (const type of others) {
    // Upstream spells this one otherwise, and minds the next in no company.
    if (type === 'cephfs') yield forbid(`${field}.cephFS`, 'may not specify more than 1 volume type')
    else if (type !== 'flexVolume') yield forbid(`${field}.${type}`, 'may not specify more than 1 volume type')
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle' && /^\/+$/.test(spec.hostPath?.path ?? '')) {
    yield forbid(`${field}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'")
  }
}

function* validateSource(spec: PersistentVolumeSpec, type: keyof PersistentVolumeSpec, field: string): Findings {
  const path = `${field}.${type}`
  const { hostPath, nfs, local, csi, azureFile } = spec
  switch (type) {
    case 'hostPath':
      yield* validateHostPath(hostPath!, path)
      return
    case 'nfs':
      yield* validateNFS(nfs!, path)
      return
    case 'local':
      if (!local!.path) yield required(`${path}.path`)
      else yield* descendingPath(local!.path.replace(/^\/+/, ''), `${path}.path`)
      if (spec.nodeAffinity === undefined) yield required(`${field}.nodeAffinity`, 'Local volume requires node affinity')
      return
    case 'csi':
      yield* csiDriverName(csi!.driver, `${path}.driver`)
      if (!csi!.volumeHandle) yield required(`${path}.volumeHandle`)
      for (const key of SECRETS) yield* validateSecret(csi![key], `${path}.${key}`)
      return
    case 'azureFile':
      yield* validateDriverSource(spec as Volume, type, field)
      if (azureFile!.secretNamespace === '') yield required(`${path}.secretNamespace`)
      return
    default:
      // The shared fields are the same in both; only a secret's form differs.
      yield* validateDriverSource(spec as unknown as Volume, type, field)
  }
}

const SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const

function* validateSecret(secret: SecretReference | undefined, field: string): Findings {
  if (secret === undefined) return
  if (!secret.name) yield required(`${field}.name`)
  else yield* complaints(subdomainName(secret.name), secret.name, `${field}.name`)
  if (!secret.namespace) yield required(`${field}.namespace`)
  else yield* complaints(dnsLabel(secret.namespace), secret.namespace, `${field}.namespace`)
}

function* validateAttributes({ volumeAttributesClassName: name, csi }: PersistentVolumeSpec, field: string): Findings {
  if (name === undefined) return
  if (name === '') yield required(`${field}.volumeAttributesClassName`, 'an empty string is disallowed')
  else yield* className(name, `${field}.volumeAttributesClassName`)
  if (csi === undefined) yield required(`${field}.csi`, 'has to be specified when using volumeAttributesClassName')
}

export function* validatePersistentVolumeUpdate({ spec = {} }: PersistentVolume, { spec: old = {} }: PersistentVolume): Findings {
  if (!deepEqual(sourceOf(spec, old), sourceOf(old, old))) {
    yield forbid('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation')
  }
  // Upstream's paths of these two lack their first part.
  yield* immutable(spec.volumeMode, old.volumeMode, 'volumeMode')
  if (old.nodeAffinity !== undefined) yield* immutable(spec.nodeAffinity, old.nodeAffinity, 'nodeAffinity')
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    yield forbid('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden')
  }
}

/** The source, without the secret for growing, which a volume may get later. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): object {
  const source: Partial<PersistentVolumeSpec> = Object.fromEntries(TYPES.map((type) => [type, spec[type]]))
  if (source.csi === undefined || old.csi === undefined || old.csi.controllerExpandSecretRef !== undefined) return source
  const { controllerExpandSecretRef: _, ...csi } = source.csi
  return { ...source, csi }
}
