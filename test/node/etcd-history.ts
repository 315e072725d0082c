import { type Random, systemClock } from '#base'
import { openEtcdStore, type Store, StoreFailure } from '#store'
import {
  checkHistory,
  type Follower,
  finish,
  follow,
  Journal,
  Recorder,
  runClients,
  storeTarget,
  type Target,
} from '../../src/testing/history/index.ts'
import type { EtcdCluster } from './etcd-cluster.ts'

const PREFIX = '/registry/'
const CLIENTS = 16
const KEYS = 24

/** A history of rounds over etcd: two stores as of two servers, with a watcher each, and clients who use both. Nobody else writes there. */
export class EtcdHistory implements AsyncDisposable {
  readonly stores: readonly Store[]
  readonly #journal = new Journal()
  readonly #recorder = new Recorder(this.#journal.add)
  readonly #targets: readonly Target[]
  readonly #followers: readonly Follower[]
  readonly #since: number
  readonly #random: Random
  readonly #stack: AsyncDisposableStack
  #rounds = 0

  private constructor(stores: readonly Store[], random: Random, stack: AsyncDisposableStack) {
    this.stores = stores
    this.#random = random
    this.#stack = stack
    this.#since = stores[0]!.revision
    this.#targets = stores.map((store) => storeTarget(store, PREFIX))
    this.#followers = this.#targets.map((target, index) =>
      stack.use(follow(target, `watcher ${index}`, this.#since, this.#recorder)),
    )
  }

  static async open(cluster: EtcdCluster, random: Random): Promise<EtcdHistory> {
    await using stack = new AsyncDisposableStack()
    const options = { servers: cluster.servers, clock: systemClock }
    const stores = [stack.use(await openEtcdStore(options)), stack.use(await openEtcdStore(options))]
    return new EtcdHistory(stores, random, stack.move())
  }

  /** Where all watchers have come. */
  get reached(): number {
    return Math.min(...this.#followers.map((follower) => follower.reached()))
  }

  /** Clients at work on keys of their own while `fault` lasts, and until each of them was answered. Returns how many writes were acknowledged. */
  async round(fault: () => Promise<void>): Promise<number> {
    const prefix = `${PREFIX}r${this.#rounds++}/`
    const before = this.#journal.operations.length
    const stop = new AbortController()
    const clients = runClients({
      targets: this.#targets,
      recorder: this.#recorder,
      clock: systemClock,
      random: this.#random,
      clients: CLIENTS,
      keys: Array.from({ length: KEYS }, (_, index) => `${prefix}k${index}`),
      prefix,
      operations: Number.POSITIVE_INFINITY,
      signal: stop.signal,
      pauseMs: 0,
    })
    clients.catch(() => stop.abort())
    try {
      await fault()
    } finally {
      stop.abort()
      await clients
    }
    return this.#journal.operations.slice(before).filter(({ answer }) => answer.type === 'done').length
  }

  /** Resolves once the cluster answers. */
  async untilServed(): Promise<void> {
    for (;;) {
      try {
        await this.stores[0]!.latest()
        return
      } catch (error) {
        if (!(error instanceof StoreFailure) || error.reason !== 'Unavailable') throw error
      }
    }
  }

  /** Waits for the watchers and checks everything; what was found, in a line. Throws with what is wrong. */
  async check(): Promise<string> {
    const last = { target: this.#targets[0]!, recorder: this.#recorder, client: CLIENTS, key: `${PREFIX}last` }
    await finish(last, this.#followers)
    return checkHistory(this.#journal, { gaplessAfter: this.#since, isForeign: (key) => key.startsWith(FENCES) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** What the stores write for themselves. */
const FENCES = `${PREFIX}t8s-fences/`
