import type { Volume } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, unsupported, within } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'

/** Rules of volume types that are drivers of storage systems, most of them handed to CSI by now; upstream checks them all the same. */
type Rule = (source: Readonly<Record<string, unknown>>, field: string, found: Findings) => void

/** Texts that must be there. */
const needs =
  (...names: readonly string[]): Rule =>
  (source, field, found) => {
    for (const name of names) if (!source[name] || isEmpty(source[name])) found.push(required(`${field}.${name}`))
  }

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

const both =
  (...rules: readonly Rule[]): Rule =>
  (source, field, found) => {
    for (const rule of rules) rule(source, field, found)
  }

const partition: Rule = ({ partition: value }, field, found) => {
  if (typeof value === 'number' && (value < 0 || value > 255))
    found.push(invalidValue(`${field}.partition`, value, 'must be between 0 and 255, inclusive'))
}

const secretName: Rule = ({ secretRef }, field, found) => {
  if (secretRef !== undefined && !(secretRef as { name?: string }).name) found.push(required(`${field}.secretRef.name`))
}

const IQN = /^iqn\.\d{4}-\d{2}\.([\w.-]+)(:[^,;*&$|\s]+)$/i
const EUI = /^eui\.[0-9a-f]{16}$/i
const NAA = /^naa\.[0-9a-f]{32}$/i

function initiator(name: string, field: string, found: Findings): void {
  const form = { iqn: IQN, eui: EUI, naa: NAA }[name.slice(0, 3)]
  if (form === undefined) found.push(invalidValue(field, name, 'must be valid format starting with iqn, eui, or naa'))
  else if (!form.test(name)) found.push(invalidValue(field, name, 'must be valid format'))
}

const iscsi: Rule = (source, field, found) => {
  const { targetPortal, iqn, lun, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = source
  if (!targetPortal) found.push(required(`${field}.targetPortal`))
  if (!iqn) found.push(required(`${field}.iqn`))
  else initiator(iqn as string, `${field}.iqn`, found)
  within(lun as number | undefined, 0, 255, `${field}.lun`, found)
  if ((chapAuthDiscovery || chapAuthSession) && secretRef === undefined) found.push(required(`${field}.secretRef`))
  if (initiatorName !== undefined) initiator(initiatorName as string, `${field}.initiatorname`, found)
}

const fibreChannel: Rule = ({ targetWWNs, wwids, lun }, field, found) => {
  const [targets, ids] = [(targetWWNs ?? []) as string[], (wwids ?? []) as string[]]
  if (targets.length === 0 && ids.length === 0)
    found.push(required(`${field}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'))
  if (targets.length > 0 && ids.length > 0)
    found.push(invalidValue(`${field}.targetWWNs`, targets, 'targetWWNs and wwids can not be specified simultaneously'))
  if (targets.length === 0) return
  if (lun === undefined) found.push(required(`${field}.lun`, 'lun is required if targetWWNs is specified'))
  else within(lun as number, 0, 255, `${field}.lun`, found)
}

const flexVolume: Rule = ({ driver, options }, field, found) => {
  if (!driver) found.push(required(`${field}.driver`))
  for (const key of Object.keys((options ?? {}) as object)) {
    const namespace = `.${key.split('/')[0]!.toLowerCase()}`
    if (namespace.endsWith('.kubernetes.io') || namespace.endsWith('.k8s.io'))
      found.push(invalidValue(`${field}.options[${key}]`, key, 'kubernetes.io and k8s.io namespaces are reserved'))
  }
}

const CACHING_MODES = ['None', 'ReadOnly', 'ReadWrite']
const DISK_KINDS = ['Dedicated', 'Managed', 'Shared']
const MANAGED_URI = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}'
const BLOB_URI = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd'

const azureDisk: Rule = (source, field, found) => {
  const { diskURI = '', cachingMode, kind } = source as { diskURI?: string; cachingMode?: string; kind?: string }
  needs('diskName', 'diskURI')(source, field, found)
  if (cachingMode !== undefined && !CACHING_MODES.includes(cachingMode))
    found.push(unsupported(`${field}.cachingMode`, cachingMode, CACHING_MODES))
  if (kind === undefined) return
  if (!DISK_KINDS.includes(kind)) found.push(unsupported(`${field}.kind`, kind, DISK_KINDS))
  if (kind === 'Managed' && !diskURI.startsWith('/subscriptions/'))
    found.push(unsupported(`${field}.diskURI`, diskURI, [MANAGED_URI]))
  if (kind !== 'Managed' && !diskURI.startsWith('https://')) found.push(unsupported(`${field}.diskURI`, diskURI, [BLOB_URI]))
}

const storageOS: Rule = (source, field, found) => {
  const { volumeName, volumeNamespace } = source as { volumeName?: string; volumeNamespace?: string }
  if (!volumeName) found.push(required(`${field}.volumeName`))
  else complaints(dnsLabel(volumeName), volumeName, `${field}.volumeName`, found)
  if (volumeNamespace) complaints(dnsLabel(volumeNamespace), volumeNamespace, `${field}.volumeNamespace`, found)
}

const quobyte: Rule = (source, field, found) => {
  const { registry, tenant = '', volume } = source as { registry?: string; tenant?: string; volume?: string }
  const rule = 'must be a host:port pair or multiple pairs separated by commas'
  if (!registry) found.push(required(`${field}.registry`, rule))
  else if (tenant.length >= 65)
    found.push(required(`${field}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'))
  else {
    for (const pair of registry.split(','))
      if (!/^([^:[\]]*|\[[^[\]]*\]):[^:]*$/.test(pair)) found.push(invalidValue(`${field}.registry`, registry, rule))
  }
  if (!volume) found.push(required(`${field}.volume`))
}

const flocker: Rule = (source, field, found) => {
  const { datasetName = '', datasetUUID = '' } = source as { datasetName?: string; datasetUUID?: string }
  if (datasetName === '' && datasetUUID === '') found.push(required(field, 'one of datasetName and datasetUUID is required'))
  if (datasetName !== '' && datasetUUID !== '')
    found.push(invalidValue(field, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'))
  if (datasetName.includes('/')) found.push(invalidValue(`${field}.datasetName`, datasetName, "must not contain '/'"))
}

/** By type; the path is the type's name unless upstream calls it otherwise. */
const RULES: Readonly<Record<string, { readonly rule: Rule; readonly path?: string }>> = {
  gcePersistentDisk: { rule: both(needs('pdName'), partition), path: 'persistentDisk' },
  awsElasticBlockStore: { rule: both(needs('volumeID'), partition) },
  iscsi: { rule: iscsi },
  glusterfs: { rule: needs('endpoints', 'path') },
  flocker: { rule: flocker },
  rbd: { rule: needs('monitors', 'image') },
  cinder: { rule: both(needs('volumeID'), secretName) },
  cephfs: { rule: needs('monitors') },
  quobyte: { rule: quobyte },
  fc: { rule: fibreChannel },
  flexVolume: { rule: flexVolume },
  azureFile: { rule: needs('secretName', 'shareName') },
  vsphereVolume: { rule: needs('volumePath') },
  photonPersistentDisk: { rule: needs('pdID') },
  portworxVolume: { rule: needs('volumeID') },
  azureDisk: { rule: azureDisk },
  storageos: { rule: both(storageOS, secretName) },
  scaleIO: { rule: needs('gateway', 'system', 'volumeName') },
}

export function validateDriverSource(volume: Volume, type: string, field: string, found: Findings): void {
  const known = RULES[type]
  if (known !== undefined) known.rule(volume[type as keyof Volume] as never, `${field}.${known.path ?? type}`, found)
}
