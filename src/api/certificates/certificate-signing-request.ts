import { deepClone } from '#base'
import { age, humanDuration, NONE, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../generated/types.ts'
import { validateDecision } from './validate-decision.ts'
import { validateSigningRequest, validateSigningRequestUpdate } from './validate-signing-request.ts'

export const certificateSigningRequests = defineResource<CertificateSigningRequest>({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  scope: 'Cluster',
  names: { plural: 'certificatesigningrequests', shortNames: ['csr'] },
  subresources: { status: true, others: { approval: { kind: 'CertificateSigningRequest', verbs: ['get', 'patch', 'update'] } } },
  selectableFields: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  default(draft) {
    draft.status ??= {}
  },
  // A signer's copy of the decision may be stale in its details; that one is missing or new is for validation to say.
  prepareForStatusUpdate(draft, old) {
    for (const type of ['Approved', 'Denied']) keepConditions(draft.status?.conditions, old.status?.conditions, type)
  },
  columns: [
    name,
    age,
    text('SignerName', ({ spec }) => orNone(spec?.signerName), 'certificates.v1.CertificateSigningRequestSpec#signerName'),
    text('Requestor', ({ spec }) => spec?.username, 'certificates.v1.CertificateSigningRequestSpec#request'),
    text(
      'RequestedDuration',
      ({ spec }) => (spec?.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000)),
      'certificates.v1.CertificateSigningRequestSpec#expirationSeconds',
    ),
    text('Condition', conditionOf, 'certificates.v1.CertificateSigningRequestStatus#conditions'),
  ],
  validate: validateSigningRequest,
  ratchets: true,
  validateUpdate: validateSigningRequestUpdate,
  validateStatusUpdate: (request, old, found) => validateDecision(request, old, 'status', found),
  validateSubresourceUpdate: (_, request, old, found) => validateDecision(request, old, 'approval', found),
  schema: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
})

/** Those of a type as they were, if they are as many. */
function keepConditions(
  conditions: CertificateSigningRequestCondition[] | undefined,
  old: readonly CertificateSigningRequestCondition[] | undefined,
  type: string,
): void {
  const indices = [...(conditions ?? []).keys()].filter((index) => conditions![index]!.type === type)
  const kept = (old ?? []).filter((condition) => condition.type === type)
  if (kept.length === indices.length) for (const [at, index] of indices.entries()) conditions![index] = deepClone(kept[at]!)
}

function conditionOf({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) ?? false
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',')
}
