/** Handed to the disk before it is waited for, since a commit beside it waits for all of it: measured, 512 KiB are hardly felt, and 4 MiB double what a commit takes. */
export const PIECE_BYTES = 512 * 1024
export const PIECE_BYTES_MAX = 4 * 1024 * 1024
/** Of the bytes that a checkpoint writes while commits go on, so many times as many are committed meanwhile. */
const COMMITTED_PER_BYTE = 2

/**
 * How fast the disk is used beside commits. A log that is prepared must be ready before the one in use is full, so its pieces grow with the frames that fill that one. A checkpoint has
 * time: while commits go on it waits until they have taken twice as much as its last piece, and while a log is prepared it waits for that, so that a commit has one of both beside it.
 */
export class Pace {
  #frameBytes = 0
  #committed = 0
  #isCommitting = false
  #preparing = 0
  #turn = Promise.withResolvers<void>()
  #enoughBytes = Number.POSITIVE_INFINITY

  /** Of the pieces in which a log is prepared. */
  get pieceBytes(): number {
    return Math.min(PIECE_BYTES_MAX, Math.max(PIECE_BYTES, 2 * this.#frameBytes))
  }

  /** A frame of so many bytes is on disk. */
  committed(bytes: number): void {
    this.#frameBytes = bytes
    this.#committed += bytes
    this.#next()
  }

  /** Whether something is on its way to disk or waits for it. */
  set isCommitting(is: boolean) {
    this.#isCommitting = is
    if (!is) this.#next()
  }

  /** Does `work`, which prepares a log; checkpoints wait. */
  async preparing<T>(work: () => Promise<T>): Promise<T> {
    this.#preparing++
    try {
      return await work()
    } finally {
      this.#preparing--
      this.#next()
    }
  }

  /** Waits for a log that commits can't do without: it is put to use with so many bytes, if it has no more by then. */
  async urgent<T>(enoughBytes: number, log: Promise<T>): Promise<T> {
    this.#enoughBytes = enoughBytes
    try {
      return await log
    } finally {
      this.#enoughBytes = Number.POSITIVE_INFINITY
    }
  }

  /** Whether a log of so many bytes is put to use now, rather than made as large as was intended. */
  isEnough(bytes: number): boolean {
    return bytes >= this.#enoughBytes
  }

  /** Resolves when a checkpoint that has just written `bytes` may go on. */
  async after(bytes: number): Promise<void> {
    const until = this.#committed + COMMITTED_PER_BYTE * bytes
    while (this.#preparing > 0 || (this.#isCommitting && this.#committed < until)) await this.#turn.promise
  }

  #next(): void {
    this.#turn.resolve()
    this.#turn = Promise.withResolvers()
  }
}
