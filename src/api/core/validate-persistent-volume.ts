import { deepEqual } from '#base'
import type { ValidationContext } from '../definition.ts'
import type {
  NodeSelectorRequirement,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
  VolumeNodeAffinity,
} from '../generated/types.ts'
import { csiDriverName, immutable } from '../validation/common.ts'
import {
  complaints,
  type Findings,
  forbid,
  IMMUTABLE,
  invalidValue,
  lenient,
  required,
  unsupported,
} from '../validation/findings.ts'
import { differenceOf, internalForm } from '../validation/internal-form.ts'
import { dnsLabel, labelValue, NONE, subdomainName } from '../validation/names.ts'
import { accessModes, basicAmount, className, positive, volumeMode } from './validate-claim.ts'
import { validateHostPath, withoutBacksteps } from './validate-path.ts'
import { validatePersistentSource } from './validate-persistent-source.ts'
import { nodeSelectorTerms } from './validate-scheduling.ts'
import { validateNFS } from './validate-volume.ts'

/** In the order in which upstream looks for them; of several the first one counts. */
const TYPES = [
  ...['hostPath', 'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'flocker', 'nfs', 'rbd', 'quobyte', 'cephfs'],
  ...['iscsi', 'cinder', 'fc', 'flexVolume', 'azureFile', 'vsphereVolume', 'photonPersistentDisk', 'portworxVolume'],
  ...['azureDisk', 'scaleIO', 'local', 'storageos', 'csi'],
] as readonly (keyof PersistentVolumeSpec)[]

const RECLAIM_POLICIES = ['Delete', 'Recycle', 'Retain']

export function validatePersistentVolume(
  { metadata, spec = {} }: PersistentVolume,
  found: Findings,
  { old }: ValidationContext<PersistentVolume>,
): void {
  if (!spec.accessModes?.length) found.push(required('spec.accessModes'))
  accessModes(spec.accessModes, 'spec.accessModes', found)
  validateCapacity(spec, 'spec.capacity', found)
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && !RECLAIM_POLICIES.includes(policy)) {
    found.push(unsupported('spec.persistentVolumeReclaimPolicy', policy, RECLAIM_POLICIES))
  }
  lenient(
    () => hasAnyValues(old),
    (own) => validateAffinity(spec, 'spec.nodeAffinity', false, own),
    (own) => validateAffinity(spec, 'spec.nodeAffinity', true, own),
    found,
  )
  validateSources(spec, metadata?.name ?? '', 'spec', found)
  className(spec.storageClassName, 'spec.storageClassName', found)
  volumeMode(spec.volumeMode, 'spec.volumeMode', found)
  validateAttributes(spec, 'spec', found)
}

/** What an attachment says of a volume that no object stands for: a CSI volume without a life of its own. */
export function validateInlineVolume(spec: PersistentVolumeSpec, field: string, found: Findings): void {
  const context = 'in the context of inline volumes'
  const forbidden = (key: string) => found.push(forbid(`${field}.${key}`, `may not be specified ${context}`))
  if (spec.claimRef !== undefined) forbidden('claimRef')
  if (Object.keys(spec.capacity ?? {}).length > 0) forbidden('capacity')
  if (spec.csi === undefined) found.push(required(`${field}.csi`, `has to be specified ${context}`))
  if (!spec.accessModes?.length) found.push(required(`${field}.accessModes`))
  accessModes(spec.accessModes, `${field}.accessModes`, found)
  const policy = spec.persistentVolumeReclaimPolicy
  if (policy && policy !== 'Retain') found.push(forbid(`${field}.persistentVolumeReclaimPolicy`, `may only be Retain ${context}`))
  if (spec.nodeAffinity !== undefined) forbidden('nodeAffinity')
  validateSources(spec, '', field, found)
  if (spec.storageClassName) forbidden('storageClassName')
  if (spec.volumeMode !== undefined && spec.volumeMode !== 'Filesystem') {
    found.push(forbid(`${field}.volumeMode`, `may not specify volumeMode other than Filesystem ${context}`))
  }
  validateAttributes(spec, field, found)
}

function validateCapacity({ capacity = {} }: PersistentVolumeSpec, field: string, found: Findings): void {
  const names = Object.keys(capacity)
  if (names.length === 0) found.push(required(field))
  if (!('storage' in capacity) || names.length > 1) found.push(unsupported(field, capacity, ['storage']))
  for (const [name, value] of Object.entries(capacity)) {
    basicAmount(value, `${field}[${name}]`, found)
    positive(value, `${field}[${name}]`, found)
  }
}

/** Values that no label has, from before they were looked at. */
const hasAnyValues = (old: PersistentVolume | undefined): boolean =>
  (old?.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).some(({ matchExpressions = [] }) =>
    matchExpressions.some(({ values = [] }) => values.some((value) => labelValue(value) !== NONE)),
  )

function validateAffinity({ nodeAffinity }: PersistentVolumeSpec, field: string, anyValues: boolean, found: Findings): void {
  if (nodeAffinity === undefined) return
  if (nodeAffinity.required === undefined) found.push(required(`${field}.required`, 'must specify required node constraints'))
  else nodeSelectorTerms(nodeAffinity.required.nodeSelectorTerms, `${field}.required.nodeSelectorTerms`, found, anyValues)
}

function validateSources(spec: PersistentVolumeSpec, volume: string, field: string, found: Findings): void {
  const [first, ...others] = TYPES.filter((type) => spec[type] !== undefined)
  if (first === undefined) found.push(required(field, 'must specify a volume type'))
  else validateSource(spec, first, volume, field, found)
  for (const type of others) {
    // Upstream spells this one otherwise, and minds the next in no company.
    if (type === 'cephfs') found.push(forbid(`${field}.cephFS`, 'may not specify more than 1 volume type'))
    else if (type === 'flexVolume') validateSource(spec, type, volume, field, found)
    else found.push(forbid(`${field}.${type}`, 'may not specify more than 1 volume type'))
  }
  if (spec.persistentVolumeReclaimPolicy === 'Recycle' && isRoot(spec.hostPath?.path ?? '')) {
    found.push(forbid(`${field}.persistentVolumeReclaimPolicy`, "may not be 'recycle' for a hostPath mount of '/'"))
  }
}

/** However it is written. */
function isRoot(path: string): boolean {
  let depth = 0
  for (const part of path.split('/')) {
    if (part === '..') depth = Math.max(depth - 1, 0)
    else if (part !== '' && part !== '.') depth++
  }
  return path.startsWith('/') && depth === 0
}

function validateSource(
  spec: PersistentVolumeSpec,
  type: keyof PersistentVolumeSpec,
  volume: string,
  field: string,
  found: Findings,
): void {
  const path = `${field}.${type}`
  const { hostPath, nfs, local, csi } = spec
  switch (type) {
    case 'hostPath':
      validateHostPath(hostPath!, path, found)
      return
    case 'nfs':
      validateNFS(nfs!, path, found)
      return
    case 'local':
      if (!local!.path) found.push(required(`${path}.path`))
      else withoutBacksteps(local!.path, `${path}.path`, found)
      if (spec.nodeAffinity === undefined) found.push(required(`${field}.nodeAffinity`, 'Local volume requires node affinity'))
      return
    case 'csi':
      csiDriverName(csi!.driver, `${path}.driver`, found)
      if (!csi!.volumeHandle) found.push(required(`${path}.volumeHandle`))
      for (const key of SECRETS) validateSecret(csi![key], `${path}.${key}`, found)
      return
    default:
      validatePersistentSource(spec, type, volume, field, found)
  }
}

const SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodePublishSecretRef',
  'nodeExpandSecretRef',
] as const

function validateSecret(secret: SecretReference | undefined, field: string, found: Findings): void {
  if (secret === undefined) return
  if (!secret.name) found.push(required(`${field}.name`))
  else complaints(subdomainName(secret.name), secret.name, `${field}.name`, found)
  if (!secret.namespace) found.push(required(`${field}.namespace`))
  else complaints(dnsLabel(secret.namespace), secret.namespace, `${field}.namespace`, found)
}

function validateAttributes(
  { volumeAttributesClassName: name, csi }: PersistentVolumeSpec,
  field: string,
  found: Findings,
): void {
  if (name === undefined) return
  if (name === '') found.push(required(`${field}.volumeAttributesClassName`, 'an empty string is disallowed'))
  else className(name, `${field}.volumeAttributesClassName`, found)
  if (csi === undefined) found.push(required(`${field}.csi`, 'has to be specified when using volumeAttributesClassName'))
}

export function validatePersistentVolumeUpdate(
  { spec = {} }: PersistentVolume,
  { spec: old = {} }: PersistentVolume,
  found: Findings,
): void {
  const [now, was] = [sourceOf(spec, old), sourceOf(old, old)]
  if (!deepEqual(now, was)) {
    const rule = 'spec.persistentvolumesource is immutable after creation'
    found.push(forbid('spec.persistentvolumesource', `${rule}\n${differenceOf(now, was, 'PersistentVolumeSource')}`))
  }
  // Upstream's paths of these two lack their first part.
  immutable(spec.volumeMode, old.volumeMode, 'volumeMode', found)
  if (old.nodeAffinity !== undefined && !isSameButNames(spec.nodeAffinity, old.nodeAffinity)) {
    const rule = `${IMMUTABLE}, except for updating from beta label to GA`
    found.push(invalidValue('nodeAffinity', spec.nodeAffinity === undefined ? null : affinityForm(spec.nodeAffinity), rule))
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    found.push(forbid('spec.volumeAttributesClassName', 'update from non-nil value to nil is forbidden'))
  }
}

/** The source, without the secret for growing, which a volume may get later. */
function sourceOf(spec: PersistentVolumeSpec, old: PersistentVolumeSpec): object {
  const source: Partial<PersistentVolumeSpec> = Object.fromEntries(TYPES.map((type) => [type, spec[type]]))
  if (source.csi === undefined || old.csi === undefined || old.csi.controllerExpandSecretRef !== undefined) return source
  const { controllerExpandSecretRef: _, ...csi } = source.csi
  return { ...source, csi }
}

/** Labels of nodes that have got other names. */
const NEW_NAMES: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
}

/** Whether nothing but names of labels was renewed, each where it stands. */
function isSameButNames(now: VolumeNodeAffinity | undefined, old: VolumeNodeAffinity): boolean {
  if (now === undefined) return false
  const renewed = (requirements: NodeSelectorRequirement[] = [], before: NodeSelectorRequirement[] = []) =>
    before.map((requirement, index) => {
      const key = requirements[index]?.key
      return key !== undefined && NEW_NAMES[requirement.key] === key ? { ...requirement, key } : requirement
    })
  const [terms, were] = [now.required?.nodeSelectorTerms ?? [], old.required?.nodeSelectorTerms ?? []]
  const expected = were.map((term, index) => ({
    matchExpressions: renewed(terms[index]?.matchExpressions, term.matchExpressions),
    matchFields: renewed(terms[index]?.matchFields, term.matchFields),
  }))
  const actual = terms.map(({ matchExpressions = [], matchFields = [] }) => ({ matchExpressions, matchFields }))
  return (now.required === undefined) === (old.required === undefined) && deepEqual(actual, expected)
}

/** Upstream shows a type of its own. */
const affinityForm = ({ required: selector }: VolumeNodeAffinity): object => ({
  Required: selector === undefined ? null : internalForm(selector, 'NodeSelector'),
})
