import { isIP } from 'node:net'
import type { EndpointSlice, Service } from '#api'
import { keyOf, objectKey } from '#meta'
import { canonicalIP } from './ip.ts'
import { dashed, isEncodable, normalName } from './names.ts'

/** An endpoint as DNS knows it. */
export interface NamedEndpoint {
  readonly address: string
  /** Its hostname, or its address with dashes. */
  readonly name: string
  readonly ports: readonly NamedPort[]
}

export interface NamedPort {
  readonly name: string
  /** `tcp`, `udp` or `sctp`. */
  readonly protocol: string
  readonly port: number
}

export interface IndexedService {
  readonly name: string
  readonly namespace: string
  readonly kind: 'cluster-ip' | 'headless' | 'external-name'
  readonly clusterIPs: readonly string[]
  readonly externalName: string
  readonly ports: readonly NamedPort[]
}

interface Change<T> {
  readonly before?: T | undefined
  readonly after?: T | undefined
}

/** Services and endpoints by name and by address, kept current one change at a time. */
export class ServiceIndex {
  readonly #services = new Map<string, IndexedService>()
  /** Service key to slice key to endpoints. */
  readonly #slices = new Map<string, Map<string, readonly NamedEndpoint[]>>()
  readonly #byClusterIP = new Map<string, string>()
  /** Address to the keys of Services that have it as an endpoint, counted by slices. */
  readonly #byEndpoint = new Map<string, Map<string, number>>()

  service({ before, after }: Change<Service>): void {
    const key = keyOf((after ?? before)!)
    for (const address of this.#services.get(key)?.clusterIPs ?? [])
      if (this.#byClusterIP.get(address) === key) this.#byClusterIP.delete(address)
    this.#services.delete(key)
    const indexed = after && indexService(after)
    if (indexed === undefined) return
    this.#services.set(key, indexed)
    for (const address of indexed.clusterIPs) this.#byClusterIP.set(address, key)
  }

  slice({ before, after }: Change<EndpointSlice>): void {
    const sliceKey = keyOf((after ?? before)!)
    const [from, to] = [serviceKeyOf(before), serviceKeyOf(after)]
    if (from !== undefined) this.#setSlice(from, sliceKey, undefined)
    if (after !== undefined && to !== undefined) this.#setSlice(to, sliceKey, endpointsOf(after))
  }

  get(namespace: string, name: string): IndexedService | undefined {
    return this.#services.get(objectKey(namespace, name))
  }

  /** Endpoints of a Service, each once. */
  endpoints(namespace: string, name: string): NamedEndpoint[] {
    const byAddress = new Map<string, NamedEndpoint>()
    for (const endpoints of this.#slices.get(objectKey(namespace, name))?.values() ?? [])
      for (const endpoint of endpoints) byAddress.set(`${endpoint.address} ${endpoint.name}`, endpoint)
    return [...byAddress.values()]
  }

  serviceByClusterIP(address: string): IndexedService | undefined {
    return this.#services.get(this.#byClusterIP.get(address) ?? '')
  }

  /** Headless Services that an address is an endpoint of, with its name there. */
  endpointNames(address: string): { readonly service: IndexedService; readonly endpoint: NamedEndpoint }[] {
    return [...(this.#byEndpoint.get(address)?.keys() ?? [])].flatMap((key) => {
      const service = this.#services.get(key)
      if (service?.kind !== 'headless') return []
      const endpoints = this.endpoints(service.namespace, service.name).filter((endpoint) => endpoint.address === address)
      return endpoints.map((endpoint) => ({ service, endpoint }))
    })
  }

  #setSlice(serviceKey: string, sliceKey: string, endpoints: readonly NamedEndpoint[] | undefined): void {
    const slices = this.#slices.get(serviceKey) ?? new Map<string, readonly NamedEndpoint[]>()
    for (const { address } of slices.get(sliceKey) ?? []) this.#count(address, serviceKey, -1)
    if (endpoints === undefined) slices.delete(sliceKey)
    else slices.set(sliceKey, endpoints)
    for (const { address } of endpoints ?? []) this.#count(address, serviceKey, 1)
    if (slices.size === 0) this.#slices.delete(serviceKey)
    else this.#slices.set(serviceKey, slices)
  }

  #count(address: string, serviceKey: string, by: 1 | -1): void {
    const counts = this.#byEndpoint.get(address) ?? new Map<string, number>()
    const count = (counts.get(serviceKey) ?? 0) + by
    if (count === 0) counts.delete(serviceKey)
    else counts.set(serviceKey, count)
    if (counts.size === 0) this.#byEndpoint.delete(address)
    else this.#byEndpoint.set(address, counts)
  }
}

function indexService({ metadata, spec }: Service): IndexedService | undefined {
  if (spec === undefined) return undefined
  const isExternal = spec.type === 'ExternalName'
  const clusterIPs = (spec.clusterIPs ?? [spec.clusterIP ?? '']).filter((address) => isIP(address) !== 0).map(canonicalIP)
  const isHeadless = spec.clusterIP === 'None'
  // Neither an address nor headless: the API server has not allocated one yet.
  if (!isExternal && !isHeadless && clusterIPs.length === 0) return undefined
  if (isExternal && !isEncodable(normalName(spec.externalName ?? ''))) return undefined
  return {
    name: metadata?.name ?? '',
    namespace: metadata?.namespace ?? '',
    kind: isExternal ? 'external-name' : isHeadless ? 'headless' : 'cluster-ip',
    clusterIPs: isExternal ? [] : clusterIPs,
    externalName: spec.externalName ?? '',
    ports: (spec.ports ?? []).map(({ name, protocol, port }) => ({
      name: name ?? '',
      protocol: (protocol ?? 'TCP').toLowerCase(),
      port,
    })),
  }
}

/** A Service that publishes addresses which are not ready has them marked ready in its slices. */
function endpointsOf(slice: EndpointSlice): NamedEndpoint[] {
  const ports = (slice.ports ?? []).flatMap(({ name, protocol, port }) =>
    port === undefined ? [] : { name: name ?? '', protocol: (protocol ?? 'TCP').toLowerCase(), port },
  )
  return (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready ?? true)
    .flatMap(({ addresses, hostname }) =>
      addresses
        .filter((address) => isIP(address) !== 0)
        .map((address) => ({
          address: canonicalIP(address),
          name: hostname && isEncodable(hostname) ? hostname : dashed(canonicalIP(address)),
          ports,
        })),
    )
}

function serviceKeyOf(slice: EndpointSlice | undefined): string | undefined {
  const name = slice?.metadata?.labels?.['kubernetes.io/service-name']
  return name ? objectKey(slice?.metadata?.namespace, name) : undefined
}
