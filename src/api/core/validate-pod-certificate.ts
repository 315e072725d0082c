import { validateSignerName } from '../certificates/validate-signing-request.ts'
import type { PodCertificateProjection } from '../generated/types.ts'
import { complaints, type Findings, invalidValue, required, tooLong, unsupported } from '../validation/findings.ts'
import { qualifiedName } from '../validation/names.ts'
import { descendingName } from './validate-path.ts'

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519']
const EXPIRATION_SECONDS_MIN = 3600
const EXPIRATION_SECONDS_MAX = 7_862_400
/** Of a signer of Kubernetes' own. */
const OWN_EXPIRATION_SECONDS_MAX = 86_400
const ANNOTATIONS_BYTES_MAX = 256 * 1024
const PATHS = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const

/** A key and the certificates for it, as files of a volume (KEP-4317). `claim` takes a path, which nobody else may have. */
export function validatePodCertificate(
  projection: PodCertificateProjection,
  claim: (path: string) => void,
  field: string,
  found: Findings,
): void {
  const { signerName = '', keyType = '', maxExpirationSeconds: seconds, userAnnotations } = projection
  validateSignerName(signerName, `${field}.signerName`, found)
  if (userAnnotations !== undefined) validateUserAnnotations(userAnnotations, `${field}.userAnnotations`, found)
  if (!KEY_TYPES.includes(keyType)) found.push(unsupported(`${field}.keyType`, keyType, KEY_TYPES))
  const max = /^([^/]+\.)?kubernetes\.io(\/|$)/.test(signerName) ? OWN_EXPIRATION_SECONDS_MAX : EXPIRATION_SECONDS_MAX
  const wrong = (rule: string): void => {
    found.push(invalidValue(`${field}.maxExpirationSeconds`, seconds, `if provided, maxExpirationSeconds must be ${rule}`))
  }
  if (seconds !== undefined && seconds < EXPIRATION_SECONDS_MIN) wrong(`>= ${EXPIRATION_SECONDS_MIN}`)
  if (seconds !== undefined && seconds > max) wrong(`<= ${max}`)
  for (const key of PATHS) {
    const path = projection[key]
    if (!path) continue
    descendingName(path, `${field}.${key}`, found)
    claim(path)
  }
  if (PATHS.every((key) => !projection[key]))
    found.push(required(field, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath'))
}

function validateUserAnnotations(annotations: Readonly<Record<string, string>>, field: string, found: Findings): void {
  let size = 0
  for (const [name, value] of Object.entries(annotations)) {
    const key = name.toLowerCase()
    const before = found.length
    if (key === '') found.push(required(field))
    else complaints(qualifiedName(key), key, field, found)
    if (found.length === before && !key.includes('/'))
      found.push(invalidValue(field, key, 'must be a domain-prefixed key (such as "acme.io/foo")'))
    size += Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  if (size > ANNOTATIONS_BYTES_MAX) found.push(tooLong(field, ANNOTATIONS_BYTES_MAX))
}
