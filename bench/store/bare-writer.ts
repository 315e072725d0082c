import { close, closeSync, constants, fdatasyncSync, openSync, write, writeSync } from 'node:fs'
import { promisify } from 'node:util'

const FILE_BYTES = 256 * 1024 * 1024
const PIECE = Buffer.alloc(1024 * 1024)

/** The least that durable writes cost on this disk: what waits goes together in one synchronous write into zeros, round and round in one file. No index, no checksum, nothing to recover. */
export class BareWriter implements AsyncDisposable {
  readonly #file: number
  #waiting: { readonly bytes: number; resolve(): void; reject(error: Error): void }[] = []
  #position = 0
  #isWriting = false
  #bytes = Buffer.alloc(0)

  constructor(path: string) {
    const file = openSync(path, 'w')
    for (let at = 0; at < FILE_BYTES; at += PIECE.length) writeSync(file, PIECE)
    fdatasyncSync(file)
    closeSync(file)
    this.#file = openSync(path, constants.O_WRONLY | constants.O_DSYNC)
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes: key.length + value.length, resolve, reject })
      if (!this.#isWriting) {
        this.#isWriting = true
        // Writers of the same turn go together.
        queueMicrotask(() => this.#write())
      }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await promisify(close)(this.#file)
  }

  #write(): void {
    const together = this.#waiting
    this.#waiting = []
    const bytes = together.reduce((sum, each) => sum + each.bytes, 0)
    if (this.#bytes.length < bytes) this.#bytes = Buffer.alloc(bytes, 'v')
    if (this.#position + bytes > FILE_BYTES) this.#position = 0
    write(this.#file, this.#bytes, 0, bytes, this.#position, (error) => {
      this.#position += bytes
      for (const { resolve, reject } of together) error === null ? resolve() : reject(error)
      if (this.#waiting.length === 0) this.#isWriting = false
      else queueMicrotask(() => this.#write())
    })
  }
}
