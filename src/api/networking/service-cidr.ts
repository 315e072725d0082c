import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { ServiceCIDR } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { type Findings, IMMUTABLE, invalidValue, required } from '../validation/findings.ts'
import { canonicalAddress, firstAddress, prefixError } from './netip.ts'

export const serviceCIDRs = defineResource<ServiceCIDR>({
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'ServiceCIDR',
  scope: 'Cluster',
  names: { plural: 'servicecidrs' },
  subresources: { status: true },
  generation: true,
  columns: [name, text('CIDRs', ({ spec }) => spec?.cidrs?.join(',')), age],
  validate: validateServiceCIDR,
  /** A second range, of the other family, may be added to the first: so a cluster becomes dual-stack. */
  *validateUpdate({ spec = {} }, { spec: old = {} }) {
    const [now, was] = [spec.cidrs ?? [], old.cidrs ?? []]
    const mayGrow = was.length === 1 && now.length === 2
    if (now.length !== was.length && !mayGrow) yield invalidValue('spec.cidrs', now, IMMUTABLE)
    else for (const [index, range] of was.entries()) yield* immutable(now[index], range, `spec.cidrs[${index}]`)
  },
  schema: 'io.k8s.api.networking.v1.ServiceCIDR',
})

function* validateServiceCIDR({ spec = {} }: ServiceCIDR): Findings {
  const ranges = spec.cidrs ?? []
  if (ranges.length === 0) yield required('spec.cidrs', 'at least one CIDR required')
  else if (ranges.length > 2) yield invalidValue('spec.cidrs', spec, 'may only hold up to 2 values')
  else if (ranges.length === 2 && !isDual(ranges)) {
    const rule = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64'
    yield invalidValue('spec.cidrs', spec, rule)
  } else for (const [index, range] of ranges.entries()) yield* validateRange(range, `spec.cidrs[${index}]`)
}

const isDual = (ranges: readonly string[]): boolean =>
  ranges.every((range) => prefixError(range) === undefined) && ranges[0]!.includes(':') !== ranges[1]!.includes(':')

function* validateRange(range: string, field: string): Findings {
  const error = prefixError(range)
  if (error !== undefined) {
    yield invalidValue(field, range, error)
    return
  }
  const [address = '', bits] = range.split('/')
  const canonical = canonicalAddress(address)
  if (canonical !== firstAddress(range))
    yield invalidValue(field, range, "wrong CIDR format, IP doesn't match network IP address")
  if (`${canonical}/${bits}` !== range) yield invalidValue(field, range, 'CIDR not in RFC 5952 canonical format')
}
