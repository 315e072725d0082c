import { age, formatLabels, NONE, name, orNone, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { LoadBalancerStatus, Service, ServicePort } from '../generated/types.ts'

const ADDRESS_LENGTH_MAX = 16

export const serviceColumns: readonly Column<Service>[] = [
  name,
  text('Type', ({ spec }) => spec?.type),
  text('Cluster-IP', ({ spec }) => orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP)),
  text('External-IP', externalIP),
  text('Port(s)', ({ spec }) => orNone((spec?.ports ?? []).map(portOf).join(','))),
  age,
  wide('Selector', ({ spec }) => formatLabels(spec?.selector)),
]

function externalIP({ spec, status }: Service): string {
  const own = spec?.externalIPs ?? []
  switch (spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return orNone(own.join(','))
    case 'LoadBalancer': {
      const balancer = balancerAddresses(status?.loadBalancer)
      return [...(balancer === '' ? [] : [balancer]), ...own].join(',') || '<pending>'
    }
    case 'ExternalName':
      return spec.externalName ?? NONE
    default:
      return '<unknown>'
  }
}

/** Addresses of a load balancer, cut to what a narrow table bears. */
export function balancerAddresses(status: LoadBalancerStatus | undefined): string {
  const all = new Set((status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter((address) => address !== ''))
  const joined = [...all].sort().join(',')
  return joined.length > ADDRESS_LENGTH_MAX ? `${joined.slice(0, ADDRESS_LENGTH_MAX - 3)}...` : joined
}

const portOf = ({ port, nodePort, protocol = 'TCP' }: ServicePort): string =>
  nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`
