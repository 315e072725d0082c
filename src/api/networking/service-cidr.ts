import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ServiceCIDR } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { type Findings, IMMUTABLE, invalidValue, required } from '../validation/findings.ts'
import { rangeProblem } from '../validation/ip.ts'
import { prefixError } from './netip.ts'

export const serviceCIDRs = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  scope: 'Cluster',
  names: { plural: 'servicecidrs' },
  subresources: { status: true },
  generation: true,
  columns: [name, text('CIDRs', ({ spec }) => spec?.cidrs?.join(','), 'networking.v1.ServiceCIDRSpec#cidrs'), age],
  validate: validateServiceCIDR,
  /** A second range, of the other family, may be added to the first: so a cluster becomes dual-stack. */
  validateUpdate({ spec = {} }, { spec: old = {} }, found) {
    const [now, was] = [spec.cidrs ?? [], old.cidrs ?? []]
    const mayGrow = was.length === 1 && now.length === 2
    if (now.length !== was.length && !mayGrow) found.push(invalidValue('spec.cidrs', now, IMMUTABLE))
    else for (const [index, range] of was.entries()) immutable(now[index], range, `spec.cidrs[${index}]`, found)
  },
  schema: 'io.k8s.api.networking.v1.ServiceCIDR',
})

function validateServiceCIDR({ spec = {} }: ServiceCIDR, found: Findings): void {
  const ranges = spec.cidrs ?? []
  if (ranges.length === 0) found.push(required('spec.cidrs', 'at least one CIDR required'))
  else if (ranges.length > 2) found.push(invalidValue('spec.cidrs', spec, 'may only hold up to 2 values'))
  else if (ranges.length === 2 && !isDual(ranges)) {
    const rule = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
    found.push(invalidValue('spec.cidrs', spec, rule))
  } else {
    for (const [index, range] of ranges.entries()) {
      const problem = rangeProblem(range, true)
      if (problem !== undefined) found.push(invalidValue(`spec.cidrs[${index}]`, range, problem))
    }
  }
}

const isDual = (ranges: readonly string[]): boolean =>
  ranges.every((range) => prefixError(range) === undefined) && ranges[0]!.includes(':') !== ranges[1]!.includes(':')
