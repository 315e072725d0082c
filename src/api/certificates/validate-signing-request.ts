import type { CertificateSigningRequest } from '../generated/types.ts'
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
import { certificateRequestProblem } from './certificate-request.ts'
import { validateConditions, validateIssued } from './validate-decision.ts'

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

export function validateSigningRequest({ spec, status }: CertificateSigningRequest, found: Findings): void {
  validateSpec(spec, found)
  validateConditions(status?.conditions, undefined, found)
  validateIssued(status?.certificate, found)
}

/** The status stays as it is, and with it what was wrong about it before there was a rule. */
export function validateSigningRequestUpdate(
  { spec, status }: CertificateSigningRequest,
  { status: before }: CertificateSigningRequest,
  found: Findings,
): void {
  validateSpec(spec, found)
  validateConditions(status?.conditions, before, found)
}

function validateSpec(spec: CertificateSigningRequest['spec'], found: Findings): void {
  const { request = '', usages = [], signerName = '', expirationSeconds: seconds } = spec ?? {}
  const problem = certificateRequestProblem(request)
  if (problem !== undefined) found.push(invalidValue('spec.request', request, problem))
  if (usages.length === 0) found.push(required('spec.usages'))
  for (const [index, usage] of usages.entries())
    if (!USAGES.includes(usage)) found.push(unsupported(`spec.usages[${index}]`, usage, USAGES))
  for (const [index, usage] of usages.entries())
    if (usages.indexOf(usage) < index) found.push(duplicateValue(`spec.usages[${index}]`, usage))
  if (signerName === LEGACY)
    found.push(invalidValue('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'))
  else validateSignerName(signerName, 'spec.signerName', found)
  if (seconds !== undefined && seconds < CERTIFICATE_SECONDS_MIN) {
    const rule = `may not specify a duration less than ${CERTIFICATE_SECONDS_MIN} seconds (10 minutes)`
    found.push(invalidValue('spec.expirationSeconds', seconds, rule))
  }
}

/** `example.com/signer-name`: a domain of two labels or more, and what its owner calls the signer. */
export function validateSignerName(name: string, field: string, found: Findings): void {
  if (name === '') {
    found.push(required(field))
    return
  }
  const [domain = '', path = '', ...more] = name.split('/')
  if (!name.includes('/') || more.length > 0) {
    found.push(invalidValue(field, name, "must be a fully qualified domain and path of the form 'example.com/signer-name'"))
    return
  }
  if (domain.length > DOMAIN_LENGTH_MAX) found.push(tooLong(field, DOMAIN_LENGTH_MAX))
  firstBad(domain, dnsLabel, field, found)
  if (!domain.includes('.'))
    found.push(invalidValue(field, domain, 'should be a domain with at least two segments separated by dots'))
  firstBad(path, subdomainName, field, found)
}

/** Complains about the first part that is wrong; the others would say the same. */
function firstBad(whole: string, rule: typeof dnsLabel, field: string, found: Findings): void {
  for (const part of whole.split('.')) {
    const problems = [...rule(part)].map((problem) => `validating label ${JSON.stringify(part)}: ${problem}`)
    complaints(problems, whole, field, found)
    if (problems.length > 0) return
  }
}
