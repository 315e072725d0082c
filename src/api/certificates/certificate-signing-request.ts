import { defineResource } from '../define-resource.ts'
import type { CertificateSigningRequest } from '../generated/types.ts'

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
  schema: 'io.k8s.api.certificates.v1.CertificateSigningRequest',
})
