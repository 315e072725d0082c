import { defineResource } from '../define-resource.ts'
import type { ValidatingAdmissionPolicy } from '../generated/types.ts'

export const validatingAdmissionPolicies = defineResource<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  scope: 'Cluster',
  names: { plural: 'validatingadmissionpolicies', categories: ['api-extensions'] },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
})
