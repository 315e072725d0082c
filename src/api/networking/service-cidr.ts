import { isIP } from 'node:net'
import { deepEqual } from '#base'
import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ServiceCIDR } from '../generated/types.ts'
import { cidr } from '../validation/common.ts'
import { IMMUTABLE, invalidValue, required } from '../validation/findings.ts'

export const serviceCIDRs = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  scope: 'Cluster',
  names: { plural: 'servicecidrs' },
  subresources: { status: true },
  generation: true,
  columns: [name, text('CIDRs', ({ spec }) => spec?.cidrs?.join(',')), age],
  *validate({ spec }) {
    const ranges = spec?.cidrs ?? []
    if (ranges.length === 0) yield required('spec.cidrs', 'at least one CIDR required')
    if (ranges.length > 2) yield invalidValue('spec.cidrs', ranges, 'may only hold up to 2 values')
    for (const [index, range] of ranges.entries()) yield* cidr(range, `spec.cidrs[${index}]`)
    const families = ranges.map((range) => isIP(range.split('/')[0]!))
    if (ranges.length === 2 && families[0] === families[1]) {
      yield invalidValue(
        'spec.cidrs',
        ranges,
        'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
      )
    }
  },
  *validateUpdate({ spec }, { spec: old }) {
    if (!deepEqual(spec?.cidrs, old?.cidrs)) yield invalidValue('spec.cidrs', spec?.cidrs ?? [], IMMUTABLE)
  },
  schema: 'io.k8s.api.networking.v1.ServiceCIDR',
})
