import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { MutatingAdmissionPolicyBinding } from '../generated/types.ts'
import { unchanged } from '../older-versions/unchanged.ts'
import { defaultMatchResources } from './default-webhook.ts'
import { paramRef } from './policy-columns.ts'
import { staticNameWarnings } from './static-name.ts'
import { validateMutatingBinding } from './validate-policy-binding.ts'

export const mutatingAdmissionPolicyBindings = defineResource<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  // Until 1.37, for servers of 1.35.
  storedAs: { version: 'v1beta1', write: unchanged },
  kind: 'MutatingAdmissionPolicyBinding',
  scope: 'Cluster',
  names: { plural: 'mutatingadmissionpolicybindings', categories: ['api-extensions'] },
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
  validate: validateMutatingBinding,
  warnings: (binding, _old, warnings) => staticNameWarnings(binding, warnings),
  schema: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicyBinding',
})
