import type { Change, Entry, ListOptions, Page, Progress, PutOptions, Revision, Store } from '#store'

/** A store at the other end of a network that fails when told to: its watches break, and while it is down can't be opened, nor anything be read. */
export class FaultyStore implements Store {
  readonly #inner: Store
  readonly #watches = new Set<AbortController>()
  #down = false
  /** Watches that were asked for. */
  opened = 0

  constructor(inner: Store) {
    this.#inner = inner
  }

  get isShared(): boolean {
    return this.#inner.isShared
  }

  get revision(): Revision {
    return this.#inner.revision
  }

  latest(): Promise<Revision> {
    return this.#inner.latest()
  }

  /** Ends every watch: with an error, or as if it had simply been closed. */
  cutWatches(error: Error | undefined = new Error('connection reset')): void {
    for (const watch of [...this.#watches]) watch.abort(error ?? CLOSED)
  }

  goDown(): void {
    this.#down = true
    this.cutWatches()
  }

  comeUp(): void {
    this.#down = false
  }

  get(key: string, at?: Revision): Promise<Entry | undefined> {
    return this.#inner.get(key, at)
  }

  async list(prefix: string, options?: ListOptions): Promise<Page> {
    if (this.#down) throw new Error('connection refused')
    return this.#inner.list(prefix, options)
  }

  put(key: string, value: Uint8Array, options: PutOptions): Promise<Revision> {
    return this.#inner.put(key, value, options)
  }

  delete(key: string, expected: Revision): Promise<Revision> {
    return this.#inner.delete(key, expected)
  }

  async *watch(prefix: string, since: Revision, signal: AbortSignal): AsyncIterable<Change | Progress> {
    this.opened++
    if (this.#down) throw new Error('connection refused')
    const cut = new AbortController()
    this.#watches.add(cut)
    try {
      yield* this.#inner.watch(prefix, since, AbortSignal.any([signal, cut.signal]))
      if (cut.signal.aborted && cut.signal.reason !== CLOSED) throw cut.signal.reason
    } finally {
      this.#watches.delete(cut)
    }
  }

  compact(revision: Revision): Promise<void> {
    return this.#inner.compact(revision)
  }

  compactInTurn(revision: Revision): Promise<void> {
    return this.#inner.compactInTurn(revision)
  }

  problem(): string | undefined {
    return this.#down ? 'connection refused' : this.#inner.problem()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]()
  }
}

const CLOSED = new Error('closed')

/** A store as one of several servers sees it: others write to it too, and it outlives this one. */
export class SharedStore extends FaultyStore {
  override get isShared(): boolean {
    return true
  }

  override async [Symbol.asyncDispose](): Promise<void> {}
}
