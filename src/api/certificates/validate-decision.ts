import { X509Certificate } from 'node:crypto'
import { deepEqual } from '#base'
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../generated/types.ts'
import { duplicateValue, type Findings, forbid, foundBy, invalidValue, required, unsupported } from '../validation/findings.ts'
import { pemBlocks } from './pem-blocks.ts'

const CONDITIONS = 'status.conditions'
const CERTIFICATE = 'status.certificate'

/** Types of condition that are true or absent, and never taken back. */
const FINAL = ['Approved', 'Denied', 'Failed'] as const
/** Those that only `approval` sets. */
const DECISIONS = ['Approved', 'Denied'] as const
const STATUSES = ['False', 'True', 'Unknown']

/** A request is not both approved and denied; what an update finds wrong already may stay so. */
export function validateConditions(
  conditions: readonly CertificateSigningRequestCondition[] | undefined,
  before: CertificateSigningRequest['status'] | undefined,
  found: Findings,
): void {
  const known = (before?.conditions ?? []).map(({ type }) => type)
  const allowed = {
    both: DECISIONS.every((type) => known.includes(type)),
    duplicates: new Set(known).size < known.length,
    nameless: known.includes(''),
  }
  const seen = new Set<string>()
  for (const [index, { type = '', status }] of (conditions ?? []).entries()) {
    const path = `${CONDITIONS}[${index}]`
    if (type === '' && !allowed.nameless) found.push(required(`${path}.type`))
    const statuses = FINAL.some((each) => each === type) ? ['True'] : STATUSES
    if (!status) found.push(required(`${path}.status`))
    else if (!statuses.includes(status)) found.push(unsupported(`${path}.status`, status, statuses))
    const opposite = { Approved: 'Denied', Denied: 'Approved' }[type]
    if (opposite !== undefined && seen.has(opposite) && !allowed.both)
      found.push(invalidValue(`${path}.type`, type, 'Approved and Denied conditions are mutually exclusive'))
    if (seen.has(type) && !allowed.duplicates) found.push(duplicateValue(`${path}.type`, type))
    seen.add(type)
  }
}

export function validateIssued(certificate: string | undefined, found: Findings): void {
  const problem = certificate ? certificateProblem(Buffer.from(certificate, 'base64').toString('latin1')) : undefined
  if (problem !== undefined) found.push(invalidValue(CERTIFICATE, '<certificate data>', problem))
}

/**
 * What a write through `status` or `approval` may change: a decision stands, only `approval` makes one, and a certificate is issued once, through
 * `status` (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/).
 */
export function validateDecision(
  { status }: CertificateSigningRequest,
  { status: before }: CertificateSigningRequest,
  subresource: 'status' | 'approval',
  found: Findings,
): void {
  validateConditions(status?.conditions, before, found)
  const isReissued = (status?.certificate ?? '') !== (before?.certificate ?? '')
  // Of a signer from before this rule.
  const isTolerated = before?.certificate && foundBy((own) => validateIssued(before.certificate, own)).length > 0
  if (isReissued && !isTolerated) validateIssued(status?.certificate, found)
  const of = (conditions: readonly CertificateSigningRequestCondition[] | undefined, type: string) =>
    (conditions ?? []).filter((condition) => condition.type === type)
  for (const type of FINAL)
    if (of(status?.conditions, type).length < of(before?.conditions, type).length)
      found.push(forbid(CONDITIONS, `updates may not remove a condition of type "${type}"`))
  if (subresource === 'status')
    for (const type of DECISIONS) {
      const [now, then] = [of(status?.conditions, type), of(before?.conditions, type)]
      if (now.length > then.length) found.push(forbid(CONDITIONS, `updates may not add a condition of type "${type}"`))
      else if (now.length === then.length && !deepEqual(now, then))
        found.push(forbid(CONDITIONS, `updates may not modify a condition of type "${type}"`))
    }
  if (isReissued && subresource === 'approval') found.push(forbid(CERTIFICATE, 'updates may not set certificate content'))
  else if (isReissued && before?.certificate)
    found.push(forbid(CERTIFICATE, 'updates may not modify existing certificate content'))
}

function certificateProblem(pem: string): string | undefined {
  let blocks = 0
  for (const { type, hasHeaders, bytes } of pemBlocks(pem)) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`
    if (hasHeaders) return 'no PEM block headers are permitted'
    if (bytes.length === 0) return 'found CERTIFICATE PEM block containing 0 certificates'
    blocks++
    try {
      void new X509Certificate(bytes)
    } catch {
      return 'x509: malformed certificate'
    }
  }
  return blocks === 0 ? 'must contain at least one CERTIFICATE PEM block' : undefined
}
