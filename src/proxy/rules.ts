import type { EndpointSlice, Service, ServicePort } from '#api'
import { keyOf } from '#meta'
import { canonicalAddress, cidrFamilyOf, type Family, familyOf } from './addresses.ts'
import { chooseEndpoints, type Endpoint, type EndpointChoice, type NodePlace } from './endpoints.ts'

export type Protocol = 'tcp' | 'udp' | 'sctp'

/** What happens to traffic for one frontend. */
export type Target =
  | {
      readonly kind: 'balance'
      readonly endpoints: readonly Endpoint[]
      /** Hide the client's address behind the node's, so that replies come back through here. */
      readonly masquerade: boolean
      /** Clients stay with an endpoint for this long after their last connection. */
      readonly affinitySeconds: number | undefined
    }
  /** Nobody serves: tell the client at once. */
  | { readonly kind: 'reject' }
  /** Somebody serves, but not on this node: stay silent, load balancers go elsewhere. */
  | { readonly kind: 'drop' }

/** An address, protocol and port under which a Service can be reached. */
export interface Frontend {
  readonly address: string
  readonly family: Family
  readonly protocol: Protocol
  readonly port: number
  /** Name of the Service port. */
  readonly portName: string
  readonly target: Target
  /** For traffic from pods and the node itself, when that differs: external policy Local binds only what comes from outside. */
  readonly inside?: Target | undefined
  /** Where clients may be: nothing means anywhere. */
  readonly sourceRanges?: readonly string[] | undefined
}

/** Everything one Service needs on one node. */
export interface ServiceRules {
  readonly key: string
  readonly frontends: readonly Frontend[]
  readonly clusterIPs: readonly string[]
  /** Answers load balancers' question whether this node has endpoints. */
  readonly healthCheck?: { readonly port: number; readonly localEndpoints: number } | undefined
}

export interface NodeFacts extends NodePlace {
  /** Addresses under which NodePorts answer. */
  readonly nodePortAddresses: readonly string[]
}

const DEFAULT_AFFINITY_SECONDS = 10_800

/** A Service that the proxy has no business with: headless, a mere name, or another proxy's. */
export function isProxied({ metadata, spec }: Service): boolean {
  if (spec === undefined || spec.type === 'ExternalName' || !spec.clusterIP || spec.clusterIP === 'None') return false
  return metadata?.labels?.['service.kubernetes.io/service-proxy-name'] === undefined
}

/**
 * The rules of one Service, from it, its slices and the node alone. Addresses and ports that are not what they should be are
 * left out: what comes out of here is written into kernel rules as it stands.
 */
export function serviceRules(service: Service, slices: readonly EndpointSlice[], node: NodeFacts): ServiceRules {
  const key = keyOf(service)
  if (!isProxied(service)) return { key, frontends: [], clusterIPs: [] }
  const frontends: Frontend[] = []
  const addresses = addressesOf(service)
  const localReady = new Set<string>()
  for (const port of service.spec?.ports ?? []) {
    for (const family of ['IPv4', 'IPv6'] as const) {
      if (![...addresses.cluster, ...addresses.external, ...addresses.balancer].some((address) => familyOf(address) === family))
        continue
      const choice = chooseEndpoints(slices, { name: port.name ?? '', protocol: port.protocol ?? 'TCP' }, family, node)
      for (const address of choice.localReady) localReady.add(address)
      frontends.push(...portFrontends(service, port, family, addresses, choice, node))
    }
  }
  const healthPort = service.spec?.externalTrafficPolicy === 'Local' ? service.spec.healthCheckNodePort : undefined
  return {
    key,
    frontends,
    clusterIPs: addresses.cluster,
    healthCheck: healthPort ? { port: healthPort, localEndpoints: localReady.size } : undefined,
  }
}

export function frontendKey({ address, protocol, port }: Pick<Frontend, 'address' | 'protocol' | 'port'>): string {
  return `${address} . ${protocol} . ${port}`
}

interface Addresses {
  readonly cluster: readonly string[]
  readonly external: readonly string[]
  readonly balancer: readonly string[]
}

function addressesOf({ spec, status }: Service): Addresses {
  const valid = (list: readonly (string | undefined)[]): string[] => [
    ...new Set(
      list
        .filter((address) => address !== undefined && familyOf(address) !== undefined)
        .map((address) => canonicalAddress(address!)),
    ),
  ]
  const ingress = status?.loadBalancer?.ingress ?? []
  return {
    cluster: valid(spec?.clusterIPs ?? [spec?.clusterIP]),
    external: valid(spec?.externalIPs ?? []),
    // In mode Proxy the load balancer wants its traffic to pass through itself.
    balancer: spec?.type === 'LoadBalancer' ? valid(ingress.filter(({ ipMode }) => ipMode !== 'Proxy').map(({ ip }) => ip)) : [],
  }
}

function portFrontends(
  service: Service,
  port: ServicePort,
  family: Family,
  addresses: Addresses,
  choice: EndpointChoice,
  node: NodeFacts,
): Frontend[] {
  const protocol = (port.protocol ?? 'TCP').toLowerCase()
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return []
  const { spec } = service
  const affinitySeconds =
    spec?.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? DEFAULT_AFFINITY_SECONDS)
      : undefined
  const balance = (endpoints: readonly Endpoint[], masquerade: boolean): Target =>
    endpoints.length > 0
      ? { kind: 'balance', endpoints, masquerade, affinitySeconds }
      : { kind: choice.anywhere ? 'drop' : 'reject' }
  const internal = balance(spec?.internalTrafficPolicy === 'Local' ? choice.local : choice.cluster, false)
  const isLocal = spec?.externalTrafficPolicy === 'Local'
  const external: Pick<Frontend, 'target' | 'inside'> = isLocal
    ? { target: balance(choice.local, false), inside: balance(choice.cluster, false) }
    : { target: balance(choice.cluster, true) }
  const base = { family, protocol, portName: port.name ?? '' } as const
  const mine = (list: readonly string[]): string[] => list.filter((address) => familyOf(address) === family)
  const sourceRanges = (spec?.loadBalancerSourceRanges ?? [])
    .map((range) => range.trim())
    .filter((range) => cidrFamilyOf(range) === family)
  const isFiltered = (spec?.loadBalancerSourceRanges ?? []).length > 0
  const nodePort = port.nodePort
  const all: Frontend[] = [
    ...mine(addresses.cluster).map((address) => ({ ...base, address, port: port.port, target: internal })),
    ...mine(addresses.external).map((address) => ({ ...base, address, port: port.port, ...external })),
    ...mine(addresses.balancer).map((address) => ({
      ...base,
      address,
      port: port.port,
      ...external,
      ...(isFiltered && { sourceRanges }),
    })),
    ...(nodePort ? mine(node.nodePortAddresses).map((address) => ({ ...base, address, port: nodePort, ...external })) : []),
  ]
  return all.filter((frontend) => Number.isInteger(frontend.port) && frontend.port > 0 && frontend.port <= 65_535)
}
