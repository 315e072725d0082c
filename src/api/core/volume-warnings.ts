import type { Volume, VolumeProjection } from '../generated/types.ts'
import { NONE } from '../validation/names.ts'
import { claimSpecWarnings, DEPRECATED_TYPES, typeName } from './storage-warnings.ts'

export function podVolumeWarnings(volumes: readonly Volume[], field: string, warnings: string[]): void {
  for (const [index, volume] of volumes.entries()) {
    if (isDeprecated(volume)) deprecationWarnings(volume, `${field}[${index}]`, warnings)
    const template = volume.ephemeral?.volumeClaimTemplate
    if (template !== undefined)
      claimSpecWarnings(template.spec, `${field}[${index}].ephemeral.volumeClaimTemplate.spec`, warnings)
  }
  for (const volume of volumes) overlapWarnings(volume, warnings)
}

function isDeprecated(volume: Volume): boolean {
  for (const key in volume) if (Object.hasOwn(DEPRECATED_TYPES, key)) return true
  return false
}

function deprecationWarnings(volume: Volume, path: string, warnings: string[]): void {
  for (const [type, deprecation] of Object.entries(DEPRECATED_TYPES))
    if (volume[type as keyof Volume] !== undefined) warnings.push(`${path}.${typeName(type)}: ${deprecation}`)
}

/** A file within a volume, and what it comes from where that is not the whole volume. */
interface Placed {
  readonly path: string
  readonly source: string
}

/** Of two files at one path the last would stay, and no file can be where a directory is. */
function overlapWarnings({ name, configMap, secret, downwardAPI, projected }: Volume, warnings: string[]): void {
  const told = (what: string, files: readonly Placed[]): void => {
    for (const overlap of overlaps(files)) warnings.push(`volume "${name}" (${what}): overlapping paths: ${overlap}`)
  }
  if (configMap?.items !== undefined) told(`ConfigMap "${configMap.name ?? ''}"`, placed(configMap.items))
  if (secret?.items !== undefined) told(`Secret "${secret.secretName ?? ''}"`, placed(secret.items))
  if (downwardAPI?.items !== undefined) told('DownwardAPI', placed(downwardAPI.items))
  if (projected?.sources === undefined) return
  const files: Placed[] = []
  for (const source of projected.sources) {
    if (Object.keys(source).length === 0) warnings.push(`volume "${name}" (Projected) has no sources provided`)
    placeProjected(source, files)
  }
  told('Projected', files)
}

function overlaps(files: readonly Placed[]): string[] {
  const found: string[] = []
  for (const [index, file] of files.entries()) {
    for (let at = 0; at < index; at++) {
      const other = files[at]!
      if (file.path === '' || other.path === '') continue
      if (isWithin(file.path, other.path) || isWithin(other.path, file.path))
        found.push(`${printed(file)} with ${printed(other)}`)
    }
  }
  return found
}

const isWithin = (path: string, directory: string): boolean =>
  path.startsWith(directory) && (path.length === directory.length || path[directory.length] === '/')

const printed = ({ path, source }: Placed): string => (source === '' ? `"${path}"` : `"${path}" (${source})`)

const placed = (items: readonly { readonly path: string }[]): Placed[] => items.map(({ path }) => place(path, ''))

const place = (path: string, source: string): Placed => ({ path: path.endsWith('/') ? path.replace(/\/+$/, '') : path, source })

function placeProjected(source: VolumeProjection, files: Placed[]): void {
  const { configMap, secret, downwardAPI, serviceAccountToken: token, clusterTrustBundle: bundle, podCertificate } = source
  const add = (path: string | undefined, from: string): void => {
    if (path) files.push(place(path, from))
  }
  for (const { path } of configMap?.items ?? NONE) files.push(place(path, `ConfigMap "${configMap?.name ?? ''}"`))
  for (const { path } of secret?.items ?? NONE) files.push(place(path, `Secret "${secret?.name ?? ''}"`))
  for (const { path } of downwardAPI?.items ?? NONE) files.push(place(path, 'DownwardAPI'))
  if (token !== undefined) add(token.path, 'ServiceAccountToken')
  if (bundle !== undefined) add(bundle.path, `ClusterTrustBundle "${bundle.name ?? bundle.signerName ?? ''}"`)
  if (podCertificate === undefined) return
  add(podCertificate.certificateChainPath, 'PodCertificate chain')
  add(podCertificate.keyPath, 'PodCertificate key')
  add(podCertificate.credentialBundlePath, 'PodCertificate credential bundle')
}
