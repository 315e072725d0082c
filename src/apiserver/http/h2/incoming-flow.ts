import { windowUpdateFrame } from './control-frames.ts'
import { CODES, ConnectionError } from './errors.ts'
import { contentOf, type Frame } from './frames.ts'
import type { Output } from './output.ts'

/** A stream of which more may be sent. */
export interface Receiving {
  readonly id: number
  /** Of a stream that is not whole: how much of its window was used and is free again. */
  freed: number
  receivable: number
  readonly isWhole: boolean
  readonly destroyed: boolean
}

/** What a client may have on its way to us, on a connection and on each of its streams: as much is in memory at most, and goes on when it was read. */
export class IncomingFlow {
  /** Upstream's: almost all requests fit. */
  static readonly STREAM_BYTES = 256 * 1024
  /** Bodies that nobody reads hold up the others of a connection only when they are several. */
  static readonly CONNECTION_BYTES = 1024 * 1024
  /** What the window of a connection is before anything was said. */
  static readonly #DEFAULT_BYTES = 65_535

  readonly #output: Output
  #receivable = IncomingFlow.CONNECTION_BYTES
  #freed = 0

  constructor(output: Output) {
    this.#output = output
  }

  begin(): void {
    this.#update(0, IncomingFlow.CONNECTION_BYTES - IncomingFlow.#DEFAULT_BYTES)
  }

  /** The content of a frame, which counts as received, with its padding. Throws when it is more than the client may send. */
  receive(frame: Frame): Buffer {
    const { length } = frame.payload
    this.#receivable -= length
    if (this.#receivable < 0) throw new ConnectionError(CODES.flowControl, 'more than was asked for')
    const content = contentOf(frame)
    this.taken(length - content.length, undefined)
    return content
  }

  /** So much is not in memory any more; the client may send as much again, on the stream as well if it was read there. */
  taken(bytes: number, stream: Receiving | undefined): void {
    this.#freed += bytes
    if (this.#freed >= IncomingFlow.CONNECTION_BYTES / 2) {
      this.#update(0, this.#freed)
      this.#receivable += this.#freed
      this.#freed = 0
    }
    if (stream !== undefined) this.widen(stream, bytes)
  }

  widen(stream: Receiving, bytes: number): void {
    stream.freed += bytes
    if (stream.freed < IncomingFlow.STREAM_BYTES / 2 || stream.isWhole || stream.destroyed) return
    this.#update(stream.id, stream.freed)
    stream.receivable += stream.freed
    stream.freed = 0
  }

  #update(stream: number, bytes: number): void {
    this.#output.copy(windowUpdateFrame(stream, bytes))
  }
}
