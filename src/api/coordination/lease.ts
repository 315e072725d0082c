import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { Lease } from '../generated/types.ts'
import { invalidValue, nonNegative } from '../validation/findings.ts'

export const leases = defineResource<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  scope: 'Namespaced',
  names: { plural: 'leases' },
  createsOnUpdate: true,
  unconditionalUpdate: false,
  columns: [name, text('Holder', ({ spec }) => spec?.holderIdentity, 'coordination.v1.LeaseSpec#holderIdentity'), age],
  validate({ spec }, found) {
    const seconds = spec?.leaseDurationSeconds
    if (seconds !== undefined && seconds <= 0)
      found.push(invalidValue('spec.leaseDurationSeconds', seconds, 'must be greater than 0'))
    nonNegative(spec?.leaseTransitions, 'spec.leaseTransitions', found)
  },
  // Coordinated leader election is off, as its fields are then (KEP-4355).
  prepareForCreate({ spec }) {
    delete spec?.strategy
    delete spec?.preferredHolder
  },
  prepareForUpdate({ spec }, { spec: old }) {
    if (old?.strategy === undefined) delete spec?.strategy
    if (old?.preferredHolder === undefined) delete spec?.preferredHolder
  },
  schema: 'io.k8s.api.coordination.v1.Lease',
})
