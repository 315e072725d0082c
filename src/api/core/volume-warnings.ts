import type { Volume, VolumeProjection } from '../generated/types.ts'
import { claimSpecWarnings, DEPRECATED_TYPES, typeName } from './storage-warnings.ts'

export function podVolumeWarnings(volumes: readonly Volume[], field: string, warnings: string[]): void {
  for (const [index, volume] of volumes.entries()) {
    const path = `${field}[${index}]`
    for (const [type, deprecation] of Object.entries(DEPRECATED_TYPES)) {
      if (volume[type as keyof Volume] !== undefined) warnings.push(`${path}.${typeName(type)}: ${deprecation}`)
    }
    const template = volume.ephemeral?.volumeClaimTemplate
    if (template !== undefined) claimSpecWarnings(template.spec, `${path}.ephemeral.volumeClaimTemplate.spec`, warnings)
  }
  for (const volume of volumes) overlapWarnings(volume, warnings)
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
  told(`ConfigMap "${configMap?.name ?? ''}"`, placed(configMap?.items, ''))
  told(`Secret "${secret?.secretName ?? ''}"`, placed(secret?.items, ''))
  told('DownwardAPI', placed(downwardAPI?.items, ''))
  const sources = projected?.sources ?? []
  for (const source of sources)
    if (Object.keys(source).length === 0) warnings.push(`volume "${name}" (Projected) has no sources provided`)
  told('Projected', sources.flatMap(filesOf))
}

function overlaps(files: readonly Placed[]): string[] {
  const found: string[] = []
  const before: Placed[] = []
  for (const { path, source } of files) {
    const file = { path: path.replace(/\/+$/, ''), source }
    for (const other of before) {
      if (file.path === '' || other.path === '') continue
      if (`${other.path}/`.startsWith(`${file.path}/`) || `${file.path}/`.startsWith(`${other.path}/`))
        found.push(`${printed(file)} with ${printed(other)}`)
    }
    before.push(file)
  }
  return found
}

const printed = ({ path, source }: Placed): string => (source === '' ? `"${path}"` : `"${path}" (${source})`)

const placed = (items: readonly { readonly path: string }[] | undefined, source: string): Placed[] =>
  (items ?? []).map(({ path }) => ({ path, source }))

function filesOf({
  configMap,
  secret,
  downwardAPI,
  serviceAccountToken: token,
  clusterTrustBundle: bundle,
  podCertificate: certificate,
}: VolumeProjection): Placed[] {
  const one = (path: string | undefined, source: string): Placed[] => (path ? [{ path, source }] : [])
  return [
    ...placed(configMap?.items, `ConfigMap "${configMap?.name ?? ''}"`),
    ...placed(secret?.items, `Secret "${secret?.name ?? ''}"`),
    ...placed(downwardAPI?.items, 'DownwardAPI'),
    ...one(token?.path, 'ServiceAccountToken'),
    ...one(bundle?.path, `ClusterTrustBundle "${bundle?.name ?? bundle?.signerName ?? ''}"`),
    ...one(certificate?.certificateChainPath, 'PodCertificate chain'),
    ...one(certificate?.keyPath, 'PodCertificate key'),
    ...one(certificate?.credentialBundlePath, 'PodCertificate credential bundle'),
  ]
}
