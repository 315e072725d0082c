/** Told how much of a body waits no longer: read, so that as much may follow, or thrown away. */
export type Taken = (bytes: number, isRead: boolean) => void

/** Smaller pieces are put together when so many wait, so that memory is that of what was sent. */
const PIECES_MAX = 64

/** The body of a request, for one reader, who may stop: what comes then is taken and forgotten. Bounded by the window that its client was given. */
export class IncomingBody implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #taken: Taken
  #pieces: Uint8Array[] = []
  #state: 'open' | 'ended' | 'failed' | 'unwanted' = 'open'
  #error: Error | undefined
  #waiting: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined

  constructor(taken: Taken) {
    this.#taken = taken
  }

  push(piece: Uint8Array): void {
    if (this.#state !== 'open') {
      this.#taken(piece.length, false)
      return
    }
    if (this.#waiting !== undefined) {
      this.#taken(piece.length, true)
      this.#answer({ done: false, value: piece })
      return
    }
    if (this.#pieces.length === PIECES_MAX) this.#pieces = [Buffer.concat(this.#pieces)]
    this.#pieces.push(piece)
  }

  end(): void {
    if (this.#state !== 'open') return
    this.#state = 'ended'
    this.#answer({ done: true, value: undefined })
  }

  /** No more of it comes. An error is made only where that is one, since it takes a picture of the stack. */
  breakOff(): void {
    if (this.#state !== 'open') return
    const error = new Error('the stream was closed')
    this.#state = 'failed'
    this.#error = error
    this.#forget()
    this.#waiting?.reject(error)
    this.#waiting = undefined
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const piece = this.#pieces.shift()
    if (piece !== undefined) {
      this.#taken(piece.length, true)
      return Promise.resolve({ done: false, value: piece })
    }
    if (this.#state === 'failed') return Promise.reject(this.#error)
    if (this.#state !== 'open') return Promise.resolve({ done: true, value: undefined })
    this.#waiting = Promise.withResolvers()
    return this.#waiting.promise
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#state === 'open') this.#state = 'unwanted'
    this.#forget()
    this.#answer({ done: true, value: undefined })
    return Promise.resolve({ done: true, value: undefined })
  }

  #forget(): void {
    for (const { length } of this.#pieces) this.#taken(length, false)
    this.#pieces = []
  }

  #answer(result: IteratorResult<Uint8Array, undefined>): void {
    this.#waiting?.resolve(result)
    this.#waiting = undefined
  }
}
