import { type IPAddress, ipAddresses, type Service, services } from '#api'
import { TaskGroup } from '#base'
import { EventRecorder, WorkQueue } from '#client'
import { isNotFound, type KubernetesObject, objectKey } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { claimFor, MANAGED_BY } from './cluster-ip-allocator.ts'
import { allocateNodePorts, compareNodePorts, releaseNodePorts } from './node-port-allocator.ts'
import { ownAddresses, ownPorts } from './service.ts'
import type { HookContext } from './types.ts'

/** What is allocated for a Service that is not stored within this time was left behind by a server that died meanwhile. */
const LEAKED_AFTER_MS = 60_000
const IP = 'ip/'
const SERVICE = 'service/'

export interface AllocationKeeperOptions {
  readonly cache: WatchCache
  readonly context: () => HookContext
}

/**
 * Brings Services and what was allocated for them together again: an address or a port that a Service has but nobody holds is taken for it, one that is held for no Service
 * is given back. Both come of a server that died between an allocation and the write that it was for.
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#ip-address-objects
 */
export class AllocationKeeper implements AsyncDisposable {
  readonly #options: AllocationKeeperOptions
  readonly #context: HookContext
  readonly #queue: WorkQueue
  readonly #tasks: TaskGroup
  readonly #events: EventRecorder
  readonly #subscriptions = new DisposableStack()

  constructor(options: AllocationKeeperOptions) {
    this.#options = options
    this.#context = options.context()
    const { client, clock, random, log } = this.#context
    this.#queue = new WorkQueue(clock)
    this.#events = new EventRecorder({ client, clock, random, log, component: 'ipallocator-repair-controller' })
    this.#tasks = new TaskGroup({ onError: (error) => log.error('Allocations of Services are not kept any more', { error }) })
  }

  start(): void {
    const { cache } = this.#options
    this.#subscriptions.use(
      cache.of(services).subscribe(({ type, version }) => {
        const service = version.object as Service
        // The server that deletes a Service gives its addresses back.
        if (type === 'DELETED') for (const ip of ownAddresses(service)) this.#queue.addAfter(IP + ip, LEAKED_AFTER_MS)
        else this.#queue.add(SERVICE + keyOf(service))
      }),
    )
    this.#subscriptions.use(cache.of(ipAddresses).subscribe(({ version }) => this.#queue.add(IP + version.object.metadata?.name)))
    for (const object of cache.of(services).objects()) this.#queue.add(SERVICE + keyOf(object))
    for (const object of cache.of(ipAddresses).objects()) this.#queue.add(IP + object.metadata?.name)
    this.#tasks.spawn(() => this.#work())
    this.#tasks.spawn((signal) => this.#repairPorts(signal))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose()
    this.#queue[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
    await this.#events[Symbol.asyncDispose]()
  }

  async #work(): Promise<void> {
    for (let key = await this.#queue.take(); key !== undefined; key = await this.#queue.take()) {
      try {
        if (key.startsWith(IP)) await this.#repairAddress(key.slice(IP.length))
        else await this.#repairService(key.slice(SERVICE.length))
        this.#queue.forget(key)
      } catch (error) {
        this.#context.log.warn('The allocations of a Service could not be repaired', { key, error })
        this.#queue.addRateLimited(key)
      }
      this.#queue.done(key)
    }
  }

  async #repairService(key: string): Promise<void> {
    const service = this.#service(key)
    if (service === undefined || service.metadata?.deletionTimestamp !== undefined) return
    for (const ip of ownAddresses(service)) {
      const address = this.#address(ip)
      if (address === undefined) {
        this.#tell(service, 'ClusterIPNotAllocated', `Cluster IP [${family(ip)}]: ${ip} is not allocated; repairing`)
        await claimFor(service, ip, this.#context)
      } else if (!isFor(address, service)) await this.#takeOver(service, ip, address)
    }
  }

  /** An address that is held for another Service is taken only when that one does not have it. */
  async #takeOver(service: Service, ip: string, address: IPAddress): Promise<void> {
    const holder = this.#service(holderOf(address))
    if (holder !== undefined && ownAddresses(holder).includes(ip)) {
      const message = `Cluster IP [${family(ip)}]: ${ip} was assigned to multiple services; please recreate service`
      this.#tell(service, 'ClusterIPAlreadyAllocated', message)
      return
    }
    const { namespace, name } = service.metadata!
    const message = `Cluster IP [${family(ip)}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`
    this.#tell(service, 'ClusterIPNotAllocated', message)
    await this.#delete(address)
    await claimFor(service, ip, this.#context)
  }

  async #repairAddress(name: string): Promise<void> {
    const address = this.#address(name)
    if (address === undefined || address.metadata?.labels?.[MANAGED_BY.label] !== MANAGED_BY.value) return
    const holder = this.#service(holderOf(address))
    if (holder !== undefined && ownAddresses(holder).includes(name)) return
    const age = this.#context.clock.now() - Date.parse(address.metadata?.creationTimestamp ?? '')
    if (age < LEAKED_AFTER_MS) {
      this.#queue.addAfter(IP + name, LEAKED_AFTER_MS - age)
      return
    }
    const { namespace, name: service } = address.spec!.parentRef
    const message = `IPAddress: ${name} for Service ${namespace}/${service} appears to have leaked: cleaning up`
    this.#tell(address, 'IPAddressNotAllocated', message)
    await this.#delete(address)
  }

  async #delete({ metadata }: IPAddress): Promise<void> {
    try {
      await this.#context.client.delete(ipAddresses, metadata!.name!, { preconditions: { uid: metadata!.uid } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
  }

  /** Once, as a server starts: only a server that died leaves ports behind. What is on its way is told from that by a second look. */
  async #repairPorts(signal: AbortSignal): Promise<void> {
    const first = await this.#comparePorts()
    for (const port of first.missing) {
      this.#context.log.warn('A node port that a Service has was not allocated; repairing', { port })
      await allocateNodePorts([port], this.#context)
    }
    if (first.leaked.length === 0) return
    await this.#context.clock.sleep(LEAKED_AFTER_MS, { signal })
    const still = new Set((await this.#comparePorts()).leaked)
    const leaked = first.leaked.filter((port) => still.has(port))
    if (leaked.length > 0) this.#context.log.warn('Node ports that no Service has are given back', { ports: leaked.join(' ') })
    await releaseNodePorts(leaked, this.#context)
  }

  async #comparePorts(): Promise<{ readonly leaked: number[]; readonly missing: number[] }> {
    const all = [...this.#options.cache.of(services).objects()] as Service[]
    return compareNodePorts(new Set(all.flatMap(ownPorts)), this.#context)
  }

  #service(key: string): Service | undefined {
    return this.#options.cache.of(services).get(key)?.object as Service | undefined
  }

  #address(name: string): IPAddress | undefined {
    return this.#options.cache.of(ipAddresses).get(name)?.object as IPAddress | undefined
  }

  #tell(object: KubernetesObject, reason: string, message: string): void {
    this.#events.event(object, 'Warning', reason, message)
  }
}

const keyOf = ({ metadata }: KubernetesObject): string => objectKey(metadata?.namespace, metadata?.name ?? '')

const holderOf = ({ spec }: IPAddress): string => objectKey(spec?.parentRef.namespace, spec?.parentRef.name ?? '')

const isFor = (address: IPAddress, service: Service): boolean => holderOf(address) === keyOf(service)

const family = (ip: string): string => (ip.includes(':') ? 'IPv6' : 'IPv4')
