import type { KubernetesObject } from '#meta'
import type { Endpoint } from '../generated/types.ts'

const HOSTNAME = 'kubernetes.io/hostname'
const ZONE = 'topology.kubernetes.io/zone'

interface OldEndpoint extends Omit<Endpoint, 'zone' | 'deprecatedTopology'> {
  readonly topology?: Readonly<Record<string, string>>
}

/** Of discovery.k8s.io/v1beta1: what the topology said of node and zone has fields; a hostname beside another node name stays in what is left of it. */
export function endpointSlice(object: KubernetesObject): KubernetesObject {
  const { endpoints } = object as { readonly endpoints?: readonly OldEndpoint[] | null }
  return { ...object, ...(endpoints && { endpoints: endpoints.map(endpoint) }) } as KubernetesObject
}

function endpoint({ topology, ...rest }: OldEndpoint): Endpoint {
  const { [ZONE]: zone, [HOSTNAME]: hostname, ...others } = topology ?? {}
  const nodeName = rest.nodeName ?? hostname
  const left = { ...others, ...(hostname !== undefined && hostname !== nodeName && { [HOSTNAME]: hostname }) }
  return {
    ...rest,
    ...(nodeName !== undefined && { nodeName }),
    ...(zone !== undefined && { zone }),
    ...(Object.keys(left).length > 0 && { deprecatedTopology: left }),
  }
}
