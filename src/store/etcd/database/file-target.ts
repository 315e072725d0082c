import { createHash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import type { BoltTarget } from './bolt-writer.ts'

const PIECE_BYTES = 1024 * 1024

/** A new file (0600) that pages are written to. Pages that follow each other go together. */
export class FileTarget implements BoltTarget, Disposable {
  readonly #file: number
  readonly #piece = Buffer.allocUnsafeSlow(PIECE_BYTES)
  #used = 0
  #position = 0

  constructor(path: string) {
    this.#file = openSync(path, 'wx+', 0o600)
  }

  write(bytes: Buffer, position: number): void {
    if (position !== this.#position + this.#used || this.#used + bytes.length > PIECE_BYTES) {
      this.#flush()
      this.#position = position
    }
    if (bytes.length > PIECE_BYTES) {
      writeAll(this.#file, bytes, position)
      this.#position = position + bytes.length
    } else this.#used += bytes.copy(this.#piece, this.#used)
  }

  /** Puts the checksum of the first `length` bytes behind them, and all of it on disk. */
  seal(length: number): void {
    this.#flush()
    const hash = createHash('sha256')
    for (let at = 0; at < length; ) {
      const count = readSync(this.#file, this.#piece, 0, Math.min(PIECE_BYTES, length - at), at)
      if (count === 0) throw new Error('the file became shorter while it was written')
      hash.update(this.#piece.subarray(0, count))
      at += count
    }
    writeAll(this.#file, hash.digest(), length)
    fsyncSync(this.#file)
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }

  #flush(): void {
    writeAll(this.#file, this.#piece.subarray(0, this.#used), this.#position)
    this.#position += this.#used
    this.#used = 0
  }
}

function writeAll(file: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, position + done)
}
