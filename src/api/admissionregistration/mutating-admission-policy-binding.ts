import { defineResource } from '../define-resource.ts'
import type { MutatingAdmissionPolicyBinding } from '../generated/types.ts'

export const mutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  scope: 'Cluster',
  names: { plural: 'mutatingadmissionpolicybindings', categories: ['api-extensions'] },
  schema: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding',
})
