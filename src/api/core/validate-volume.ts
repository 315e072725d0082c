import { compareQuantities, type ObjectMeta } from '#meta'
import type { CSIVolumeSource, KeyToPath, NFSVolumeSource, Volume } from '../generated/types.ts'
import { csiDriverName, dnsLabelField } from '../validation/common.ts'
import { duplicateValue, type Findings, forbid, invalidValue, optionalOneOf, required } from '../validation/findings.ts'
import { subdomainName } from '../validation/names.ts'
import { validateClaimSpec } from './validate-claim.ts'
import { descendingPath, validateHostPath, validateItem, validateMode } from './validate-path.ts'
import { validateFile, validateProjected } from './validate-projected.ts'
import { validateDriverSource } from './validate-volume-source.ts'

/** Yields what is wrong with the volumes and adds those that are fit for use to `sound`. */
export function* validateVolumes(
  volumes: readonly Volume[] | undefined,
  owner: ObjectMeta | undefined,
  field: string,
  sound: Map<string, Volume>,
): Findings {
  const made = new Set(
    volumes?.filter(({ ephemeral }) => ephemeral !== undefined).map(({ name }) => `${owner?.name ?? ''}-${name}`),
  )
  for (const [index, volume] of (volumes ?? []).entries()) {
    const path = `${field}[${index}]`
    const own = [...validateSource(volume, owner, path), ...dnsLabelField(volume.name, `${path}.name`)]
    if (sound.has(volume.name)) own.push(duplicateValue(`${path}.name`, volume.name))
    if (own.length === 0) sound.set(volume.name, volume)
    yield* own
    const claim = volume.persistentVolumeClaim?.claimName
    if (claim !== undefined && made.has(claim)) {
      const rule = 'must not reference a PVC that gets created for an ephemeral volume'
      yield invalidValue(`${path}.persistentVolumeClaim.claimName`, claim, rule)
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

function* validateSource(volume: Volume, owner: ObjectMeta | undefined, field: string): Findings {
  const [first, ...others] = TYPES.filter((type) => volume[type as keyof Volume] !== undefined)
  if (first === undefined) yield required(field, 'must specify a volume type')
  else yield* validateType(volume, first, owner, field)
  for (const type of others) yield forbid(`${field}.${type}`, 'may not specify more than 1 volume type')
}

function* validateType(volume: Volume, type: (typeof TYPES)[number], owner: ObjectMeta | undefined, field: string): Findings {
  const { emptyDir, hostPath, gitRepo, secret, configMap, persistentVolumeClaim, downwardAPI, projected, nfs, csi } = volume
  const path = `${field}.${type}`
  switch (type) {
    case 'emptyDir':
      if (emptyDir!.sizeLimit !== undefined && compareQuantities(emptyDir!.sizeLimit, '0') < 0)
        yield forbid(`${path}.sizeLimit`, 'SizeLimit field must be a valid resource quantity')
      return
    case 'hostPath':
      yield* validateHostPath(hostPath!, path)
      return
    case 'gitRepo':
      if (!gitRepo!.repository) yield required(`${path}.repository`)
      yield* descendingPath(gitRepo!.directory ?? '', `${path}.directory`)
      return
    case 'secret':
      yield* validateFilesOf(secret!.secretName, secret!, `${path}.secretName`, path)
      return
    case 'configMap':
      yield* validateFilesOf(configMap!.name, configMap!, `${path}.name`, path)
      return
    case 'nfs':
      yield* validateNFS(nfs!, path)
      return
    case 'persistentVolumeClaim':
      if (!persistentVolumeClaim!.claimName) yield required(`${path}.claimName`)
      return
    case 'downwardAPI':
      yield* validateMode(downwardAPI!.defaultMode, `${path}.defaultMode`)
      for (const file of downwardAPI!.items ?? []) yield* validateFile(file, path)
      return
    case 'projected':
      yield* validateProjected(projected!, path)
      return
    case 'csi':
      yield* validateCSI(csi!, path)
      return
    case 'ephemeral':
      yield* validateEphemeral(volume, owner, field)
      return
    case 'image':
      // A template may leave the reference to whoever makes pods of it.
      if (owner !== undefined && !volume.image!.reference) yield required(`${path}.reference`)
      yield* optionalOneOf(volume.image!.pullPolicy, ['Always', 'IfNotPresent', 'Never'], `${path}.pullPolicy`)
      return
    default:
      yield* validateDriverSource(volume, type, field)
  }
}

function* validateFilesOf(
  name: string | undefined,
  { defaultMode, items }: { readonly defaultMode?: number; readonly items?: readonly KeyToPath[] },
  nameField: string,
  field: string,
): Findings {
  if (!name) yield required(nameField)
  yield* validateMode(defaultMode, `${field}.defaultMode`)
  for (const [index, item] of (items ?? []).entries()) yield* validateItem(item, `${field}.items[${index}]`)
}

export function* validateNFS({ server, path }: NFSVolumeSource, field: string): Findings {
  if (!server) yield required(`${field}.server`)
  if (!path) yield required(`${field}.path`)
  if (!path?.startsWith('/')) yield invalidValue(`${field}.path`, path ?? '', 'must be an absolute path')
}

function* validateCSI({ driver, nodePublishSecretRef }: CSIVolumeSource, field: string): Findings {
  yield* csiDriverName(driver, `${field}.driver`)
  if (nodePublishSecretRef === undefined) return
  if (nodePublishSecretRef.name) return
  yield required(`${field}.nodePublishSecretRef.name`)
}

/** The claim that such a volume gets is called after its pod and itself. */
function* validateEphemeral({ name, ephemeral }: Volume, owner: ObjectMeta | undefined, field: string): Findings {
  const { volumeClaimTemplate: template } = ephemeral!
  if (template === undefined) yield required(`${field}.ephemeral.volumeClaimTemplate`)
  else yield* validateClaimSpec(template.spec, `${field}.ephemeral.volumeClaimTemplate.spec`)
  if (!owner?.name || !name) return
  const claim = `${owner.name}-${name}`
  for (const problem of subdomainName(claim))
    yield invalidValue(`${field}.name`, name, `PVC name ${JSON.stringify(claim)}: ${problem}`)
}
