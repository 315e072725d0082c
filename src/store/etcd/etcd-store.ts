import type { Clock, Random } from '#base'
import {
  type Change,
  Compacted,
  type Entry,
  FutureRevision,
  type ListOptions,
  type Page,
  type Progress,
  type PutOptions,
  type Revision,
  RevisionConflict,
  type Store,
  StoreFailure,
} from '../store.ts'
import { Compactor } from './compactor.ts'
import type { EtcdConnection } from './connection.ts'
import { EtcdError, failureOf } from './errors.ts'
import { Fence } from './fence.ts'
import { Health } from './health.ts'
import type { KeySpace } from './key-space.ts'
import { Leases } from './leases.ts'
import { DELETED, type Event, endOfPrefix, type KeyValue, type RangeRequest, type RangeResponse } from './messages.ts'
import { saveDatabase } from './save-database.ts'
import { oldestRevision, watchEverything } from './watch.ts'
import { ConditionalWriter } from './writer.ts'

/** Entries asked for at once: with objects of the largest size that etcd takes still well below what a response may hold. */
const PAGE_ENTRIES_MAX = 500
/** A page of large objects takes its time. */
const PAGE_TIMEOUT_MS = 5_000

/** Unknown to upstream, which leaves such keys alone. */
const FENCES = '/registry/t8s-fences/'

export interface EtcdStoreOptions {
  readonly connection: EtcdConnection
  readonly keys: KeySpace
  readonly clock: Clock
  readonly random: Random
  /** The revision of the cluster when the connection was made. */
  readonly revision: Revision
}

/** A cluster of etcd v3 as {@link Store}: shared with other processes, so that `revision` is the newest that this one has heard of. */
export class EtcdStore implements Store {
  readonly isShared = true
  readonly #connection: EtcdConnection
  readonly #keys: KeySpace
  readonly #leases: Leases
  readonly #writer: ConditionalWriter
  readonly #compactor: Compactor
  readonly #health: Health
  readonly #closing = new AbortController()
  #revision: Revision
  #asked: Promise<Revision> | undefined
  #running: Promise<Revision> | undefined

  constructor({ connection, keys, clock, random, revision }: EtcdStoreOptions) {
    this.#connection = connection
    this.#keys = keys
    this.#revision = revision
    this.#leases = new Leases(connection, { clock, random })
    const id = random.uuid()
    const fence = new Fence(connection, this.#keys.outside(FENCES + id))
    const note = (seen: Revision): void => this.#note(seen)
    this.#writer = new ConditionalWriter({ connection, fence, id, note, signal: this.#closing.signal })
    this.#compactor = new Compactor(connection, (seen) => this.#note(seen))
    this.#health = new Health(connection, clock)
  }

  get revision(): Revision {
    return this.#revision
  }

  /** One question answers all who came before it was sent; none who came later. */
  latest(): Promise<Revision> {
    this.#asked ??= (async () => {
      await this.#running?.catch(() => undefined)
      this.#running = this.#asked
      this.#asked = undefined
      const { header } = await this.#range({ key: this.#keys.outside('latest'), countOnly: true })
      return header?.revision ?? this.#revision
    })()
    return this.#asked
  }

  async get(key: string, at?: Revision): Promise<Entry | undefined> {
    const { kvs } = await this.#range({ key: this.#keys.outside(key), revision: at })
    return kvs?.[0] && this.#entryOf(kvs[0])
  }

  async list(prefix: string, { at, limit = 0, after }: ListOptions = {}): Promise<Page> {
    const rangeEnd = endOfPrefix(this.#keys.outside(prefix))
    const entries: Entry[] = []
    let key = this.#keys.outside(after === undefined || after < prefix ? prefix : `${after}\0`)
    let revision = at
    for (;;) {
      const wanted = limit === 0 ? PAGE_ENTRIES_MAX : Math.min(PAGE_ENTRIES_MAX, limit - entries.length)
      const page = await this.#range({ key, rangeEnd, limit: wanted, revision }, PAGE_TIMEOUT_MS)
      const { kvs = [], count = 0, header } = page
      revision ??= header?.revision ?? 0
      let last = key
      for (const kv of kvs) {
        // Else it might never come to an end.
        if (kv.key === undefined || kv.key < last || kv.key >= rangeEnd)
          throw new StoreFailure(
            'Refused',
            `etcd was asked for keys from ${last} to ${rangeEnd} and answered with ${kv.key}, again or out of order`,
          )
        entries.push(this.#entryOf(kv))
        last = `${kv.key}\0`
      }
      const remaining = count - kvs.length
      if (remaining === 0 || kvs.length === 0 || entries.length === limit) return { entries, revision, remaining }
      key = last
    }
  }

  async put(key: string, value: Uint8Array, { expected, ttlSeconds }: PutOptions): Promise<Revision> {
    const write = async (): Promise<Revision> => {
      const lease = ttlSeconds === undefined ? undefined : await this.#leases.forTtl(ttlSeconds)
      return this.#write(key, expected, { value, lease })
    }
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof EtcdError) || error.kind !== 'lease-not-found') throw failureOf(error)
    }
    // The lease ended between its grant and the write: so slow a moment passes.
    this.#leases.forget()
    return write().catch((error: unknown) => {
      throw failureOf(error)
    })
  }

  async delete(key: string, expected: Revision): Promise<Revision> {
    if (expected === 0) throw new RevisionConflict(key, await this.get(key))
    try {
      return await this.#write(key, expected, undefined)
    } catch (error) {
      throw failureOf(error)
    }
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncGenerator<Change | Progress> {
    const outside = this.#keys.outside(prefix)
    const both = AbortSignal.any([signal, this.#closing.signal])
    if (both.aborted) return
    try {
      for await (const { revision, events } of watchEverything(this.#connection, since, both)) {
        this.#note(revision)
        const inside = events.filter(({ kv }) => kv?.key?.startsWith(outside))
        for (const [index, event] of inside.entries()) {
          const at = event.kv?.modRevision ?? 0
          yield this.#changeOf(event, at, inside[index + 1]?.kv?.modRevision === at)
        }
        // A watch that starts in the future waits for it.
        if (revision >= since) yield { type: 'progress', revision }
      }
    } catch (error) {
      throw failureOf(error)
    }
  }

  async compact(revision: Revision): Promise<void> {
    try {
      await this.#compactor.compact(revision)
    } catch (error) {
      throw await this.#mapped(error, revision)
    }
  }

  /** The member's database as of one moment, with the SHA-256 behind it that etcdctl checks. The file is whole or not there. */
  async snapshot(file: string): Promise<void> {
    try {
      await saveDatabase(this.#connection, file, this.#closing.signal)
    } catch (error) {
      throw failureOf(error)
    }
  }

  async compactInTurn(revision: Revision): Promise<void> {
    try {
      await this.#compactor.compactInTurn(revision)
    } catch (error) {
      throw await this.#mapped(error, revision)
    }
  }

  problem(): string | undefined {
    return this.#health.problem()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DOMException('the store is closed', 'AbortError'))
    this.#health[Symbol.dispose]()
    this.#connection[Symbol.dispose]()
  }

  async #write(
    key: string,
    expected: Revision,
    put: { readonly value: Uint8Array; readonly lease: number | undefined } | undefined,
  ): Promise<Revision> {
    const result = await this.#writer.write({ key: this.#keys.outside(key), expected, put, seen: this.#revision })
    if ('revision' in result) return result.revision
    throw new RevisionConflict(key, result.current && this.#entryOf(result.current))
  }

  async #range(request: RangeRequest, timeoutMs?: number): Promise<RangeResponse> {
    try {
      const response = await this.#connection.call<RangeResponse>('range', request, timeoutMs)
      this.#note(response.header?.revision ?? 0)
      return response
    } catch (error) {
      throw await this.#mapped(error, request.revision ?? 0)
    }
  }

  async #mapped(error: unknown, requested: Revision): Promise<unknown> {
    if (!(error instanceof EtcdError)) return error
    if (error.kind === 'future') return new FutureRevision(requested, this.#revision)
    if (error.kind !== 'compacted') return failureOf(error)
    try {
      return new Compacted(requested, await oldestRevision(this.#connection, this.#closing.signal))
    } catch (why) {
      return failureOf(why)
    }
  }

  #note(revision: Revision): void {
    if (revision > this.#revision) this.#revision = revision
  }

  #entryOf({ key = '', value = NOTHING, modRevision = 0 }: KeyValue): Entry {
    return { key: this.#keys.inside(key), value, revision: modRevision }
  }

  #changeOf({ type, kv = {}, prevKv }: Event, revision: Revision, more: boolean): Change {
    const deleted = type === DELETED
    const created = !deleted && kv.createRevision === kv.modRevision
    // etcd leaves it out when a compaction overtook the watch.
    if (prevKv === undefined && !created) throw new Compacted(revision - 1, revision)
    const value = deleted ? (prevKv?.value ?? NOTHING) : (kv.value ?? NOTHING)
    const previous = prevKv && this.#entryOf(prevKv)
    return {
      type: deleted ? 'delete' : 'put',
      key: this.#keys.inside(kv.key ?? ''),
      value,
      revision,
      previous,
      ...(more && { more }),
    }
  }
}

const NOTHING = new Uint8Array(0)
