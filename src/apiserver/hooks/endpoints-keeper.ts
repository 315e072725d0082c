import type { Endpoints } from '#api'
import { type Clock, type Log, TaskGroup } from '#base'
import type { Client } from '#client'
import { type Entry, RevisionConflict, type Store } from '#store'
import { decodeStored, encodeForStore, type StorageForm } from '../registry/object-version.ts'
import { type Advertised, publishEndpoints } from './kubernetes-service.ts'

/** Upstream's, with one lease for each server's address. */
const LEASES = '/registry/masterleases/'
const LEASE_SECONDS = 15
const RENEW_MS = 10_000
const RACES_MAX = 5
const LEAVE_MS_MAX = 2 * RENEW_MS

export interface EndpointsKeeperOptions {
  readonly store: Store
  readonly storageForm: StorageForm
  /** Acts as the API server itself. */
  readonly client: Client
  readonly clock: Clock
  readonly log: Log
}

/**
 * Keeps the endpoints of the `kubernetes` Service at the servers that live. Those that share a store each renew a lease in it, and whoever comes by
 * takes out the addresses whose lease has ended (`--endpoint-reconciler-type=lease`). One that has its store alone is always the only one.
 */
export class EndpointsKeeper implements AsyncDisposable {
  readonly #options: EndpointsKeeperOptions
  readonly #tasks: TaskGroup
  #advertised: Advertised | undefined
  #left: Promise<void> | undefined

  constructor(options: EndpointsKeeperOptions) {
    this.#options = options
    this.#tasks = new TaskGroup({ onError: (error) => options.log.error('The endpoints are not kept any more', { error }) })
  }

  /** Resolves once this server is among the endpoints. */
  async start(advertised: Advertised): Promise<void> {
    const { store, client } = this.#options
    this.#advertised = advertised
    if (!store.isShared) return publishEndpoints(client, [advertised.address], advertised.port)
    await this.#reconcile(advertised)
    this.#tasks.spawn((signal) => this.#keep(advertised, signal))
  }

  /** Takes this server out, so that nobody is sent to it for the rest of its lease. A store that does not answer is not waited for any longer than upstream does. */
  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }

  async #leave(): Promise<void> {
    const { store, clock, log } = this.#options
    if (this.#advertised === undefined || !store.isShared) return this.#tasks[Symbol.asyncDispose]()
    const timer = new AbortController()
    const late = clock.sleep(LEAVE_MS_MAX, { signal: timer.signal }).then(
      () => log.warn('This server was not taken out of the endpoints in time; its lease ends by itself', {}),
      () => undefined,
    )
    await Promise.race([this.#remove(), late])
    timer.abort()
  }

  async #remove(): Promise<void> {
    const { store, log } = this.#options
    await this.#tasks[Symbol.asyncDispose]()
    if (this.#advertised === undefined) return
    try {
      const entry = await store.get(LEASES + this.#advertised.address)
      if (entry !== undefined) await store.delete(entry.key, entry.revision)
      await this.#publish(this.#advertised.port)
    } catch (error) {
      log.warn('This server could not be taken out of the endpoints; its lease ends by itself', { error })
    }
  }

  async #keep(advertised: Advertised, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options
    for (;;) {
      await clock.sleep(RENEW_MS, { signal })
      try {
        await this.#reconcile(advertised)
      } catch (error) {
        signal.throwIfAborted()
        log.warn('The lease of this server could not be renewed', { error })
      }
    }
  }

  async #reconcile({ address, port }: Advertised): Promise<void> {
    await this.#renew(address)
    await this.#publish(port)
  }

  async #renew(address: string): Promise<void> {
    const { store, storageForm } = this.#options
    const key = LEASES + address
    let entry = await store.get(key)
    for (let race = 1; ; race++) {
      try {
        await store.put(key, encodeForStore(leaseOf(address, entry), storageForm), {
          expected: entry?.revision ?? 0,
          ttlSeconds: LEASE_SECONDS,
        })
        return
      } catch (error) {
        // The lease ended just now, or another server has this address too.
        if (!(error instanceof RevisionConflict) || race === RACES_MAX) throw error
        entry = error.current
      }
    }
  }

  async #publish(port: number): Promise<void> {
    const { store, client } = this.#options
    const { entries } = await store.list(LEASES)
    // The last server that stops leaves its address: no endpoint at all would help nobody.
    if (entries.length > 0)
      await publishEndpoints(
        client,
        entries.map(({ key }) => key.slice(LEASES.length)),
        port,
      )
  }
}

/** The generation makes each renewal another value, as upstream's does. */
function leaseOf(address: string, entry: Entry | undefined): Endpoints {
  const before = entry === undefined ? 0 : (decodeStored(entry.value).metadata?.generation ?? 0)
  return {
    kind: 'Endpoints',
    apiVersion: 'v1',
    metadata: { generation: before + 1 },
    subsets: [{ addresses: [{ ip: address }] }],
  }
}
