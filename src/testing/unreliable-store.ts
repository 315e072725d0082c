import type { Clock, Random } from '#base'
import {
  type Change,
  type Entry,
  type ListOptions,
  type Page,
  type Progress,
  type PutOptions,
  type Revision,
  type Store,
  StoreFailure,
} from '#store'
import { SharedStore } from './faulty-store.ts'

export interface Unreliability {
  readonly clock: Clock
  readonly random: Random
  /** On the way there, and on the way back, at most. */
  readonly delayMs: number
  /** Out of a hundred: writes that never arrive, and writes that are done and not answered. */
  readonly lostPercent: number
  /** Out of a hundred: pieces of news after which a watch breaks. */
  readonly breakPercent: number
}

/** One of several ways to a store: slow, out of step with the others, and now and then losing a question, an answer or a watch. All of it is drawn from one seed. */
export class UnreliableStore extends SharedStore {
  readonly #how: Unreliability
  #isSteady = true
  #heard: Revision

  constructor(inner: Store, how: Unreliability) {
    super(inner)
    this.#how = how
    this.#heard = inner.revision
  }

  /** The newest that came this way. */
  override get revision(): Revision {
    return this.#heard
  }

  /** Until now it was as good as any. */
  begin(): void {
    this.#isSteady = false
  }

  override async latest(): Promise<Revision> {
    return this.#hear(await this.#slowly(() => super.latest()))
  }

  override get(key: string, at?: Revision): Promise<Entry | undefined> {
    return this.#slowly(() => super.get(key, at))
  }

  override async list(prefix: string, options?: ListOptions): Promise<Page> {
    const page = await this.#slowly(() => super.list(prefix, options))
    this.#hear(page.revision)
    return page
  }

  override async put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    return this.#hear(await this.#losing(() => super.put(key, value, options)))
  }

  override async delete(key: string, expected: Revision): Promise<Revision> {
    return this.#hear(await this.#losing(() => super.delete(key, expected)))
  }

  override async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress> {
    await this.#pause(signal)
    for await (const change of super.watch(prefix, since, signal)) {
      await this.#pause(signal)
      if (signal.aborted) return
      if (this.#happens(this.#how.breakPercent)) throw new StoreFailure('Unavailable', 'the watch broke')
      this.#hear(change.revision)
      yield change
    }
  }

  #hear(revision: Revision): Revision {
    if (revision > this.#heard) this.#heard = revision
    return revision
  }

  async #losing<T>(write: () => Promise<T>): Promise<T> {
    const isLost = this.#happens(this.#how.lostPercent)
    const isMute = this.#happens(this.#how.lostPercent)
    if (isLost) {
      await this.#pause()
      throw new StoreFailure('Unavailable', 'the question was lost')
    }
    const done = await this.#slowly(write)
    if (isMute) throw new StoreFailure('Unavailable', 'the answer was lost')
    return done
  }

  async #slowly<T>(call: () => Promise<T>): Promise<T> {
    await this.#pause()
    try {
      return await call()
    } finally {
      await this.#pause()
    }
  }

  async #pause(signal?: AbortSignal): Promise<void> {
    if (this.#isSteady) return
    const { clock, random, delayMs } = this.#how
    await clock.sleep(random.int(delayMs), { signal }).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error
    })
  }

  #happens(percent: number): boolean {
    return !this.#isSteady && this.#how.random.int(100) < percent
  }
}
