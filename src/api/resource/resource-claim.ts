import { deepEqual } from '#base'
import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ResourceClaimStatus, ResourceResourceClaim } from '../generated/types.ts'
import { IMMUTABLE, invalidValue } from '../validation/findings.ts'
import { defaultClaim } from './default-claim.ts'
import { validateClaimSpec, validateClaimStatus } from './validate-claim.ts'
import { allocatedTo, identityOf } from './validate-device-status.ts'

export const resourceClaims = defineResource<ResourceResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  scope: 'Namespaced',
  names: { plural: 'resourceclaims' },
  returnsDeleted: true,
  subresources: { status: true },
  default({ spec }) {
    defaultClaim(spec)
  },
  columns: [
    name,
    text(
      'State',
      ({ metadata, status }) => {
        const isDeleted = metadata?.deletionTimestamp !== undefined
        if (!status?.allocation) return isDeleted ? 'deleted' : 'pending'
        return [...(isDeleted ? ['deleted'] : []), 'allocated', ...(status.reservedFor?.length ? ['reserved'] : [])].join(',')
      },
      'A summary of the current state (allocated, pending, reserved, etc.).',
    ),
    age,
  ],
  validate({ spec }, found) {
    validateClaimSpec(spec, 'spec', found)
  },
  // What stands is not looked at again.
  ratchets: true,
  prepareForStatusUpdate: ({ status }, { status: old }) => forgetReturned(status, old),
  validateUpdate({ spec }, { spec: old }, found) {
    if (!deepEqual(spec, old)) found.push(invalidValue('spec', spec, IMMUTABLE))
  },
  validateStatusUpdate({ metadata, spec, status }, { status: old }, found) {
    validateClaimStatus(spec, status, old, metadata?.deletionTimestamp !== undefined, found)
  },
  schema: 'io.k8s.api.resource.v1.ResourceClaim',
})

/** Of devices that a claim gives back nothing more is told, though who frees them may not know that something is. */
function forgetReturned(status: ResourceClaimStatus | undefined, old: ResourceClaimStatus = {}): void {
  if (!status?.devices?.length) return
  const returned = allocatedTo(old).difference(allocatedTo(status))
  const devices = status.devices.filter((device) => !returned.has(identityOf(device)))
  if (devices.length > 0) status.devices = devices
  else delete status.devices
}
