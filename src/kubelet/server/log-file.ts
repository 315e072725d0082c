import type { FileHandle } from 'node:fs/promises'
import { open, stat } from 'node:fs/promises'
import { type LogLine, parseLogLine } from './log-format.ts'

const CHUNK_BYTES = 64 * 1024
const NEWLINE = 10

/** One file of a container's log, held open: a rotation renames it, and what is still written to it is not lost. */
export class LogFile implements AsyncDisposable {
  readonly #handle: FileHandle
  readonly #inode: number
  #offset = 0

  private constructor(handle: FileHandle, inode: number) {
    this.#handle = handle
    this.#inode = inode
  }

  /** Undefined when there is none. */
  static async open(path: string): Promise<LogFile | undefined> {
    try {
      const handle = await open(path)
      return new LogFile(handle, (await handle.stat()).ino)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  /** Whether another file has this one's name by now. */
  async isReplaced(path: string): Promise<boolean> {
    try {
      return (await stat(path)).ino !== this.#inode
    } catch {
      // Renamed, and its successor is not there yet.
      return false
    }
  }

  /** Complete lines from where the last reading ended to what is the end now. */
  async *lines(): AsyncIterable<LogLine> {
    let rest: Buffer = Buffer.alloc(0)
    for (let at = this.#offset; ; ) {
      const chunk = await this.#read(at, CHUNK_BYTES)
      if (chunk.length === 0) return
      at += chunk.length
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
      let start = 0
      for (let end = bytes.indexOf(NEWLINE); end !== -1; end = bytes.indexOf(NEWLINE, start)) {
        const line = parseLogLine(bytes.toString('utf8', start, end))
        this.#offset += end + 1 - start
        start = end + 1
        if (line !== undefined) yield line
      }
      rest = bytes.subarray(start)
    }
  }

  /** Lets the next reading begin with the last `count` lines that are `wanted`; pieces of one long line count once. */
  async seekToTail(count: number, wanted: (line: LogLine) => boolean): Promise<void> {
    let position = (await this.#handle.stat()).size
    let buffer: Buffer = Buffer.alloc(0)
    let seen = 0
    let isLast = true
    // Each round has whole lines behind the first newline of the buffer; what is before it waits for the next chunk.
    while (position > 0) {
      const size = Math.min(CHUNK_BYTES, position)
      position -= size
      buffer = Buffer.concat([await this.#read(position, size), buffer])
      let end = buffer.lastIndexOf(NEWLINE)
      while (end > 0) {
        const before = buffer.lastIndexOf(NEWLINE, end - 1)
        if (before === -1 && position > 0) break
        const line = parseLogLine(buffer.toString('utf8', before + 1, end))
        if (line !== undefined && wanted(line)) {
          if ((isLast || line.text.endsWith('\n')) && ++seen > count) {
            this.#offset = position + end + 1
            return
          }
          isLast = false
        }
        if (before === -1) break
        end = before
      }
      buffer = buffer.subarray(0, end + 1)
    }
    this.#offset = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close()
  }

  async #read(at: number, length: number): Promise<Buffer> {
    const { bytesRead, buffer } = await this.#handle.read(Buffer.alloc(length), 0, length, at)
    return buffer.subarray(0, bytesRead)
  }
}
