import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#base'
import type { LogRecord } from '../history.ts'
import { type DurableLog, LoggedStore, type Recovered } from '../logged-store.ts'
import type { Revision, Store } from '../store.ts'
import type { FromWorker, ToWorker } from './protocol.ts'

export const FILE = 'store.db'

/** Beside this file: its source, or what is made of it once both are bundled. */
const WORKER = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'

/**
 * The default store: an in-memory index over a log in SQLite (WAL, synchronous=FULL). A worker thread commits in groups, so a write waits for
 * one fsync, never for a turn of its own, and the main thread never for the disk.
 */
export async function openEmbeddedStore(options: { readonly directory: string; readonly clock: Clock }): Promise<Store> {
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  chmodSync(options.directory, 0o700)
  const { log, recovered } = await SqliteLog.open(join(options.directory, FILE))
  const store = new LoggedStore(log, recovered, options.clock)
  return Object.assign(store, { snapshot: (file: string) => log.snapshot(file) })
}

interface Waiting {
  readonly revision: Revision
  resolve(): void
  reject(error: Error): void
}

class SqliteLog implements DurableLog {
  readonly #worker: import('node:worker_threads').Worker
  readonly #appending: Waiting[] = []
  readonly #compacting: Waiting[] = []
  readonly #copying = new Map<string, PromiseWithResolvers<void>>()
  readonly #closed = Promise.withResolvers<void>()
  #failure: Error | undefined

  constructor(worker: import('node:worker_threads').Worker) {
    this.#worker = worker
    worker.on('message', (message: FromWorker) => this.#receive(message))
    worker.on('error', (error) => this.#fail(error instanceof Error ? error : new Error(String(error))))
    worker.on('exit', () => {
      this.#fail(new Error('the store has been closed'))
      this.#closed.resolve()
    })
  }

  static async open(path: string): Promise<{ log: SqliteLog; recovered: Recovered }> {
    const { Worker } = await import('node:worker_threads')
    const worker = new Worker(new URL(WORKER, import.meta.url), { workerData: { path } })
    const recovered = await new Promise<Recovered>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('message', (message: FromWorker) => {
        if (message.type === 'recovered') resolve(message.recovered)
        else reject(new Error(message.type === 'failed' ? message.message : `unexpected ${message.type}`))
      })
    })
    worker.removeAllListeners('error')
    return { log: new SqliteLog(worker), recovered }
  }

  append(record: LogRecord): Promise<void> {
    return this.#send({ type: 'append', record }, this.#appending, record.revision)
  }

  compact(revision: Revision, dropped: readonly Revision[]): Promise<void> {
    return this.#send({ type: 'compact', revision, dropped }, this.#compacting, revision)
  }

  snapshot(file: string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    if (this.#copying.has(file)) return Promise.reject(new Error(`${file} is being written already`))
    const copied = Promise.withResolvers<void>()
    this.#copying.set(file, copied)
    this.#worker.postMessage({ type: 'snapshot', file } satisfies ToWorker)
    return copied.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#worker.postMessage({ type: 'close' } satisfies ToWorker)
    await this.#closed.promise
  }

  #send(message: ToWorker, waiting: Waiting[], revision: Revision): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      waiting.push({ revision, resolve, reject })
      this.#worker.postMessage(message)
    })
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'committed':
        settleUpTo(this.#appending, message.revision)
        return
      case 'compacted':
        settleUpTo(this.#compacting, message.revision)
        return
      case 'snapshotted': {
        const copied = this.#copying.get(message.file)
        this.#copying.delete(message.file)
        if (message.problem === undefined) copied?.resolve()
        else copied?.reject(new Error(`the store could not be copied to ${message.file}: ${message.problem}`))
        return
      }
      case 'failed':
        this.#fail(new Error(message.message))
        return
      case 'closed':
        this.#closed.resolve()
        return
      case 'recovered':
        return
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const waiting of [...this.#appending.splice(0), ...this.#compacting.splice(0)]) waiting.reject(error)
    for (const copied of this.#copying.values()) copied.reject(error)
    this.#copying.clear()
  }
}

/** Waiting calls are in order of revision. */
function settleUpTo(waiting: Waiting[], revision: Revision): void {
  const count = waiting.findIndex((each) => each.revision > revision)
  for (const each of waiting.splice(0, count === -1 ? waiting.length : count)) each.resolve()
}
