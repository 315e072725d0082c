import { readFile } from 'node:fs/promises'
import { endpointSlices, namespaces, services } from '#api'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import type { Client, Sources } from '#client'
import { isForbidden } from '#meta'
import { counted } from './counted.ts'
import { Forwarder } from './forwarder.ts'
import { type Address, openMetrics, serveObservation } from './observe.ts'
import { registerDns } from './registration.ts'
import { nameserversOf, parseUpstream, type Upstream } from './resolv-conf.ts'
import { Resolver } from './resolver.ts'
import { DnsServer } from './server.ts'
import { ServiceIndex } from './service-index.ts'
import { Zone } from './zone.ts'

const RESOLV_CONF = '/etc/resolv.conf'

export interface DnsOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /**
   * Port 0 takes any free port, the same for UDP and TCP. The host is the advertised address itself: from a socket on 0.0.0.0 an
   * answer may leave under another address than the question came to, and no connection table knows it then.
   */
  readonly listen: Address
  readonly clusterDomain: string
  /** The address that pods have in their resolv.conf. */
  readonly clusterIP: string
  /** `address` or `address:port`; by default the name servers of this machine's resolv.conf. */
  readonly upstreams?: readonly string[] | undefined
  /** Where the nodes' proxies reach this server. Without it the Service `kube-dns` is somebody else's business. */
  readonly advertiseIP?: string | undefined
  /** The node this server runs on, if it serves that node's pods. */
  readonly nodeName?: string | undefined
  /** `/health`, `/ready` and `/metrics`. */
  readonly observe?: Address | undefined
}

export interface Dns extends AsyncDisposable {
  readonly port: number
  readonly observePort: number | undefined
}

/** Resolves once the cluster is known, questions are answered and the Service leads here. */
export async function startDns(options: DnsOptions & { readonly sources: Sources }): Promise<Dns> {
  const { advertiseIP, client, clock, clusterDomain, clusterIP, listen, log, observe, random, sources } = options
  await using stack = new AsyncDisposableStack()
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.warn('A DNS task failed', { error }) }))
  const index = new ServiceIndex()
  const namespaceSource = sources.for(namespaces)
  const serviceSource = sources.for(services)
  const sliceSource = sources.for(endpointSlices)
  stack.use(serviceSource.onChange((change) => index.service(change)))
  stack.use(sliceSource.onChange((change) => index.slice(change)))
  let isReady = false
  const metrics = await openMetrics()
  // Liveness is answered before the cluster is known: a slow API server is no reason to be restarted.
  const observation = observe && stack.use(await serveObservation(observe, { log, isReady: () => isReady, metrics }))
  await Promise.all([namespaceSource, serviceSource, sliceSource].map((source) => source.synced(tasks.signal)))
  const namespaceExists = (name: string): boolean => namespaceSource.get(name) !== undefined
  const zone = new Zone({
    clusterDomain: clusterDomain.toLowerCase(),
    index,
    namespaceExists,
    serverAddresses: [clusterIP],
    clock,
    random,
  })
  const upstreams = await upstreamsOf(options)
  const forwarder = new Forwarder({ clock, random, log, upstreams })
  const resolver = counted(new Resolver({ zone, forwarder, random }), metrics, clock)
  const server = stack.use(new DnsServer({ resolver, clock, log, listen }))
  await server.start()
  tasks.spawn(() => forwarder.detectLoops())
  isReady = true
  if (advertiseIP !== undefined) {
    const advertise = { address: advertiseIP, port: server.port, metricsPort: observation?.port, nodeName: options.nodeName }
    await registered(() => registerDns({ client, clusterIP, advertise }, { signal: tasks.signal }), log)
  }
  const owned = stack.move()
  return { port: server.port, observePort: observation?.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Upstream's role for cluster DNS only reads; then whoever installs the cluster must make the Service. */
async function registered(register: () => Promise<void>, log: Log): Promise<void> {
  try {
    await register()
  } catch (error) {
    if (!isForbidden(error)) throw error
    log.warn('The Service kube-system/kube-dns may not be written with this identity', { error })
  }
}

/** Never this server itself: it would ask itself for ever. */
async function upstreamsOf({ advertiseIP, clusterIP, listen, log, upstreams }: DnsOptions): Promise<Upstream[]> {
  const named = upstreams ?? nameserversOf(await readFile(RESOLV_CONF, 'utf8').catch(() => ''))
  const isSelf = ({ host, port }: Upstream): boolean =>
    host === clusterIP || (port === listen.port && (host === advertiseIP || host === listen.host))
  const usable = named.map(parseUpstream).filter((upstream) => !isSelf(upstream))
  if (usable.length === 0) log.warn('No upstream name server is known: only names of the cluster resolve')
  return usable
}
