import { age, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { MutatingAdmissionPolicy } from '../generated/types.ts'
import { unchanged } from '../older-versions/unchanged.ts'
import { defaultMatchResources } from './default-webhook.ts'
import { paramKind } from './policy-columns.ts'
import { staticNameWarnings } from './static-name.ts'
import { validateMutatingPolicy } from './validate-policy.ts'

export const mutatingAdmissionPolicies = defineResource<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  // Until 1.37, for servers of 1.35.
  storedAs: { version: 'v1beta1', write: unchanged },
  kind: 'MutatingAdmissionPolicy',
  scope: 'Cluster',
  names: { plural: 'mutatingadmissionpolicies', categories: ['api-extensions'] },
  unconditionalUpdate: false,
  generation: true,
  default(draft) {
    const spec = (draft.spec ??= {})
    spec.failurePolicy ||= 'Fail'
    spec.reinvocationPolicy ||= 'Never'
    defaultMatchResources(spec.matchConstraints)
  },
  columns: [
    name,
    integer(
      'Mutations',
      ({ spec }) => spec?.mutations?.length ?? 0,
      'Mutation indicates the number of mutations rules defined in this configuration',
    ),
    text(
      'ParamKind',
      ({ spec }) => paramKind(spec?.paramKind),
      'ParamKind specifies the kind of resources used to parameterize this policy',
    ),
    age,
  ],
  validate: (policy, found) => validateMutatingPolicy(policy, undefined, found),
  validateUpdate: validateMutatingPolicy,
  ratchets: true,
  warnings: (policy, _old, warnings) => staticNameWarnings(policy, warnings),
  schema: 'io.k8s.api.admissionregistration.v1.MutatingAdmissionPolicy',
})
