import {
  canonicalAddress,
  type IPAddress,
  ipAddresses,
  ipFamilyOf,
  parseRange,
  type Service,
  type ServiceCIDR,
  serviceCIDRs,
  services,
} from '#api'
import { TaskGroup } from '#base'
import { EventRecorder, WorkQueue } from '#client'
import { isNotFound, type KubernetesObject, objectKey } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { claimFor, FAMILY_LABEL, isUsable, MANAGED_BY } from './cluster-ip-allocator.ts'
import { repairNodePorts } from './node-port-repair.ts'
import { ownAddresses } from './service.ts'
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
  readonly #portEvents: EventRecorder
  readonly #subscriptions = new DisposableStack()

  constructor(options: AllocationKeeperOptions) {
    this.#options = options
    this.#context = options.context()
    const { client, clock, random, log } = this.#context
    this.#queue = new WorkQueue(clock)
    this.#events = new EventRecorder({ client, clock, random, log, component: 'ipallocator-repair-controller' })
    this.#portEvents = new EventRecorder({ client, clock, random, log, component: 'portallocator-repair-controller' })
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
    this.#subscriptions.use(
      cache.of(ipAddresses).subscribe(({ type, version }) => {
        // Somebody may have taken it from a Service that goes on.
        if (type === 'DELETED') this.#queue.add(SERVICE + holderOf(version.object as IPAddress))
        else this.#queue.add(IP + version.object.metadata?.name)
      }),
    )
    // What is out of every range changes with the ranges.
    this.#subscriptions.use(
      cache.of(serviceCIDRs).subscribe(({ type }) => {
        if (type !== 'MODIFIED') this.#addServices()
      }),
    )
    this.#addServices()
    for (const object of cache.of(ipAddresses).objects()) this.#queue.add(IP + object.metadata?.name)
    this.#tasks.spawn(() => this.#work())
    this.#tasks.spawn((signal) =>
      repairNodePorts({
        services: () => this.#services(),
        context: this.#context,
        events: this.#portEvents,
        graceMs: LEAKED_AFTER_MS,
        signal,
      }),
    )
  }

  #services(): Service[] {
    return [...this.#options.cache.of(services).objects()] as Service[]
  }

  #addServices(): void {
    for (const service of this.#services()) this.#queue.add(SERVICE + keyOf(service))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#subscriptions.dispose()
    this.#queue[Symbol.dispose]()
    await this.#tasks[Symbol.asyncDispose]()
    await this.#events[Symbol.asyncDispose]()
    await this.#portEvents[Symbol.asyncDispose]()
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
    for (const ip of ownAddresses(service)) await this.#repairServiceAddress(service, ip)
  }

  async #repairServiceAddress(service: Service, ip: string): Promise<void> {
    if (canonicalAddress(ip) === undefined) {
      this.#tell(service, 'ClusterIPNotValid', `Cluster IP ${ip} is not a valid IP; please recreate Service`)
      return
    }
    const which = `[${ipFamilyOf(ip)}]: ${ip}`
    if (this.#isOutOfRange(ip)) {
      const message = `Cluster IP ${which} is not within any configured Service CIDR; please recreate service`
      this.#tell(service, 'ClusterIPOutOfRange', message)
      return
    }
    const address = this.#address(ip)
    if (address === undefined) {
      this.#tell(service, 'ClusterIPNotAllocated', `Cluster IP ${which} is not allocated; repairing`)
      await claimFor(service, ip, this.#context)
    } else if (!isFor(address, service)) await this.#takeOver(service, ip, address)
    else if (!hasLabels(address)) await this.#claimAnew(service, address)
  }

  #isOutOfRange(ip: string): boolean {
    const all = [...this.#options.cache.of(serviceCIDRs).objects()] as ServiceCIDR[]
    const ranges = all.flatMap(({ spec }) => spec?.cidrs ?? []).map(parseRange)
    return !ranges.some((range) => range !== undefined && isUsable(range, ip))
  }

  /** An address that is held for another Service is taken only when that one does not have it. */
  async #takeOver(service: Service, ip: string, address: IPAddress): Promise<void> {
    const holder = isOfService(address) ? this.#service(holderOf(address)) : undefined
    if (holder !== undefined && ownAddresses(holder).includes(ip)) {
      const message = `Cluster IP [${ipFamilyOf(ip)}]:${ip} was assigned to multiple services; please recreate service`
      this.#tell(service, 'ClusterIPAlreadyAllocated', message)
      return
    }
    const { namespace, name } = service.metadata!
    const message = `the ClusterIP [${ipFamilyOf(ip)}]: ${ip} for Service ${namespace}/${name} has a wrong reference; repairing`
    this.#tell(service, 'ClusterIPNotAllocated', message)
    await this.#claimAnew(service, address)
  }

  async #claimAnew(service: Service, address: IPAddress): Promise<void> {
    await this.#delete(address)
    await claimFor(service, address.metadata!.name!, this.#context)
  }

  async #repairAddress(name: string): Promise<void> {
    const address = this.#address(name)
    if (address === undefined || address.metadata?.labels?.[MANAGED_BY.label] !== MANAGED_BY.value) return
    if (!isOfService(address)) {
      const { group = '', resource, namespace = '', name: parent } = address.spec?.parentRef ?? { resource: '', name: '' }
      const reference = `&ParentReference{Group:${group},Resource:${resource},Namespace:${namespace},Name:${parent},}`
      const message = `IPAddress ${name} appears to have been modified, not referencing a Service ${reference}: cleaning up`
      this.#tell(address, 'IPAddressNotAllocated', message)
      await this.#delete(address)
      return
    }
    const holder = this.#service(holderOf(address))
    if (holder !== undefined && ownAddresses(holder).includes(name)) return
    // The Service may be on its way, or about to be given this address.
    const age = this.#context.clock.now() - Date.parse(address.metadata?.creationTimestamp ?? '')
    if (age < LEAKED_AFTER_MS) {
      this.#queue.addAfter(IP + name, LEAKED_AFTER_MS - age)
      return
    }
    const which = `IPAddress: ${name} for Service ${address.spec!.parentRef.namespace}/${address.spec!.parentRef.name}`
    if (holder === undefined) this.#tell(address, 'IPAddressNotAllocated', `${which} appears to have leaked: cleaning up`)
    else this.#tell(address, 'IPAddressWrongReference', `${which} has a wrong reference; cleaning up`)
    await this.#delete(address)
  }

  async #delete({ metadata }: IPAddress): Promise<void> {
    try {
      await this.#context.client.delete(ipAddresses, metadata!.name!, { preconditions: { uid: metadata!.uid } })
    } catch (error) {
      if (!isNotFound(error)) throw error
    }
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

const isOfService = ({ spec }: IPAddress): boolean => !spec?.parentRef.group && spec?.parentRef.resource === 'services'

const isFor = (address: IPAddress, service: Service): boolean => isOfService(address) && holderOf(address) === keyOf(service)

const hasLabels = ({ metadata }: IPAddress): boolean =>
  metadata?.labels?.[MANAGED_BY.label] === MANAGED_BY.value && metadata.labels[FAMILY_LABEL] === ipFamilyOf(metadata.name ?? '')
