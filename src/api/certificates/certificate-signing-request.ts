import { deepClone, deepEqual } from '#base'
import { age, humanDuration, NONE, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { CertificateSigningRequest } from '../generated/types.ts'
import { forbid } from '../validation/findings.ts'
import { validateConditions, validateSigningRequest } from './validate-signing-request.ts'

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
  // A signer writes the status; approving is another right, and goes through `approval`.
  prepareForStatusUpdate(draft, old) {
    const decisionsOf = ({ status }: CertificateSigningRequest) =>
      (status?.conditions ?? []).filter(({ type }) => type === 'Approved' || type === 'Denied')
    if (deepEqual(decisionsOf(draft), decisionsOf(old))) return
    const { conditions, ...rest } = draft.status ?? {}
    draft.status = { ...rest, ...(old.status?.conditions && { conditions: deepClone(old.status.conditions) }) }
  },
  columns: [
    name,
    age,
    text('SignerName', ({ spec }) => orNone(spec?.signerName)),
    text('Requestor', ({ spec }) => spec?.username),
    text('RequestedDuration', ({ spec }) =>
      spec?.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000),
    ),
    text('Condition', conditionOf),
  ],
  validate: validateSigningRequest,
  *validateStatusUpdate({ status }) {
    yield* validateConditions(status?.conditions, 'status.conditions')
  },
  *validateSubresourceUpdate(_, { status }) {
    yield* validateConditions(status?.conditions, 'status.conditions')
  },
  *validateUpdate({ spec }, { spec: old }) {
    if (!deepEqual(spec, old)) yield forbid('spec', 'field is immutable')
  },
  schema: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
})

function conditionOf({ status }: CertificateSigningRequest): string {
  const has = (type: string): boolean => status?.conditions?.some((condition) => condition.type === type) ?? false
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending'
  return [decision, ...(has('Failed') ? ['Failed'] : []), ...(status?.certificate ? ['Issued'] : [])].join(',')
}
