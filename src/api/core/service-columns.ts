import { age, formatLabels, name, orNone, text, wide } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { LoadBalancerStatus, Service, ServicePort } from '../generated/types.ts'

export const serviceColumns: readonly Column<Service>[] = [
  name,
  text('Type', ({ spec }) => spec?.type, 'core.v1.ServiceSpec#type'),
  text('Cluster-IP', ({ spec }) => orNone(spec?.clusterIPs?.[0] ?? spec?.clusterIP), 'core.v1.ServiceSpec#clusterIP'),
  text('External-IP', externalIP, 'core.v1.ServiceSpec#externalIPs'),
  text('Port(s)', ({ spec }) => orNone((spec?.ports ?? []).map(portOf).join(',')), 'core.v1.ServiceSpec#ports'),
  age,
  wide('Selector', ({ spec }) => formatLabels(spec?.selector), 'core.v1.ServiceSpec#selector'),
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
      return spec.externalName ?? ''
    default:
      return '<unknown>'
  }
}

/** Addresses of a load balancer. Servers make wide tables for all, where none is cut. */
export function balancerAddresses(status: LoadBalancerStatus | undefined): string {
  const all = new Set((status?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter((address) => address !== ''))
  return [...all].sort().join(',')
}

const portOf = ({ port, nodePort, protocol = 'TCP' }: ServicePort): string =>
  nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`
