import type { Clock, Log } from '#base'
import type { History } from '../history.ts'
import type { DurableLog, LogWrite } from '../logged-store.ts'
import { type Change, type Revision, StoreFailure } from '../store.ts'
import { isNoSpace, writeAll } from './disk.ts'
import { createLog, nameOf, type Place, parseName, type Segment, writeCheckpoint, writeZeros } from './files.ts'
import { FRAME_BYTES, FrameEncoder, recordBytesMax } from './format.ts'
import { Pace } from './pace.ts'
import type { Recovered, Sizes } from './recover.ts'
import { SpaceWatch } from './space.ts'

/** What goes to disk at once. A single larger record goes alone. */
const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** What may wait for the disk; more is refused until it has caught up. */
const QUEUE_BYTES_MAX = 64 * 1024 * 1024
/** Where the disk is almost full. */
const SPACE_WORTH_A_CHECKPOINT = 64 * 1024
/** Of a log, when the next is begun: it is made in small pieces, at about the pace at which commits come at their most. */
const PREPARED_AT_SHARE = 0.1
/** A disk that has not confirmed a write for as long is a problem that is told. */
const SLOW_AFTER_MS = 10_000

export interface WriteAheadLogOptions {
  readonly clock: Clock
  readonly log: Log
  /** Keeps others out of the directory; disposed with the log. */
  readonly guard: AsyncDisposable
  readonly sizes: Sizes
}

/** What has a turn of its own: the note that history is gone up to a revision, or work that is done between two writes. */
class Alone {
  readonly compacted: Revision | undefined
  readonly settle: (error?: Error) => void | Promise<void>

  constructor(compacted: Revision | undefined, settle: (error?: Error) => void | Promise<void>) {
    this.compacted = compacted
    this.settle = settle
  }
}

/** What waits for its turn. */
type Waiting = LogWrite | Alone

const bytesMax = (waiting: Waiting): number => (waiting instanceof Alone ? FRAME_BYTES : recordBytesMax(waiting))

/**
 * A log that is written ahead into zeros. What comes while a write is on its way to disk waits and goes together with the next: one write, however many wait for it. A
 * failed write is never tried again: what the kernel then holds of it may never reach the disk, whatever a later call says.
 */
export class WriteAheadLog implements DurableLog {
  readonly #guard: AsyncDisposable
  readonly #place: Place
  readonly #clock: Clock
  readonly #log: Log
  readonly #space: SpaceWatch
  readonly #sizes: Sizes
  readonly #closing = new AbortController()
  #segment: Segment
  #encoder: FrameEncoder
  #next: Promise<Segment> | undefined
  #queue: Waiting[] = []
  #queuedBytes = 0
  #draining: Promise<void> | undefined
  #startedMs: number | undefined
  #failure: StoreFailure | undefined
  /** Bytes after the position that hold a write which the disk had no space for. */
  #spoilt = 0
  #logBytes: number
  #checkpointBytes: number
  readonly #pace = new Pace()
  readonly #copying = new Set<Promise<unknown>>()

  constructor(recovered: Recovered, { clock, log, guard, sizes }: WriteAheadLogOptions) {
    this.#sizes = sizes
    this.#guard = guard
    this.#place = recovered.place
    this.#segment = recovered.segment
    this.#encoder = new FrameEncoder(recovered.segment.salt)
    this.#logBytes = recovered.logBytes
    this.#checkpointBytes = recovered.checkpointBytes
    this.#clock = clock
    this.#log = log
    this.#space = new SpaceWatch(recovered.place.disk, recovered.place.directory, { clock, log })
  }

  /** Looks whether there is room for the log to go on. */
  async start(): Promise<void> {
    try {
      await this.#space.check(this.#nextBytes(0))
    } catch (error) {
      this.#log.warn('How full the disk is can not be found out', { error })
    }
  }

  admit(type: Change['type']): void {
    if (this.#failure !== undefined) throw this.#failure
    if (type === 'put') this.#space.admit()
    if (this.#queuedBytes >= QUEUE_BYTES_MAX)
      throw new StoreFailure('Unavailable', 'the disk does not keep up with what is written')
  }

  append(write: LogWrite): void {
    this.#enqueue(write)
  }

  async compact(revision: Revision, state: () => History): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure
    await new Promise<void>((resolve, reject) =>
      this.#enqueue(new Alone(revision, (error) => (error === undefined ? resolve() : reject(error)))),
    )
    if (this.#isWorthCheckpoint()) await this.#owned(this.#checkpoint(state))
  }

  /** Copies the state as it is once all that was appended before is on disk. Throws a sentence. */
  async snapshot(file: string, state: () => History): Promise<void> {
    await this.#owned(this.#snapshot(file, state))
  }

  problem(): string | undefined {
    if (this.#failure !== undefined) return this.#failure.message
    const waitedMs = this.#startedMs === undefined ? 0 : this.#clock.monotonic() - this.#startedMs
    if (waitedMs > SLOW_AFTER_MS)
      return `the disk of ${this.#place.directory} has not confirmed a write for ${Math.floor(waitedMs / 1000)} s`
    return this.#space.problem
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#draining !== undefined) await this.#draining
    this.#failure ??= new StoreFailure('Unavailable', 'the store has been closed')
    this.#closing.abort(new Error('the store is closing'))
    await Promise.allSettled(this.#copying)
    this.#space[Symbol.dispose]()
    const next = await this.#next?.catch(() => undefined)
    await next?.file[Symbol.asyncDispose]()
    await this.#segment.file[Symbol.asyncDispose]()
    await this.#guard[Symbol.asyncDispose]()
  }

  #enqueue(waiting: Waiting): void {
    this.#queue.push(waiting)
    this.#queuedBytes += bytesMax(waiting)
    this.#kick()
  }

  /** Does `work` when all that was appended before is settled, and nothing is on its way to disk. */
  #between<T>(work: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) =>
      this.#enqueue(
        new Alone(undefined, async (error) => {
          try {
            if (error !== undefined) throw error
            resolve(await work())
          } catch (problem) {
            reject(problem as Error)
          }
        }),
      ),
    )
  }

  #kick(): void {
    if (this.#draining !== undefined) return
    this.#pace.isCommitting = true
    this.#draining = this.#drain().finally(() => {
      this.#draining = undefined
      this.#pace.isCommitting = false
      // What came between the last look and now.
      if (this.#queue.length > 0) this.#kick()
    })
  }

  async #drain(): Promise<void> {
    // Writers of the same turn go together.
    await Promise.resolve()
    while (this.#queue.length > 0) {
      const batch = this.#takeBatch()
      const [first] = batch
      if (first instanceof Alone && first.compacted === undefined) {
        await first.settle()
        continue
      }
      this.#startedMs = this.#clock.monotonic()
      const error = await this.#write(batch)
      this.#startedMs = undefined
      // Nothing that waited behind a failed write may be acknowledged, since its revision follows one that is not there.
      const settled = error === undefined ? batch : [...batch, ...this.#takeAll()]
      for (const waiting of settled) void waiting.settle(error)
    }
  }

  #takeBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#queue) {
      const isAlone = waiting instanceof Alone
      const more = bytesMax(waiting)
      if (count > 0 && (isAlone || bytes + more > BATCH_BYTES_MAX)) break
      bytes += more
      count++
      if (isAlone) break
    }
    const batch = this.#queue
    this.#queue = batch.splice(count)
    this.#queuedBytes -= bytes
    return batch
  }

  #takeAll(): Waiting[] {
    const all = this.#queue
    this.#queue = []
    this.#queuedBytes = 0
    return all
  }

  /** What went wrong, if something did. */
  async #write(batch: readonly Waiting[]): Promise<StoreFailure | undefined> {
    const bytes = batch.reduce((sum, waiting) => sum + bytesMax(waiting), FRAME_BYTES)
    try {
      await this.#makeRoom(bytes)
    } catch (error) {
      return this.#failed(error, bytes, 'NoSpace')
    }
    for (const waiting of batch) {
      if (!(waiting instanceof Alone)) this.#encoder.add(waiting)
      else if (waiting.compacted !== undefined) this.#encoder.addCompacted(waiting.compacted)
    }
    const frame = this.#encoder.finish()
    const segment = this.#segment
    try {
      await writeAll(segment.file, frame, segment.position)
    } catch (error) {
      this.#spoilt = Math.max(this.#spoilt, frame.length)
      return this.#failed(error, frame.length, 'Unavailable')
    }
    segment.position += frame.length
    this.#logBytes += frame.length
    this.#pace.committed(frame.length)
    if (segment.position > PREPARED_AT_SHARE * segment.size) this.#prepare().catch(() => undefined)
    return undefined
  }

  /** So that the frame ends before the zeros do. */
  async #makeRoom(bytes: number): Promise<void> {
    const { file, position, size } = this.#segment
    if (this.#spoilt > 0) {
      await writeZeros(file, position, position + this.#spoilt)
      this.#spoilt = 0
    }
    if (position + bytes < size) return
    const previous = await this.#advance(bytes)
    await previous.file[Symbol.asyncDispose]()
  }

  #failed(error: unknown, bytes: number, reason: 'NoSpace' | 'Unavailable'): StoreFailure {
    const { path } = this.#segment
    const why = error instanceof Error ? error.message : String(error)
    if (isNoSpace(error)) {
      this.#space.refused(bytes)
      return new StoreFailure(reason, this.#space.problem ?? why, { cause: error })
    }
    const message = `the store can not write any more and is read-only: ${path} could not be written (${why}); what was acknowledged is safe. Look after the disk, then start t8s again`
    this.#failure = new StoreFailure('Refused', message, { cause: error })
    this.#log.error('The store has failed', { problem: message })
    return new StoreFailure('Unavailable', message, { cause: error })
  }

  /** Of the log after the present one: small where little is left. */
  #nextBytes(frameBytes: number): number {
    const bytes = this.#space.problem === undefined ? 2 * this.#segment.size : this.#sizes.segmentBytesMin
    return Math.max(Math.min(this.#sizes.segmentBytesMax, bytes), 2 * frameBytes)
  }

  /** Ahead of need, and not from what is kept back. */
  async #prepare(): Promise<void> {
    if (this.#next !== undefined || !(await this.#space.check(this.#nextBytes(0)))) return
    await this.#prepared(0)
  }

  #prepared(frameBytes: number): Promise<Segment> {
    this.#next ??= this.#create(this.#segment.sequence + 1, frameBytes)
    return this.#next
  }

  /** Goes on in the next log, which has room for such a frame; also from what is kept back. Only between two writes. Returns the log before. */
  async #advance(frameBytes: number): Promise<Segment> {
    // Whoever waits for it takes what there is of it.
    const enoughBytes = Math.max(this.#sizes.segmentBytesMin, 2 * frameBytes)
    let next = await this.#pace.urgent(enoughBytes, this.#prepared(frameBytes))
    if (next.position + frameBytes >= next.size) {
      // Prepared for smaller ones. Logs follow one another without a gap, so it stays, empty.
      await next.file[Symbol.asyncDispose]()
      this.#next = this.#create(next.sequence + 1, frameBytes)
      next = await this.#pace.urgent(enoughBytes, this.#next)
    }
    const previous = this.#segment
    this.#next = undefined
    this.#segment = next
    this.#encoder = new FrameEncoder(next.salt)
    return previous
  }

  #create(sequence: number, frameBytes: number): Promise<Segment> {
    const size = this.#nextBytes(frameBytes)
    const created = this.#pace.preparing(() => createLog(this.#place, sequence, size, this.#pace))
    created.catch((error: unknown) => {
      if (this.#next === created) this.#next = undefined
      if (isNoSpace(error)) this.#space.refused(size)
    })
    return created
  }

  #isWorthCheckpoint(): boolean {
    if (this.#space.problem !== undefined) return this.#logBytes > SPACE_WORTH_A_CHECKPOINT
    return this.#logBytes > Math.max(this.#sizes.logBytesBeforeCheckpoint, this.#checkpointBytes)
  }

  /** Replaces the logs so far by what is not superseded of them. That it could not be done is told and changes nothing. */
  async #checkpoint(state: () => History): Promise<void> {
    const { disk, directory } = this.#place
    try {
      // As much as there is now is enough in any case.
      if (!(await this.#space.fits(this.#logBytes + this.#checkpointBytes))) return
      await this.#prepared(0)
      const { history, sequence, replacedBytes } = await this.#between(async () => {
        const previous = await this.#advance(0)
        await previous.file[Symbol.asyncDispose]()
        return { history: state(), sequence: this.#segment.sequence, replacedBytes: this.#logBytes }
      })
      const path = `${directory}/${nameOf({ sequence, kind: 'checkpoint' })}`
      const bytes = await writeCheckpoint(this.#place, path, {
        sequence,
        history,
        pace: this.#pace,
        signal: this.#closing.signal,
      })
      this.#checkpointBytes = bytes
      this.#logBytes -= replacedBytes
      for (const name of await disk.list(directory))
        if ((parseName(name)?.sequence ?? sequence) < sequence) await disk.remove(`${directory}/${name}`)
      await disk.syncDirectory(directory)
    } catch (error) {
      if (!this.#closing.signal.aborted) this.#log.warn('The store could not give space back', { error })
    }
    // Space that came back is noticed at once.
    if (this.#space.problem !== undefined) await this.#space.check(this.#nextBytes(0)).catch(() => undefined)
  }

  async #snapshot(file: string, state: () => History): Promise<void> {
    const { disk } = this.#place
    try {
      const existing = await disk.open(file, 'read').catch(() => undefined)
      await existing?.[Symbol.asyncDispose]()
      if (existing !== undefined) throw new Error('it is there already')
      const history = await this.#between(state)
      await writeCheckpoint(this.#place, file, { sequence: 0, history, pace: this.#pace, signal: this.#closing.signal })
    } catch (error) {
      throw new Error(`the store could not be copied to ${file}: ${(error as Error).message}`, { cause: error })
    }
  }

  /** Whoever disposes waits for it. */
  async #owned<T>(work: Promise<T>): Promise<T> {
    this.#copying.add(work)
    try {
      return await work
    } finally {
      this.#copying.delete(work)
    }
  }
}
