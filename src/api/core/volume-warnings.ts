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
  const sources = (volume: Volume): readonly VolumeProjection[] => volume.projected?.sources ?? []
  const tokens = new Set(volumes.flatMap(sources).flatMap(({ serviceAccountToken: token }) => (token ? [token.path] : [])))
  if (tokens.size === 0) return
  for (const [index, volume] of volumes.entries()) {
    for (const source of sources(volume)) {
      for (const [part, path] of pathsOf(source)) {
        if (tokens.has(path))
          yield `${field}[${index}].projected.sources.${part}: has duplicated path with ServiceAccountToken "${path}"`
      }
    }
  }
}

/** Every path that a source fills, by upstream's name of the place. */
function pathsOf({ configMap, secret, downwardAPI, clusterTrustBundle }: VolumeProjection): [part: string, path: string][] {
  const items = (name: string, list: readonly { readonly path: string }[] | undefined): [string, string][] =>
    (list ?? []).map(({ path }, index) => [`${name}[${index}]`, path])
  return [
    ...items('configMap', configMap?.items),
    ...items('secrets', secret?.items),
    ...items('downwardAPI', downwardAPI?.items),
    ...(clusterTrustBundle ? [['ClusterTrustBundle', clusterTrustBundle.path] as [string, string]] : []),
  ]
}
