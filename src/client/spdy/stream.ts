import { Duplex } from 'node:stream'
import type { SpdyHeaders } from './headers.ts'

export interface SpdySender {
  write(bytes: Buffer): Promise<void>
  end(): Promise<void>
  reset(): void
}

/** One stream of a connection. Ending it half-closes; destroying it resets it. */
export class SpdyStream extends Duplex {
  readonly headers: SpdyHeaders
  readonly #sender: SpdySender
  #wanted: (() => void) | undefined
  #lost = false
  #endedByPeer = false

  constructor(headers: SpdyHeaders, sender: SpdySender) {
    super({ allowHalfOpen: true })
    this.headers = headers
    this.#sender = sender
    // A peer may reset whenever it likes; readers and writers notice by themselves.
    this.on('error', () => {})
  }

  /** Whether the other end reset the stream or the connection, so that a close is not our own doing. */
  get endedByPeer(): boolean {
    return this.#endedByPeer
  }

  /** Resolves when more may come. */
  receive(bytes: Buffer): Promise<void> {
    if (this.destroyed || this.readableEnded || this.push(bytes)) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wanted = resolve
    })
  }

  receiveEnd(): void {
    if (!this.destroyed) this.push(null)
  }

  /** The other end reset the stream or the connection is gone. What came can still be read: runtimes reset right after their last words. */
  receiveReset(): void {
    this.#lost = true
    this.#endedByPeer = true
    this.#release()
    this.receiveEnd()
    // Readers still get what came, then the end; only then do writers learn.
    if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
  }

  override _read(): void {
    this.#release()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#lost) {
      callback(new Error('the other end closed the stream'))
      return
    }
    this.#sender.write(chunk).then(() => callback(), callback)
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#lost) callback()
    else this.#sender.end().then(() => callback(), callback)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#release()
    if (!this.#lost && !(this.readableEnded && this.writableFinished)) this.#sender.reset()
    callback(error)
  }

  #release(): void {
    const wanted = this.#wanted
    this.#wanted = undefined
    wanted?.()
  }
}
