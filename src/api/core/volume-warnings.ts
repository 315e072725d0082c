import type { Volume, VolumeProjection } from '../generated/types.ts'
import { claimSpecWarnings, DEPRECATED_TYPES, typeName } from './storage-warnings.ts'

export function* podVolumeWarnings(volumes: readonly Volume[], field: string): Iterable<string> {
  for (const [index, volume] of volumes.entries()) {
    const path = `${field}[${index}]`
    for (const [type, deprecation] of Object.entries(DEPRECATED_TYPES)) {
      if (volume[type as keyof Volume] !== undefined) yield `${path}.${typeName(type)}: ${deprecation}`
    }
    const template = volume.ephemeral?.volumeClaimTemplate
    if (template !== undefined) yield* claimSpecWarnings(template.spec, `${path}.ephemeral.volumeClaimTemplate.spec`)
  }
  for (const volume of volumes) yield* overlapWarnings(volume)
}

/** A file within a volume, and what it comes from where that is not the whole volume. */
interface Placed {
  readonly path: string
  readonly source: string
}

/** Of two files at one path the last would stay, and no file can be where a directory is. */
function* overlapWarnings({ name, configMap, secret, downwardAPI, projected }: Volume): Iterable<string> {
  const told = function* (what: string, files: readonly Placed[]): Iterable<string> {
    for (const overlap of overlaps(files)) yield `volume "${name}" (${what}): overlapping paths: ${overlap}`
  }
  yield* told(`ConfigMap "${configMap?.name ?? ''}"`, placed(configMap?.items, ''))
  yield* told(`Secret "${secret?.secretName ?? ''}"`, placed(secret?.items, ''))
  yield* told('DownwardAPI', placed(downwardAPI?.items, ''))
  const sources = projected?.sources ?? []
  for (const source of sources) if (Object.keys(source).length === 0) yield `volume "${name}" (Projected) has no sources provided`
  yield* told('Projected', sources.flatMap(filesOf))
}

function* overlaps(files: readonly Placed[]): Iterable<string> {
  const before: Placed[] = []
  for (const { path, source } of files) {
    const file = { path: path.replace(/\/+$/, ''), source }
    for (const other of before) {
      if (file.path === '' || other.path === '') continue
      if (`${other.path}/`.startsWith(`${file.path}/`) || `${file.path}/`.startsWith(`${other.path}/`))
        yield `${printed(file)} with ${printed(other)}`
    }
    before.push(file)
  }
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
