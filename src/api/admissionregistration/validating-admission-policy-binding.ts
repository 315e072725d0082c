import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ValidatingAdmissionPolicyBinding } from '../generated/types.ts'
import { defaultMatchResources } from './default-webhook.ts'
import { paramRef } from './policy-columns.ts'
import { staticNameWarnings } from './static-name.ts'
import { validateValidatingBinding } from './validate-policy-binding.ts'

export const validatingAdmissionPolicyBindings = defineResource<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  scope: 'Cluster',
  names: { plural: 'validatingadmissionpolicybindings', categories: ['api-extensions'] },
  unconditionalUpdate: false,
  default({ spec }) {
    defaultMatchResources(spec?.matchResources)
    if (spec?.paramRef) spec.paramRef.parameterNotFoundAction ||= 'Deny'
  },
  columns: [
    name,
    text(
      'PolicyName',
      ({ spec }) => spec?.policyName,
      'PolicyName indicates the policy definition which the policy binding binded to',
    ),
    text(
      'ParamRef',
      ({ spec }) => paramRef(spec?.paramRef),
      'ParamRef indicates the param resource which sets the configration param',
    ),
    age,
  ],
  validate: validateValidatingBinding,
  warnings: (binding, _old, warnings) => staticNameWarnings(binding, warnings),
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicyBinding',
})
