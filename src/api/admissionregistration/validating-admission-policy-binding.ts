import { defineResource } from '../define-resource.ts'
import type { ValidatingAdmissionPolicyBinding } from '../generated/types.ts'

export const validatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  scope: 'Cluster',
  names: { plural: 'validatingadmissionpolicybindings', categories: ['api-extensions'] },
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
})
