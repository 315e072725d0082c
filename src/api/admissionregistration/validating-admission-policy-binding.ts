import { defineResource } from '../define-resource.ts'
import type { ValidatingAdmissionPolicyBinding } from '../generated/types.ts'
import { defaultMatchResources } from './default-webhook.ts'

export const validatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  scope: 'Cluster',
  names: { plural: 'validatingadmissionpolicybindings', categories: ['api-extensions'] },
  default({ spec }) {
    defaultMatchResources(spec?.matchResources)
    if (spec?.paramRef) spec.paramRef.parameterNotFoundAction ||= 'Deny'
  },
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
})
