import { X509Certificate } from 'node:crypto'
import type { ClusterTrustBundle } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { complaints, type Findings, invalidValue, tooLong } from '../validation/findings.ts'
import { pemBlocks } from './pem-blocks.ts'
import { bundleNameProblems } from './trust-bundle-name.ts'
import { validateSignerName } from './validate-signing-request.ts'

const TRUST_BUNDLE_BYTES_MAX = 1024 * 1024

/** As the API reference of ClusterTrustBundle says: https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/cluster-trust-bundle-v1beta1/. */
export function validateTrustBundle(bundle: ClusterTrustBundle, found: Findings): void {
  validateNaming(bundle, found)
  validateAnchors(bundle.spec?.trustBundle ?? '', 'spec.trustBundle', found)
}

/** What was accepted once is not read again, so that stricter readers lock nobody out of labels. */
export function validateTrustBundleUpdate(bundle: ClusterTrustBundle, old: ClusterTrustBundle, found: Findings): void {
  validateNaming(bundle, found)
  if (bundle.spec?.trustBundle !== old.spec?.trustBundle)
    validateAnchors(bundle.spec?.trustBundle ?? '', 'spec.trustBundle', found)
  immutable(bundle.spec?.signerName ?? '', old.spec?.signerName ?? '', 'spec.signerName', found)
}

function validateNaming({ metadata, spec }: ClusterTrustBundle, found: Findings): void {
  const signerName = spec?.signerName ?? ''
  const { name = '', generateName = '' } = metadata ?? {}
  if (generateName !== '')
    complaints(bundleNameProblems(signerName, generateName, true), generateName, 'metadata.generateName', found)
  complaints(bundleNameProblems(signerName, name, false), name, 'metadata.name', found)
  if (signerName !== '') validateSignerName(signerName, 'spec.signerName', found)
}

function validateAnchors(text: string, field: string, found: Findings): void {
  if (Buffer.byteLength(text) > TRUST_BUNDLE_BYTES_MAX) {
    found.push(tooLong(field, TRUST_BUNDLE_BYTES_MAX))
    return
  }
  const wrong = (detail: string) => invalidValue(field, '<value omitted>', detail)
  const places = new Map<string, number[]>()
  let malformed = false
  let entry = -1
  for (const { type, hasHeaders, bytes } of pemBlocks(text)) {
    entry++
    const problem =
      type !== 'CERTIFICATE' ? `has bad block type: ${type}` : hasHeaders ? 'has PEM block headers' : certificateProblem(bytes)
    if (problem === undefined) {
      const der = bytes.toString('latin1')
      places.set(der, [...(places.get(der) ?? []), entry])
      continue
    }
    malformed = true
    found.push(wrong(`entry ${entry} ${problem}`))
  }
  if (malformed) return
  if (places.size === 0) found.push(wrong('at least one trust anchor must be provided'))
  for (const indices of places.values())
    if (indices.length > 1) found.push(wrong(`duplicate trust anchor (indices [${indices.join(' ')}])`))
}

function certificateProblem(bytes: Uint8Array): string | undefined {
  try {
    return new X509Certificate(bytes).ca ? undefined : 'does not have the CA bit set'
  } catch {
    return 'does not parse as X.509'
  }
}
