import { Writable } from 'node:stream'
import type { WebSocket } from 'ws'

/** A message belongs to the channel its first byte names; in the base64 forms that is a digit, and the rest is text. */
export class Channels {
  readonly #socket: WebSocket
  readonly #base64: boolean

  constructor(socket: WebSocket, options: { readonly base64: boolean }) {
    this.#socket = socket
    this.#base64 = options.base64
  }

  /** Calls back for each message; empty ones too, which say that a channel is there. */
  onMessage(handler: (channel: number, bytes: Buffer) => void): void {
    this.#socket.on('message', (data) => {
      const message = Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)
      const channel = message[0]
      if (channel === undefined) return
      if (this.#base64) handler(channel - 0x30, Buffer.from(message.toString('latin1', 1), 'base64'))
      else handler(channel, message.subarray(1))
    })
  }

  send(channel: number, bytes: Uint8Array): Promise<void> {
    const message = this.#base64
      ? `${channel}${Buffer.from(bytes).toString('base64')}`
      : Buffer.concat([Uint8Array.of(channel), bytes])
    return new Promise((resolve, reject) => {
      this.#socket.send(message, { binary: !this.#base64 }, (error) => (error ? reject(error) : resolve()))
    })
  }

  writable(channel: number): Writable {
    const stream = new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        this.send(channel, chunk).then(() => callback(), callback)
      },
    })
    stream.on('error', () => {})
    return stream
  }
}
