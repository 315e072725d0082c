import type { DownwardAPIVolumeFile, HostPathVolumeSource, KeyToPath, ProjectedVolumeSource, Volume } from '../generated/types.ts'
import { dnsLabelField, quantity } from '../validation/common.ts'
import { complaints, duplicateValue, type Findings, forbid, invalidValue, required, unsupported } from '../validation/findings.ts'
import { configKey, subdomainName } from '../validation/names.ts'
import { volumeField } from './validate-environment.ts'

const MODE_MAX = 0o777
const HOST_PATH_TYPES = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket']
const TOKEN_SECONDS_MIN = 600
const TOKEN_SECONDS_MAX = 2 ** 32

export function* validateVolumes(volumes: readonly Volume[] | undefined, field: string): Findings {
  const names = new Set<string>()
  for (const [index, volume] of (volumes ?? []).entries()) {
    const path = `${field}[${index}]`
    const own = [...validateSource(volume, path), ...dnsLabelField(volume.name, `${path}.name`)]
    yield* own
    if (names.has(volume.name)) yield duplicateValue(`${path}.name`, volume.name)
    else if (own.length === 0) names.add(volume.name)
  }
}

function* validateSource(volume: Volume, field: string): Findings {
  const [first, ...others] = Object.keys(volume).filter((key) => key !== 'name' && volume[key as keyof Volume] !== undefined)
  if (first === undefined) yield required(field, 'must specify a volume type')
  for (const type of others) yield forbid(`${field}.${type}`, 'may not specify more than 1 volume type')
  const { emptyDir, hostPath, secret, configMap, persistentVolumeClaim, downwardAPI, projected, nfs, ephemeral, csi } = volume
  if (emptyDir?.sizeLimit !== undefined) yield* quantity(emptyDir.sizeLimit, `${field}.emptyDir.sizeLimit`)
  if (hostPath) yield* validateHostPath(hostPath, `${field}.hostPath`)
  if (secret) {
    if (!secret.secretName) yield required(`${field}.secret.secretName`)
    yield* validateMode(secret.defaultMode, `${field}.secret.defaultMode`)
    yield* validateItems(secret.items, `${field}.secret.items`)
  }
  if (configMap) {
    if (!configMap.name) yield required(`${field}.configMap.name`)
    yield* validateMode(configMap.defaultMode, `${field}.configMap.defaultMode`)
    yield* validateItems(configMap.items, `${field}.configMap.items`)
  }
  if (persistentVolumeClaim && !persistentVolumeClaim.claimName) yield required(`${field}.persistentVolumeClaim.claimName`)
  if (downwardAPI) {
    yield* validateMode(downwardAPI.defaultMode, `${field}.downwardAPI.defaultMode`)
    yield* validateFiles(downwardAPI.items, `${field}.downwardAPI`)
  }
  if (projected) yield* validateProjected(projected, `${field}.projected`)
  if (nfs) {
    if (!nfs.server) yield required(`${field}.nfs.server`)
    if (!nfs.path) yield required(`${field}.nfs.path`)
    else if (!nfs.path.startsWith('/')) yield invalidValue(`${field}.nfs.path`, nfs.path, 'must be an absolute path')
  }
  if (ephemeral && !ephemeral.volumeClaimTemplate) yield required(`${field}.ephemeral.volumeClaimTemplate`)
  if (csi && !csi.driver) yield required(`${field}.csi.driver`)
}

export function* validateHostPath({ path, type }: HostPathVolumeSource, field: string): Findings {
  if (!path) {
    yield required(`${field}.path`)
    return
  }
  if (path.split('/').includes('..')) yield invalidValue(`${field}.path`, path, "must not contain '..'")
  if (type !== undefined && !HOST_PATH_TYPES.includes(type)) yield unsupported(`${field}.type`, type, HOST_PATH_TYPES)
}

function* validateMode(mode: number | undefined, field: string): Findings {
  if (mode !== undefined && (mode < 0 || mode > MODE_MAX)) {
    yield invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')
  }
}

function* validateItems(items: readonly KeyToPath[] | undefined, field: string): Findings {
  for (const [index, { key, path, mode }] of (items ?? []).entries()) {
    if (!key) yield required(`${field}[${index}].key`)
    else yield* complaints(configKey(key), key, `${field}[${index}].key`)
    yield* relativePath(path, `${field}[${index}].path`)
    yield* validateMode(mode, `${field}[${index}].mode`)
  }
}

/** A path that can't leave the volume, and doesn't collide with the volume's own book-keeping. */
export function* relativePath(path: string | undefined, field: string): Findings {
  if (!path) {
    yield required(field)
    return
  }
  yield* descendingPath(path, field)
  if (path.startsWith('..') && !path.startsWith('../') && path !== '..')
    yield invalidValue(field, path, "must not start with '..'")
}

export function* descendingPath(path: string, field: string): Findings {
  if (path.startsWith('/')) yield invalidValue(field, path, 'must be a relative path')
  if (path.split('/').includes('..')) yield invalidValue(field, path, "must not contain '..'")
}

function* validateFiles(items: readonly DownwardAPIVolumeFile[] | undefined, field: string): Findings {
  for (const { path, fieldRef, resourceFieldRef, mode } of items ?? []) {
    yield* relativePath(path, `${field}.path`)
    if (fieldRef) {
      yield* volumeField(fieldRef, `${field}.fieldRef`)
      if (resourceFieldRef)
        yield invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously')
    } else if (resourceFieldRef) {
      if (!resourceFieldRef.containerName) yield required(`${field}.resourceFieldRef.containerName`)
      if (!resourceFieldRef.resource) yield required(`${field}.resourceFieldRef.resource`)
    } else yield required(field, 'one of fieldRef and resourceFieldRef is required')
    yield* validateMode(mode, `${field}.mode`)
  }
}

function* validateProjected({ sources = [], defaultMode }: ProjectedVolumeSource, field: string): Findings {
  yield* validateMode(defaultMode, `${field}.defaultMode`)
  for (const [index, source] of sources.entries()) {
    const path = `${field}.sources[${index}]`
    const [, ...others] = Object.keys(source).filter((key) => source[key as keyof typeof source] !== undefined)
    for (const type of others) yield forbid(`${path}.${type}`, 'may not specify more than 1 volume type per source')
    for (const type of ['secret', 'configMap'] as const) {
      const projection = source[type]
      if (projection === undefined) continue
      if (!projection.name) yield required(`${path}.${type}.name`)
      else yield* complaints(subdomainName(projection.name), projection.name, `${path}.${type}.name`)
      yield* validateItems(projection.items, `${path}.${type}.items`)
    }
    if (source.downwardAPI) yield* validateFiles(source.downwardAPI.items, `${path}.downwardAPI`)
    const token = source.serviceAccountToken
    if (token === undefined) continue
    const seconds = token.expirationSeconds ?? TOKEN_SECONDS_MIN
    if (seconds < TOKEN_SECONDS_MIN) {
      yield invalidValue(
        `${path}.serviceAccountToken.expirationSeconds`,
        seconds,
        'may not specify a duration less than 10 minutes',
      )
    } else if (seconds > TOKEN_SECONDS_MAX) {
      yield invalidValue(
        `${path}.serviceAccountToken.expirationSeconds`,
        seconds,
        'may not specify a duration larger than 2^32 seconds',
      )
    }
    yield* relativePath(token.path, `${path}.serviceAccountToken.path`)
  }
}
