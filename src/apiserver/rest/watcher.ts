import { nextTurn } from '#base'
import type { PushedWatch, WatchFrame, WatchFrames, WatchTaker } from '#client'
import { type Presenter, Unshowable } from '../presentation/presenter.ts'
import type { Delivery, WatchListener } from '../watch-cache/watch-hub.ts'
import type { WatchMeter } from '../watch-metrics.ts'
import type { Due, Rounds } from './rounds.ts'

/** Frames a watcher may have waiting before it is cut off. It then watches anew from what it saw last, and nobody else is held up. */
export const WATCH_BUFFER_FRAMES_MAX = 10_000

/** Steps through the past, or the present state, that one `next` takes before others have a turn. */
const BACKLOG_BATCH = 500
/** Of a backlog, so many bytes are pushed before its client is asked whether it takes more. */
const BACKLOG_PUSH_BYTES = 32 * 1024

/** What stands before the live events: frames as they are asked for, undefined for a step that shows nothing. */
export type Backlog = Iterator<WatchFrame | undefined, unknown>

/**
 * The frames of one watch: first its backlog, made while it is read, then what the cache delivers. Idle, it is this object and nothing else.
 * Frames are shared between watchers, so what waits here costs references. Pushed, they go out in the server's rounds.
 */
export class Watcher implements AsyncIterableIterator<WatchFrame>, WatchFrames, WatchListener, Due {
  readonly #presenter: Presenter
  readonly #rounds: Rounds
  readonly #meter: WatchMeter | undefined
  readonly #owned = new DisposableStack()
  #backlog: Backlog | undefined
  #waiting: WatchFrame[] = []
  #head = 0
  #wake: (() => void) | undefined
  #taker: WatchTaker | undefined
  /** Whether the taker takes more, and whether its go is coming. */
  #isTaking = true
  #isDue = false
  #ended = false
  /** Deliveries up to here are in the backlog already. */
  #since: number

  constructor(presenter: Presenter, rounds: Rounds, since: number, backlog: Backlog | undefined, meter?: WatchMeter) {
    this.#presenter = presenter
    this.#rounds = rounds
    this.#since = since
    this.#meter = meter
    this.#backlog = backlog
  }

  /** Released when the watch ends, whoever ends it. */
  own(disposable: Disposable): void {
    if (this.#ended) disposable[Symbol.dispose]()
    else this.#owned.use(disposable)
  }

  deliver({ type, revision, version }: Delivery): void {
    if (revision <= this.#since) return
    this.#since = revision
    this.#pushShown(() => this.#presenter.frame(type, version))
  }

  /** Says that everything up to `revision` was told; nothing when a later start was asked for. */
  bookmark(revision: number): void {
    if (revision >= this.#since) this.#pushShown(() => this.#presenter.bookmark(revision))
  }

  /** What can't be shown ends the watch. */
  #pushShown(show: () => WatchFrame): void {
    let frame: WatchFrame
    try {
      frame = show()
    } catch (error) {
      if (!(error instanceof Unshowable)) throw error
      this.end()
      return
    }
    this.push(frame)
  }

  push(frame: WatchFrame): void {
    if (this.#ended) return
    if (this.#waiting.length - this.#head >= WATCH_BUFFER_FRAMES_MAX) {
      // What was not read is dropped: a client that comes back with its last revision is told it again.
      this.#drop()
      this.end()
      return
    }
    this.#waiting.push(frame)
    this.#notify()
  }

  /** What waits is still read, then the watch is over. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#owned.dispose()
    this.#notify()
  }

  pushTo(taker: WatchTaker): PushedWatch {
    this.#taker = taker
    this.#notify()
    return {
      resume: () => {
        this.#isTaking = true
        this.#notify()
      },
      stop: () => {
        this.#taker = undefined
        this.#drop()
        this.end()
      },
    }
  }

  go(): void {
    this.#isDue = false
    const taker = this.#taker
    if (taker === undefined || !this.#isTaking) return
    try {
      this.#handOut(taker)
    } catch (error) {
      this.#taker = undefined
      this.#drop()
      this.end()
      taker.end(error)
    }
  }

  #handOut(taker: WatchTaker): void {
    const isLive = this.#backlog === undefined
    const frames = isLive ? this.#waiting : this.#backlogFrames(this.#backlog!)
    if (isLive) this.#waiting = []
    if (frames.length > 0) {
      this.#isTaking = taker.take(frames)
      this.#meter?.sent(frames)
    }
    if (!isLive || this.#waiting.length > 0) this.#notify()
    else if (this.#ended) {
      this.#taker = undefined
      taker.end()
    }
  }

  async next(): Promise<IteratorResult<WatchFrame>> {
    for (let step = 1; this.#backlog !== undefined; step++) {
      const { done, value } = this.#nextOf(this.#backlog)
      if (done) this.#backlog = undefined
      else if (value !== undefined) return this.#told(value)
      else if (step % BACKLOG_BATCH === 0) await nextTurn()
    }
    for (;;) {
      if (this.#head < this.#waiting.length) return this.#told(this.#shift())
      if (this.#ended) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  return(): Promise<IteratorResult<WatchFrame>> {
    this.#drop()
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #told(value: WatchFrame): IteratorYieldResult<WatchFrame> {
    this.#meter?.told()
    return { done: false, value }
  }

  #shift(): WatchFrame {
    const frame = this.#waiting[this.#head++]!
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    }
    return frame
  }

  /** Some of what the backlog shows next. */
  #backlogFrames(backlog: Backlog): WatchFrame[] {
    const frames: WatchFrame[] = []
    for (let step = 0, bytes = 0; step < BACKLOG_BATCH && bytes < BACKLOG_PUSH_BYTES; step++) {
      const { done, value } = this.#nextOf(backlog)
      if (done) {
        this.#backlog = undefined
        break
      }
      if (value === undefined) continue
      frames.push(value)
      bytes += value.bytes().length
    }
    return frames
  }

  #nextOf(backlog: Backlog): IteratorResult<WatchFrame | undefined, unknown> {
    try {
      return backlog.next()
    } catch (error) {
      if (!(error instanceof Unshowable)) throw error
      this.#drop()
      this.end()
      return { done: true, value: undefined }
    }
  }

  #drop(): void {
    this.#backlog = undefined
    this.#waiting = []
    this.#head = 0
  }

  #notify(): void {
    if (this.#taker !== undefined) {
      // Whoever is cut off while it takes nothing is told of the end when it takes again, or goes.
      if (!this.#isTaking || this.#isDue) return
      this.#isDue = true
      this.#rounds.add(this)
      return
    }
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
