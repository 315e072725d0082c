import type { DiskFile } from './disk.ts'

const WINDOW_BYTES = 4 * 1024 * 1024

/** Reads a file from front to back in large pieces. */
export class Window {
  readonly #file: DiskFile
  readonly #size: number
  /** Used again for each piece: fresh memory costs more than to read into it. */
  #memory: Buffer = Buffer.alloc(0)
  #bytes: Buffer = Buffer.alloc(0)
  #position = 0

  constructor(file: DiskFile, size: number) {
    this.#file = file
    this.#size = size
  }

  /** The bytes from `position` on, fewer at the end of the file. Valid until the next call. */
  async at(position: number, length: number): Promise<Buffer> {
    const from = position - this.#position
    if (from < 0 || from + length > this.#bytes.length)
      await this.#read(position, Math.max(0, Math.min(Math.max(length, WINDOW_BYTES), this.#size - position)))
    const start = position - this.#position
    return this.#bytes.subarray(start, start + length)
  }

  async #read(position: number, length: number): Promise<void> {
    if (this.#memory.length < length) this.#memory = Buffer.allocUnsafeSlow(length)
    const bytes = this.#memory.subarray(0, length)
    this.#bytes = bytes.subarray(0, await this.#file.read(bytes, position))
    this.#position = position
  }
}
