import { age, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ValidatingAdmissionPolicy } from '../generated/types.ts'
import { defaultMatchResources } from './default-webhook.ts'
import { paramKind } from './policy-columns.ts'
import { staticNameWarnings } from './static-name.ts'
import { validatePolicyStatus, validateValidatingPolicy } from './validate-policy.ts'

export const validatingAdmissionPolicies = defineResource<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  scope: 'Cluster',
  names: { plural: 'validatingadmissionpolicies', categories: ['api-extensions'] },
  unconditionalUpdate: false,
  subresources: { status: true },
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {})
    spec.failurePolicy ||= 'Fail'
    defaultMatchResources(spec.matchConstraints)
    draft.status ??= {}
  },
  columns: [
    name,
    integer(
      'Validations',
      ({ spec }) => spec?.validations?.length ?? 0,
      'Validations indicates the number of validation rules defined in this configuration',
    ),
    text(
      'ParamKind',
      ({ spec }) => paramKind(spec?.paramKind),
      'ParamKind specifies the kind of resources used to parameterize this policy',
    ),
    age,
  ],
  validate: (policy, found) => validateValidatingPolicy(policy, undefined, found),
  validateUpdate: validateValidatingPolicy,
  ratchets: true,
  validateStatusUpdate: (policy, _old, found) => validatePolicyStatus(policy, found),
  warnings: (policy, _old, warnings) => staticNameWarnings(policy, warnings),
  schema: 'io.k8s.api.admissionregistration.v1.ValidatingAdmissionPolicy',
})
