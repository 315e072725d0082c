import { internalError } from '#meta'
import {
  type Change,
  type Entry,
  type ListOptions,
  type Page,
  type Progress,
  type PutOptions,
  type Revision,
  RevisionConflict,
  type Store,
} from '#store'
import { ownerOfKey } from './group-resource.ts'
import { isEncrypted, type Opened, type Transformer } from './transformer.ts'
import type { Transformers } from './transformers.ts'

export interface EncryptedStoreOptions {
  /** What is in force now. */
  readonly transformers: () => Transformers
  /** What stands for `/registry` in etcd, where a key is bound to its value. */
  readonly prefix: string
}

const ROOT = '/registry'

/**
 * Any store, with the values of some resources encrypted. Above it nobody knows: values are read as they were written, and an entry that can't be read says so
 * as its `problem`, so that one broken value keeps no other from being served.
 */
export class EncryptedStore implements Store {
  readonly #store: Store
  readonly #options: EncryptedStoreOptions
  /** What was encrypted here, until the store's watch brings it back: then it need be neither decrypted nor parsed. */
  readonly #written = new WeakMap<Uint8Array, Pick<Entry, 'key' | 'value'>>()

  constructor(store: Store, options: EncryptedStoreOptions) {
    this.#store = store
    this.#options = options
  }

  get isShared(): boolean {
    return this.#store.isShared
  }

  get revision(): Revision {
    return this.#store.revision
  }

  latest(): Promise<Revision> {
    return this.#store.latest()
  }

  async get(key: string, at?: Revision): Promise<Entry | undefined> {
    return this.#opened(await this.#store.get(key, at))
  }

  async list(prefix: string, options?: ListOptions): Promise<Page> {
    const page = await this.#store.list(prefix, options)
    return { ...page, entries: await this.#openedAll(page.entries) }
  }

  async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    const transformer = this.#transformerOf(key)
    if (transformer === undefined) return this.#store.put(key, value, options).catch((error) => this.#refused(error))
    let sealed: Uint8Array
    try {
      sealed = await transformer.seal(value, this.#boundKey(key))
    } catch (error) {
      throw internalError(error)
    }
    if (sealed !== value) this.#written.set(sealed, { key, value })
    return this.#store.put(key, sealed, options).catch((error) => this.#refused(error))
  }

  delete(key: string, expected: Revision): Promise<Revision> {
    return this.#store.delete(key, expected).catch((error) => this.#refused(error))
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress> {
    for await (const change of this.#store.watch(prefix, since, signal)) {
      const transformer = change.type === 'progress' ? undefined : this.#transformerOf(change.key)
      if (change.type === 'progress' || transformer === undefined) yield change
      else yield { ...(await this.#open(change, transformer)), previous: await this.#opened(change.previous) }
    }
  }

  compact(revision: Revision): Promise<void> {
    return this.#store.compact(revision)
  }

  compactInTurn(revision: Revision): Promise<void> {
    return this.#store.compactInTurn(revision)
  }

  problem(): string | undefined {
    return this.#store.problem()
  }

  /** Whether what is stored would be written otherwise now, or can be read no more. False when there is nothing. */
  async isStale(key: string): Promise<boolean> {
    const transformer = this.#transformerOf(key)
    const entry = await this.#store.get(key)
    if (entry === undefined) return false
    if (transformer === undefined) return isEncrypted(entry.value)
    return transformer.open(entry.value, this.#boundKey(key)).then(
      ({ isStale }) => isStale,
      () => true,
    )
  }

  /** The store below is its opener's. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #transformerOf(key: string): Transformer | undefined {
    const owner = ownerOfKey(key)
    return owner === undefined ? undefined : this.#options.transformers().of(owner)
  }

  #boundKey(key: string): string {
    return key.startsWith(ROOT) ? this.#options.prefix + key.slice(ROOT.length) : key
  }

  async #openedAll(entries: readonly Entry[]): Promise<readonly Entry[]> {
    const opening: Promise<void>[] = []
    const opened = [...entries]
    for (const [index, entry] of entries.entries()) {
      const transformer = this.#transformerOf(entry.key)
      if (transformer === undefined) continue
      const open = async (): Promise<void> => {
        opened[index] = await this.#open(entry, transformer)
      }
      opening.push(open())
    }
    if (opening.length === 0) return entries
    await Promise.all(opening)
    return opened
  }

  async #opened<T extends Entry>(entry: T | undefined): Promise<T | undefined> {
    const transformer = entry === undefined ? undefined : this.#transformerOf(entry.key)
    return entry === undefined || transformer === undefined ? entry : this.#open(entry, transformer)
  }

  async #open<T extends Entry>(entry: T, transformer: Transformer): Promise<T> {
    const written = this.#written.get(entry.value)
    if (written?.key === entry.key) return { ...entry, value: written.value }
    try {
      const { bytes }: Opened = await transformer.open(entry.value, this.#boundKey(entry.key))
      return { ...entry, value: bytes }
    } catch (error) {
      return { ...entry, problem: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  /** Who lost to another writer is shown what that one wrote. */
  async #refused(error: unknown): Promise<never> {
    if (!(error instanceof RevisionConflict) || error.current === undefined) throw error
    throw new RevisionConflict(error.current.key, await this.#opened(error.current))
  }
}
