import { nextTurn } from '#base'
import type { WatchFrame } from '#client'
import type { Presenter } from '../presentation/presenter.ts'
import type { Delivery, WatchListener } from '../watch-cache/watch-hub.ts'

/** Frames a watcher may have waiting before it is cut off. It then watches anew from what it saw last, and nobody else is held up. */
export const WATCH_BUFFER_FRAMES_MAX = 10_000

/** Steps through the past, or the present state, that one `next` takes before others have a turn. */
const BACKLOG_BATCH = 500

/** What stands before the live events: frames as they are asked for, undefined for a step that shows nothing. */
export type Backlog = Iterator<WatchFrame | undefined>

/**
 * The frames of one watch: first its backlog, made while it is read, then what the cache delivers. Idle, it is this object and nothing else.
 * Frames are shared between watchers, so what waits here costs references.
 */
export class Watcher implements AsyncIterableIterator<WatchFrame>, WatchListener {
  readonly #presenter: Presenter
  readonly #owned = new DisposableStack()
  #backlog: Backlog | undefined
  #waiting: WatchFrame[] = []
  #head = 0
  #wake: (() => void) | undefined
  #ended = false
  /** Deliveries up to here are in the backlog already. */
  #since: number

  constructor(presenter: Presenter, since: number, backlog: Backlog | undefined) {
    this.#presenter = presenter
    this.#since = since
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
    this.push(this.#presenter.frame(type, version))
  }

  /** Says that everything up to `revision` was told; nothing when a later start was asked for. */
  bookmark(revision: number): void {
    if (revision >= this.#since) this.push(this.#presenter.bookmark(revision))
  }

  push(frame: WatchFrame): void {
    if (this.#ended) return
    if (this.#waiting.length - this.#head >= WATCH_BUFFER_FRAMES_MAX) {
      // What was not read is dropped: a client that comes back with its last revision is told it again.
      this.#waiting = []
      this.#head = 0
      this.#backlog = undefined
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

  async next(): Promise<IteratorResult<WatchFrame>> {
    for (let step = 1; this.#backlog !== undefined; step++) {
      const { done, value } = this.#backlog.next()
      if (done) this.#backlog = undefined
      else if (value !== undefined) return { done: false, value }
      else if (step % BACKLOG_BATCH === 0) await nextTurn()
    }
    for (;;) {
      if (this.#head < this.#waiting.length) return { done: false, value: this.#shift() }
      if (this.#ended) return { done: true, value: undefined }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  return(): Promise<IteratorResult<WatchFrame>> {
    this.#backlog = undefined
    this.#waiting = []
    this.#head = 0
    this.end()
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #shift(): WatchFrame {
    const frame = this.#waiting[this.#head++]!
    if (this.#head === this.#waiting.length) {
      this.#waiting = []
      this.#head = 0
    }
    return frame
  }

  #notify(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}
