import type { Volume } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, unsupported, within } from '../validation/findings.ts'
import { dnsLabel } from '../validation/names.ts'

/** Rules of volume types that are drivers of storage systems, most of them handed to CSI by now; upstream checks them all the same. */
export type Rule = (source: Readonly<Record<string, unknown>>, field: string, found: Findings) => void

/** Texts that must be there. */
export const needs =
  (...names: readonly string[]): Rule =>
  (source, field, found) => {
    for (const name of names) if (!source[name] || isEmpty(source[name])) found.push(required(`${field}.${name}`))
  }

const isEmpty = (value: unknown): boolean => Array.isArray(value) && value.length === 0

export const both =
  (...rules: readonly Rule[]): Rule =>
  (source, field, found) => {
    for (const rule of rules) rule(source, field, found)
  }

/** The whole disk is partition 0, which upstream takes, too, without saying so. */
const partition: Rule = ({ partition: value }, field, found) => {
  if (typeof value === 'number' && (value < 0 || value > 255))
    found.push(invalidValue(`${field}.partition`, value, 'must be between 1 and 255, inclusive'))
}

const secretName: Rule = ({ secretRef }, field, found) => {
  if (secretRef !== undefined && !(secretRef as { name?: string }).name) found.push(required(`${field}.secretRef.name`))
}

const FORMS: Readonly<Record<string, (name: string) => boolean>> = {
  iqn: isIQN,
  eui: (name) => /^eui.[0-9A-Za-z]{16}$/.test(name),
  naa: (name) => /^naa.[0-9A-Za-z]{32}$/.test(name),
}

/**
 * `iqn.YEAR-MONTH.DOMAIN:NAME` at the end of the text, as upstream looks for it: whatever stands before is not looked at. One look at each character,
 * since a pattern that is tried at each `iqn.` takes the square of a text's length.
 */
function isIQN(text: string): boolean {
  const parts = endOf(text, /[^,;*&$|\t\n\f\r ]/).split(':')
  if (parts.at(-1) === '') parts.pop()
  return parts.some(
    (part, index) => index < parts.length - 1 && /iqn\.\d{4}-\d{2}\.[0-9A-Za-z.-]/.test(endOf(part, /[0-9A-Za-z.-]/)),
  )
}

/** As much of the end as consists of such characters. */
function endOf(text: string, character: RegExp): string {
  let start = text.length
  while (start > 0 && character.test(text[start - 1]!)) start--
  return text.slice(start)
}

/** Of a volume of a pod; `unknown` is what is said of one that begins with none of the three. */
export function initiator(name: string, unknown: string, field: string, found: Findings): void {
  const isOfForm = FORMS[name.slice(0, 3)]
  if (isOfForm === undefined) found.push(invalidValue(field, name, unknown))
  else if (!isOfForm(name)) found.push(invalidValue(field, name, 'must be valid format'))
}

const UNKNOWN_FORM = 'must be valid format starting with iqn, eui, or naa'

const iscsi: Rule = (source, field, found) => {
  const { targetPortal, iqn, lun, chapAuthDiscovery, chapAuthSession, secretRef, initiatorName } = source
  if (!targetPortal) found.push(required(`${field}.targetPortal`))
  if (!iqn) found.push(required(`${field}.iqn`))
  else initiator(iqn as string, UNKNOWN_FORM, `${field}.iqn`, found)
  within(lun as number | undefined, 0, 255, `${field}.lun`, found)
  if ((chapAuthDiscovery || chapAuthSession) && secretRef === undefined) found.push(required(`${field}.secretRef`))
  if (initiatorName !== undefined) initiator(initiatorName as string, UNKNOWN_FORM, `${field}.initiatorname`, found)
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

export const storageOS: Rule = (source, field, found) => {
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
      if (!/^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair)) found.push(invalidValue(`${field}.registry`, registry, rule))
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
