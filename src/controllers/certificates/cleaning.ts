import { X509Certificate } from 'node:crypto'
import { type CertificateSigningRequest, certificateSigningRequests } from '#api'
import { isConflict, isNotFound } from '#meta'
import { defineController, done, requeueAt } from '../framework/index.ts'
import { conditionOf } from './conditions.ts'

const HOUR_MS = 3_600_000
/** What was issued, denied or failed. */
const FINISHED_MS = HOUR_MS
/** What nobody decided, or nobody issued. */
const PENDING_MS = 24 * HOUR_MS

/** Deletes requests that are over (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#request-signing-process). */
export const certificateCleaning = defineController({
  name: 'certificate-controller',
  flag: 'certificatesigningrequest-cleaner-controller',
  for: certificateSigningRequests,
  workers: 1,
  async reconcile({ key, cache, client, clock }) {
    const request = cache(certificateSigningRequests).get(key)
    if (request === undefined) return done
    const endMs = Math.min(...ends(request))
    if (endMs === Number.POSITIVE_INFINITY) return done
    if (endMs > clock.now()) return requeueAt(endMs)
    try {
      await client.delete(certificateSigningRequests, key, { preconditions: { uid: request.metadata?.uid ?? '' } })
    } catch (error) {
      if (!isNotFound(error) && !isConflict(error)) throw error
    }
    return done
  },
})

function* ends(request: CertificateSigningRequest): Iterable<number> {
  yield Number.POSITIVE_INFINITY
  const certificate = request.status?.certificate
  const since = (type: 'Approved' | 'Denied' | 'Failed', ageMs: number): number =>
    timeOf(conditionOf(request, type)?.lastUpdateTime) + ageMs
  yield since('Denied', FINISHED_MS)
  yield since('Failed', FINISHED_MS)
  yield since('Approved', certificate ? FINISHED_MS : PENDING_MS)
  if (!request.status?.conditions?.length) yield timeOf(request.metadata?.creationTimestamp) + PENDING_MS
  if (certificate && conditionOf(request, 'Approved')) yield expiryOf(certificate)
}

const timeOf = (time: string | undefined): number => Date.parse(time ?? '') || Number.POSITIVE_INFINITY

function expiryOf(certificate: string): number {
  try {
    return Date.parse(new X509Certificate(Buffer.from(certificate, 'base64')).validTo)
  } catch {
    // Any signer may write anything there; the age of its approval then decides alone.
    return Number.POSITIVE_INFINITY
  }
}
