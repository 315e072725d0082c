import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../generated/types.ts'
import {
  complaints,
  duplicateValue,
  type Findings,
  invalidValue,
  required,
  tooLong,
  unsupported,
} from '../validation/findings.ts'
import { dnsLabel, subdomainName } from '../validation/names.ts'

const CERTIFICATE_SECONDS_MIN = 600
const DOMAIN_LENGTH_MAX = 253
/** It signs every name for every use, so nobody may ask it for more; who asked in v1beta1 has long been answered. */
const LEGACY = 'kubernetes.io/legacy-unknown'

/** What a certificate may be for (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/certificate-signing-request-v1/). */
const USAGES = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only'],
  ...[
    'digital signature',
    'email protection',
    'encipher only',
    'ipsec end system',
    'ipsec tunnel',
    'ipsec user',
    'key agreement',
  ],
  ...['key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping'],
]

export function* validateSigningRequest({ spec, status }: CertificateSigningRequest): Findings {
  const { request = '', usages = [], signerName = '', expirationSeconds: seconds } = spec ?? {}
  if (!Buffer.from(request, 'base64').toString('latin1').includes('-----BEGIN CERTIFICATE REQUEST-----'))
    yield invalidValue('spec.request', request, 'PEM block type must be CERTIFICATE REQUEST')
  if (usages.length === 0) yield required('spec.usages')
  for (const [index, usage] of usages.entries())
    if (!USAGES.includes(usage)) yield unsupported(`spec.usages[${index}]`, usage, USAGES)
  for (const [index, usage] of usages.entries())
    if (usages.indexOf(usage) < index) yield duplicateValue(`spec.usages[${index}]`, usage)
  if (signerName === LEGACY)
    yield invalidValue('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version')
  else yield* validateSignerName(signerName, 'spec.signerName')
  if (seconds !== undefined && seconds < CERTIFICATE_SECONDS_MIN) {
    const rule = `may not specify a duration less than ${CERTIFICATE_SECONDS_MIN} seconds (10 minutes)`
    yield invalidValue('spec.expirationSeconds', seconds, rule)
  }
  yield* validateConditions(status?.conditions, 'status.conditions')
}

/** `example.com/signer-name`: a domain of two labels or more, and what its owner calls the signer. */
export function* validateSignerName(name: string, field: string): Findings {
  if (name === '') {
    yield required(field)
    return
  }
  const [domain = '', path = '', ...more] = name.split('/')
  if (!name.includes('/') || more.length > 0) {
    yield invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'")
    return
  }
  if (domain.length > DOMAIN_LENGTH_MAX) yield tooLong(field, DOMAIN_LENGTH_MAX)
  yield* firstBad(domain, dnsLabel, field)
  if (!domain.includes('.')) yield invalidValue(field, domain, 'should be a domain with at least two segments separated by dots')
  yield* firstBad(path, subdomainName, field)
}

/** Complains about the first part that is wrong; the others would say the same. */
function* firstBad(whole: string, rule: typeof dnsLabel, field: string): Findings {
  for (const part of whole.split('.')) {
    const problems = [...rule(part)].map((problem) => `validating label ${JSON.stringify(part)}: ${problem}`)
    yield* complaints(problems, whole, field)
    if (problems.length > 0) return
  }
}

const DECISIONS = new Set(['Approved', 'Denied', 'Failed'])

/** A decision is for good: nothing is both approved and denied, and none of the known conditions is taken back. */
export function* validateConditions(
  conditions: readonly CertificateSigningRequestCondition[] | undefined,
  field: string,
): Findings {
  const seen = new Set<string>()
  for (const [index, { type, status }] of (conditions ?? []).entries()) {
    const path = `${field}[${index}]`
    if (!type) yield required(`${path}.type`)
    if (DECISIONS.has(type)) {
      if (!status) yield required(`${path}.status`)
      else if (status !== 'True') yield unsupported(`${path}.status`, status, ['True'])
    } else if (!status) yield required(`${path}.status`)
    else if (!['True', 'False', 'Unknown'].includes(status))
      yield unsupported(`${path}.status`, status, ['True', 'False', 'Unknown'])
    const opposite = { Approved: 'Denied', Denied: 'Approved' }[type]
    if (opposite !== undefined && seen.has(opposite))
      yield invalidValue(`${path}.type`, type, 'Approved and Denied conditions are mutually exclusive')
    if (seen.has(type)) yield duplicateValue(`${path}.type`, type)
    seen.add(type)
  }
}
