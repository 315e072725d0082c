import { deepEqual } from '#base'
import { defineResource } from '../define-resource.ts'
import type { ResourceClaimTemplate } from '../generated/types.ts'
import { IMMUTABLE, invalidValue } from '../validation/findings.ts'
import { defaultClaim } from './default-claim.ts'
import { validateClaimSpec } from './validate-claim.ts'

export const resourceClaimTemplates = defineResource<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  scope: 'Namespaced',
  names: { plural: 'resourceclaimtemplates' },
  returnsDeleted: true,
  default({ spec }) {
    defaultClaim(spec?.spec)
  },
  validate({ spec }, found) {
    validateClaimSpec(spec?.spec, 'spec.spec', found)
  },
  // What stands is not looked at again.
  ratchets: true,
  validateUpdate({ spec }, { spec: old }, found) {
    if (!deepEqual(spec, old)) found.push(invalidValue('spec', spec, IMMUTABLE))
  },
  schema: 'io.k8s.api.resource.v1.ResourceClaimTemplate',
})
