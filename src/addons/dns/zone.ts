import { isIPv4 } from 'node:net'
import type { Answer } from 'dns-packet'
import type { Clock, Random } from '#base'
import { addressOfDashed, addressOfReverseName, labelsBelow } from './names.ts'
import type { IndexedService, NamedEndpoint, NamedPort, ServiceIndex } from './service-index.ts'

const TTL_SECONDS = 30
/** How long a name's absence may be believed: short, since Services appear at any moment. */
const NEGATIVE_TTL_SECONDS = 5
const DNS_SPECIFICATION_VERSION = '1.1.0'

/** What the cluster's own data says to a question. */
export type ZoneAnswer =
  | {
      readonly kind: 'answer'
      readonly answers: readonly Answer[]
      readonly additionals: readonly Answer[]
      /** A name outside the zone at which the answer goes on. */
      readonly continueAt?: string | undefined
    }
  /** The name exists, without records of this type. */
  | { readonly kind: 'no-data' }
  | { readonly kind: 'no-name' }
  /** Not this zone's to answer. */
  | { readonly kind: 'elsewhere' }

export interface ZoneOptions {
  readonly clusterDomain: string
  readonly index: ServiceIndex
  readonly namespaceExists: (name: string) => boolean
  /** Addresses of the name server itself. */
  readonly serverAddresses: readonly string[]
  readonly clock: Clock
  readonly random: Random
}

/** The zone `cluster.local` and the reverse names of cluster addresses, after the Kubernetes DNS specification. */
export class Zone {
  readonly #options: ZoneOptions

  constructor(options: ZoneOptions) {
    this.#options = options
  }

  /** `name` in its normal form. */
  answer(name: string, type: string): ZoneAnswer {
    const { clusterDomain } = this.#options
    const labels = labelsBelow(name, clusterDomain)
    if (labels === undefined) return this.#reverse(name, type)
    if (labels.length === 0) return this.#apex(name, type)
    const root = labels.at(-1)!
    const rest = labels.slice(0, -1)
    if (root === 'svc') return this.#service(name, rest, type)
    if (root === 'pod') return this.#pod(name, rest, type)
    if (root === 'dns-version' && rest.length === 0)
      return type === 'TXT' ? found([{ name, type: 'TXT', ttl: TTL_SECONDS, data: DNS_SPECIFICATION_VERSION }]) : noData
    if (name === `ns.dns.${clusterDomain}`) return addresses(name, this.#options.serverAddresses, type)
    return name === `dns.${clusterDomain}` ? noData : noName
  }

  /** Goes with every negative answer, and says how long that holds. */
  startOfAuthority(): Answer {
    const { clusterDomain, clock } = this.#options
    return {
      name: clusterDomain,
      type: 'SOA',
      ttl: NEGATIVE_TTL_SECONDS,
      data: {
        mname: `ns.dns.${clusterDomain}`,
        rname: `hostmaster.${clusterDomain}`,
        serial: Math.floor(clock.now() / 1000),
        refresh: 7200,
        retry: 1800,
        expire: 86_400,
        minimum: NEGATIVE_TTL_SECONDS,
      },
    }
  }

  #apex(name: string, type: string): ZoneAnswer {
    if (type === 'SOA') return found([{ ...this.startOfAuthority(), ttl: TTL_SECONDS } as Answer])
    if (type !== 'NS') return noData
    const server = `ns.dns.${name}`
    const glue = [
      ...addressRecords(server, this.#options.serverAddresses, 'A'),
      ...addressRecords(server, this.#options.serverAddresses, 'AAAA'),
    ]
    return { kind: 'answer', answers: [{ name, type: 'NS', ttl: TTL_SECONDS, data: server }], additionals: glue }
  }

  /** `rest`: `ns`, `svc.ns`, `endpoint.svc.ns`, `_tcp.svc.ns` or `_port._tcp.svc.ns`. */
  #service(name: string, rest: readonly string[], type: string): ZoneAnswer {
    if (rest.length === 0) return noData
    const namespace = rest.at(-1)!
    if (!this.#options.namespaceExists(namespace)) return noName
    if (rest.length === 1) return noData
    const service = this.#options.index.get(namespace, rest.at(-2)!)
    if (service === undefined) return noName
    const prefix = rest.slice(0, -2)
    if (service.kind === 'external-name') return prefix.length === 0 ? alias(name, service, type) : noName
    const [first = '', second = ''] = prefix
    if (prefix.length === 0) return this.#serviceRecords(name, service, type)
    if (prefix.length === 1 && !first.startsWith('_')) return this.#endpointRecords(name, service, first, type)
    const isPort = prefix.length === 2 && first.startsWith('_') && second.startsWith('_')
    if (isPort)
      return this.#portRecords(name, service, type, (port) => `_${port.name}` === first && `_${port.protocol}` === second)
    const isProtocol = prefix.length === 1 && this.#ports(service).some(({ protocol }) => `_${protocol}` === first)
    return isProtocol ? noData : noName
  }

  #serviceRecords(name: string, service: IndexedService, type: string): ZoneAnswer {
    if (type === 'SRV') return this.#portRecords(name, service, type, () => true)
    if (service.kind === 'cluster-ip') return addresses(name, service.clusterIPs, type)
    const endpoints = this.#endpoints(service)
    // A headless Service is the sum of its endpoints: without any there is no such name.
    if (endpoints.length === 0) return noName
    return addresses(name, [...new Set(endpoints.map(({ address }) => address))], type)
  }

  #endpointRecords(name: string, service: IndexedService, label: string, type: string): ZoneAnswer {
    const named = this.#endpoints(service).filter((endpoint) => endpoint.name === label)
    if (named.length === 0) return noName
    if (type === 'SRV') return this.#portRecords(name, service, type, () => true, named)
    return addresses(name, [...new Set(named.map(({ address }) => address))], type)
  }

  #portRecords(
    name: string,
    service: IndexedService,
    type: string,
    selects: (port: NamedPort) => boolean,
    endpoints: readonly NamedEndpoint[] = service.kind === 'headless' ? this.#endpoints(service) : [],
  ): ZoneAnswer {
    const base = `${service.name}.${service.namespace}.svc.${this.#options.clusterDomain}`
    const targets =
      service.kind === 'headless' || endpoints.length > 0
        ? endpoints.flatMap(({ address, name: label, ports }) =>
            ports.filter(selects).map(({ port }) => ({ target: `${label}.${base}`, port, at: [address] })),
          )
        : service.ports.filter(selects).map(({ port }) => ({ target: base, port, at: service.clusterIPs }))
    if (targets.length === 0) return noName
    if (type !== 'SRV') return noData
    const weight = Math.max(1, Math.floor(100 / targets.length))
    const glue = new Map(targets.map(({ target, at }) => [target, at]))
    return {
      kind: 'answer',
      answers: targets.map(({ target, port }) => ({
        name,
        type: 'SRV',
        ttl: TTL_SECONDS,
        data: { priority: 0, weight, port, target },
      })),
      additionals: [...glue].flatMap(([target, at]) => [
        ...addressRecords(target, at, 'A'),
        ...addressRecords(target, at, 'AAAA'),
      ]),
    }
  }

  /** `1-2-3-4.namespace.pod`: the address is the name's own word, whether or not a pod has it. */
  #pod(name: string, rest: readonly string[], type: string): ZoneAnswer {
    if (rest.length === 0) return noData
    if (!this.#options.namespaceExists(rest.at(-1)!)) return noName
    if (rest.length === 1) return noData
    const address = rest.length === 2 ? addressOfDashed(rest[0]!) : undefined
    return address === undefined ? noName : addresses(name, [address], type)
  }

  #reverse(name: string, type: string): ZoneAnswer {
    const address = addressOfReverseName(name)
    if (address === undefined) return { kind: 'elsewhere' }
    const { clusterDomain, index } = this.#options
    const service = index.serviceByClusterIP(address)
    const names =
      service !== undefined
        ? [`${service.name}.${service.namespace}.svc.${clusterDomain}`]
        : index
            .endpointNames(address)
            .map((entry) => `${entry.endpoint.name}.${entry.service.name}.${entry.service.namespace}.svc.${clusterDomain}`)
    // Somebody else may know an address that is not the cluster's.
    if (names.length === 0) return { kind: 'elsewhere' }
    return type === 'PTR' ? found(names.map((data) => ({ name, type: 'PTR', ttl: TTL_SECONDS, data }))) : noData
  }

  /** In random order, so that clients which take the first spread over all. */
  #endpoints({ namespace, name }: IndexedService): NamedEndpoint[] {
    const endpoints = this.#options.index.endpoints(namespace, name)
    for (let at = endpoints.length - 1; at > 0; at--) {
      const other = this.#options.random.int(at + 1)
      ;[endpoints[at], endpoints[other]] = [endpoints[other]!, endpoints[at]!]
    }
    return endpoints
  }

  #ports(service: IndexedService): readonly NamedPort[] {
    return service.kind === 'headless' ? this.#endpoints(service).flatMap(({ ports }) => ports) : service.ports
  }
}

const noData: ZoneAnswer = { kind: 'no-data' }
const noName: ZoneAnswer = { kind: 'no-name' }

function found(answers: readonly Answer[]): ZoneAnswer {
  return { kind: 'answer', answers, additionals: [] }
}

function alias(name: string, { externalName }: IndexedService, type: string): ZoneAnswer {
  const answers: Answer[] = [{ name, type: 'CNAME', ttl: TTL_SECONDS, data: externalName }]
  return { kind: 'answer', answers, additionals: [], continueAt: type === 'CNAME' ? undefined : externalName }
}

function addresses(name: string, list: readonly string[], type: string): ZoneAnswer {
  const records = type === 'A' || type === 'AAAA' ? addressRecords(name, list, type) : []
  return records.length === 0 ? noData : found(records)
}

function addressRecords(name: string, list: readonly string[], type: 'A' | 'AAAA'): Answer[] {
  return list.filter((address) => isIPv4(address) === (type === 'A')).map((data) => ({ name, type, ttl: TTL_SECONDS, data }))
}
