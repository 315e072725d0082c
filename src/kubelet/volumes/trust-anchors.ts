import { type ClusterTrustBundle, type ClusterTrustBundleProjection, pemBlocks } from '#api'
import { compileSelector, matches } from '#meta'
import { VolumeError } from './volume.ts'

const LINE_LENGTH = 64

/**
 * What a `clusterTrustBundle` source of a projected volume holds, as PEM: of the bundle of a name, or of all of a signer that the selector chooses, each
 * certificate once (https://kubernetes.io/docs/concepts/storage/projected-volumes/#clustertrustbundle). Throws when there is none and the source is not optional.
 */
export function trustAnchors(source: ClusterTrustBundleProjection, bundles: readonly ClusterTrustBundle[]): Buffer {
  const { name, optional = false } = source
  const chosen = bundles.filter((bundle) => isChosen(source, bundle))
  if (chosen.length === 0 && !optional)
    throw new VolumeError(
      name === undefined
        ? 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
        : `clustertrustbundle.certificates.k8s.io ${JSON.stringify(name)} not found`,
    )
  const certificates = new Set<string>()
  for (const { spec } of chosen)
    for (const { type, hasHeaders, bytes } of pemBlocks(spec.trustBundle))
      if (type === 'CERTIFICATE' && !hasHeaders) certificates.add(bytes.toString('base64'))
  // Sorted, so that the file changes only when what is trusted does.
  return Buffer.from([...certificates].sort().map(armoured).join(''))
}

/** Without a selector none of a signer's is chosen; by an empty one all are. */
function isChosen(source: ClusterTrustBundleProjection, { metadata, spec }: ClusterTrustBundle): boolean {
  const { name, signerName, labelSelector } = source
  if (name !== undefined) return metadata?.name === name
  if (labelSelector === undefined || spec.signerName !== signerName) return false
  return matches(compileSelector(labelSelector), metadata?.labels)
}

const armoured = (base64: string): string => {
  const lines = base64.match(new RegExp(`.{1,${LINE_LENGTH}}`, 'g')) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
