import { AsyncQueue, type Timer } from '#base'
import { Compacted, type Revision, WatchOverflow } from '../store.ts'
import type { EtcdConnection, WatchHandle } from './connection.ts'
import { EtcdError } from './errors.ts'
import { EVERY_KEY, type Event, type WatchResponse } from './messages.ts'
import { WatchCheck } from './watch-check.ts'

/** Events that wait for one consumer before it is cut off. */
export const WATCH_BUFFER_EVENTS_MAX = 100_000

/** Events of one or more whole revisions, in order; without events it says how far the watch has come. */
export interface WatchBatch {
  readonly revision: Revision
  readonly events: readonly Event[]
}

/**
 * Every change of the whole key space after `since`, each once, across broken connections and members that fail. All keys are watched, because each
 * revision then brings an event and so says how far the watch has come: members before 3.4.31 and 3.5.13 may answer a progress request before events
 * that came first. Ends when `signal` is aborted.
 */
export async function* watchEverything(
  connection: EtcdConnection,
  since: Revision,
  signal: AbortSignal,
): AsyncGenerator<WatchBatch> {
  let reached = since
  let barren = 0
  const gotOn = (): void => {
    barren = 0
    connection.noteWatch(undefined)
  }
  while (!signal.aborted) {
    // What interrupts a watch that got on is a new trouble, with a budget of its own; one that opens and brings nothing takes its time.
    if (barren > 0) await connection.pause(barren)
    barren++
    const stream = await connection.retrying(() => WatchStream.open(connection, reached, signal))
    // One that is quiet is well too, if it lasts.
    const lasts = connection.whenAnswersAreDue(gotOn)
    const check = new WatchCheck(connection, stream)
    try {
      for await (const batch of stream) {
        yield batch
        if (batch.revision <= reached) continue
        reached = batch.revision
        gotOn()
      }
    } catch (error) {
      if (!(error instanceof EtcdError) || error.kind !== 'transient') throw error
      if (barren > 1) connection.noteWatch(error)
    } finally {
      lasts[Symbol.dispose]()
      check[Symbol.dispose]()
      stream[Symbol.dispose]()
    }
  }
}

/** The revision below which history is gone. */
export async function oldestRevision(connection: EtcdConnection, signal: AbortSignal): Promise<Revision> {
  try {
    using stream = await connection.retrying(() => WatchStream.open(connection, 0, signal))
    using _late = stream.expectSoon()
    // The refusal comes behind the opening; else whatever comes is of the beginning.
    for await (const _ of stream) break
    return 1
  } catch (error) {
    if (error instanceof Compacted) return error.oldest
    throw error
  }
}

/** One watch on one member. */
class WatchStream implements AsyncIterable<WatchBatch>, Disposable {
  readonly #queue = new AsyncQueue<WatchBatch>(WATCH_BUFFER_EVENTS_MAX)
  readonly #opened = Promise.withResolvers<void>()
  readonly #since: Revision
  readonly #end: () => void
  readonly #timer: Timer
  readonly #vet: WatchHandle['vet']
  readonly #late: WatchHandle['late']
  readonly #unlessOpened: WatchHandle['unlessOpened']
  #reached: Revision
  #newest: Revision = 0
  #fragments: Event[] = []
  #waiting = 0

  private constructor(connection: EtcdConnection, since: Revision, signal: AbortSignal) {
    this.#since = since
    this.#reached = since
    const { call, end, failed, vet, late, unlessOpened } = connection.watch()
    this.#vet = vet
    this.#late = late
    this.#unlessOpened = unlessOpened
    this.#timer = unlessOpened((error) => this.#fail(error))
    const stop = (): void => {
      this.#timer[Symbol.dispose]()
      this.#opened.resolve()
      this.#queue.close()
      end()
    }
    signal.addEventListener('abort', stop, { once: true })
    this.#end = () => {
      signal.removeEventListener('abort', stop)
      stop()
    }
    call.on('data', (response: WatchResponse) => {
      try {
        this.#receive(response)
      } catch (error) {
        this.#fail(error as Error)
        end()
      }
    })
    call.on('error', (error) => {
      // Who has ended it hears of nothing.
      if (!this.#queue.ended) this.#fail(failed(error))
    })
    call.on('end', () => this.#fail(new EtcdError('transient', 'the member ended the watch', false)))
    // The revision itself is asked for too, since etcd refuses only what lies before the compaction.
    const create = { ...EVERY_KEY, startRevision: Math.max(1, since), progressNotify: true, prevKv: true, fragment: true }
    call.write({ create })
  }

  /** Resolves once the member has accepted the watch. Throws `Compacted` when changes after `since` are gone. */
  static async open(connection: EtcdConnection, since: Revision, signal: AbortSignal): Promise<WatchStream> {
    const stream = new WatchStream(connection, since, signal)
    try {
      await stream.#opened.promise
      return stream
    } catch (error) {
      stream[Symbol.dispose]()
      throw error
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchBatch> {
    for await (const batch of this.#queue) {
      this.#waiting -= batch.events.length
      yield batch
    }
  }

  /** Up to where the member has told of every change. */
  get reached(): Revision {
    return this.#reached
  }

  /** Fails, and leaves the member. */
  giveUp(details: string): void {
    this.#fail(this.#late(details))
  }

  /** Fails unless something comes in the time that an answer may take, or the timer is disposed of. */
  expectSoon(): Timer {
    return this.#unlessOpened(() =>
      this.#fail(new EtcdError('transient', 'the member did not say which revision is its oldest', false)),
    )
  }

  [Symbol.dispose](): void {
    this.#end()
  }

  #receive(response: WatchResponse): void {
    const { header, created, canceled, compactRevision, cancelReason, fragment, events = [] } = response
    const revision = header?.revision ?? 0
    this.#vet(header)
    if (canceled) {
      if (compactRevision) this.#fail(new Compacted(this.#since, compactRevision))
      else this.#fail(cancellation(cancelReason ?? ''))
      return
    }
    if (created) {
      // etcd says first that it created the watch, and only then, if at all, that it can't serve it.
      if (revision <= this.#since) this.#push({ revision: this.#since, events: [] })
      this.#timer[Symbol.dispose]()
      this.#opened.resolve()
      return
    }
    // The revision that the watch starts at was asked for only to hear whether it is still there.
    for (const event of events) if (this.#inOrder(event) > this.#since) this.#fragments.push(event)
    if (this.#fragments.length > WATCH_BUFFER_EVENTS_MAX) throw new WatchOverflow(WATCH_BUFFER_EVENTS_MAX)
    if (fragment) return
    const all = this.#fragments
    this.#fragments = []
    if (all.length === 0) this.#push({ revision, events: all })
    else this.#push({ revision: all.at(-1)!.kv?.modRevision ?? revision, events: all })
  }

  /** The event's revision. Throws when others after it were told before. */
  #inOrder({ kv }: Event): Revision {
    const revision = kv?.modRevision ?? 0
    if (revision < this.#newest)
      throw new EtcdError('transient', `etcd told of revision ${revision} after ${this.#newest} in one watch`, false)
    this.#newest = revision
    return revision
  }

  #push(batch: WatchBatch): void {
    this.#reached = Math.max(this.#reached, batch.revision)
    this.#waiting += batch.events.length
    if (this.#waiting > WATCH_BUFFER_EVENTS_MAX || !this.#queue.push(batch))
      this.#fail(new WatchOverflow(WATCH_BUFFER_EVENTS_MAX))
  }

  #fail(error: Error): void {
    this.#opened.reject(error)
    this.#queue.fail(error)
  }
}

function cancellation(reason: string): EtcdError {
  if (/permission denied|auth/i.test(reason))
    return new EtcdError('unauthenticated', `${reason} (a watch of all keys is needed)`, false)
  return new EtcdError('transient', reason || 'the member cancelled the watch', /no leader/.test(reason))
}
