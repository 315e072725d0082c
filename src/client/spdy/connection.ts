import type { Duplex } from 'node:stream'
import type { Clock } from '#base'
import {
  controlFrame,
  dataFrame,
  FLAG_FIN,
  GOAWAY,
  HEADERS,
  PING,
  RESET_CANCEL,
  RESET_PROTOCOL_ERROR,
  RESET_REFUSED,
  RST_STREAM,
  readFrames,
  type SpdyFrame,
  SpdyProtocolError,
  SYN_REPLY,
  SYN_STREAM,
  streamIdOf,
} from './frames.ts'
import { HeaderCodec, type SpdyHeaders } from './headers.ts'
import { SpdyStream } from './stream.ts'

export interface SpdyOptions {
  readonly clock: Clock
  /** Who opened the connection; decides the numbers of streams and pings. */
  readonly role: 'client' | 'server'
  /** A stream the other end opened; it has been accepted. Absent: such streams are refused. */
  readonly onStream?: ((stream: SpdyStream) => void) | undefined
}

const STREAMS_MAX = 1024
const DATA_BYTES = 64 * 1024
const LINGER_MS = 2_000

/**
 * Streams over one upgraded connection, in the dialect of Kubernetes' clients and runtimes: SPDY/3.1 framing without windows,
 * since their library sends no WINDOW_UPDATE. A stream that nobody reads therefore holds up the others, bounded by its buffer.
 */
export class SpdyConnection implements AsyncDisposable {
  readonly #socket: Duplex
  readonly #options: SpdyOptions
  readonly #headers: HeaderCodec
  readonly #streams = new Map<number, SpdyStream>()
  readonly #opening = new Map<number, (error: Error | undefined) => void>()
  #nextId: number
  #lastSeen = 0
  #sending: Promise<void> = Promise.resolve()
  readonly #reading: Promise<void>
  #closed = false

  private constructor(socket: Duplex, options: SpdyOptions, headers: HeaderCodec) {
    this.#socket = socket
    this.#options = options
    this.#headers = headers
    this.#nextId = options.role === 'client' ? 1 : 2
    socket.on('error', () => {})
    this.#reading = this.#read()
  }

  /** Takes over the socket, whose upgrade has been agreed on. */
  static async open(socket: Duplex, options: SpdyOptions): Promise<SpdyConnection> {
    return new SpdyConnection(socket, options, await HeaderCodec.create())
  }

  /** Resolves when the connection has ended, however it did. */
  get closed(): Promise<void> {
    return this.#reading
  }

  /** Opens a stream and waits until the other end took it. */
  async createStream(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#closed) throw new Error('the SPDY connection is closed')
    const id = this.#nextId
    this.#nextId += 2
    const stream = this.#newStream(id, headers)
    const accepted = new Promise<void>((resolve, reject) => {
      this.#opening.set(id, (error) => (error === undefined ? resolve() : reject(error)))
    })
    accepted.catch(() => {})
    await this.#send(async () => controlFrame(SYN_STREAM, 0, id, 0, Buffer.alloc(2), await this.#headers.pack(headers)))
    await accepted
    return stream
  }

  /**
   * Says that no more streams are wanted and ends our side once what was written is out. Waits a little for the other end to hang up first:
   * hanging up on unread bytes would reset the connection and could take the last output with it.
   */
  async close(): Promise<void> {
    if (!this.#closed) {
      await this.#send(async () => controlFrame(GOAWAY, 0, this.#lastSeen, 0)).catch(() => {})
      this.#socket.end()
      using _timer = this.#options.clock.after(LINGER_MS, () => this.#socket.destroy())
      await this.#reading
    }
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(undefined)
    this.#socket.destroy()
    await this.#reading
  }

  async #read(): Promise<void> {
    try {
      for await (const frame of readFrames(this.#socket)) await this.#handle(frame)
      this.#end(undefined)
    } catch (error) {
      this.#end(error instanceof Error ? error : new Error(String(error)))
    }
  }

  async #handle(frame: SpdyFrame): Promise<void> {
    if (frame.kind === 'control') return this.#control(frame)
    const stream = this.#streams.get(frame.stream)
    if (stream === undefined) return
    if (frame.bytes.length > 0) await stream.receive(frame.bytes)
    if (frame.fin) stream.receiveEnd()
  }

  async #control({ type, flags, bytes }: SpdyFrame & { kind: 'control' }): Promise<void> {
    switch (type) {
      case SYN_STREAM:
        return this.#accept(streamIdOf(bytes), flags, bytes)
      case SYN_REPLY:
      case HEADERS: {
        // Read even when unwanted: the blocks of a connection are one zlib stream.
        await this.#headers.unpack(bytes.subarray(4))
        const id = streamIdOf(bytes)
        if (type === SYN_REPLY) this.#opened(id, undefined)
        if ((flags & FLAG_FIN) !== 0) this.#streams.get(id)?.receiveEnd()
        return
      }
      case RST_STREAM: {
        const id = streamIdOf(bytes)
        this.#opened(id, new Error('the stream was refused'))
        this.#streams.get(id)?.receiveReset()
        this.#streams.delete(id)
        return
      }
      case PING: {
        const ours = (streamIdOf(bytes) % 2 === 1) === (this.#options.role === 'client')
        if (!ours) await this.#send(async () => controlFrame(PING, 0, bytes.subarray(0, 4)))
        return
      }
      default:
        // SETTINGS and WINDOW_UPDATE mean nothing here; after GOAWAY the other end hangs up itself.
        return
    }
  }

  async #accept(id: number, flags: number, bytes: Buffer): Promise<void> {
    const theirs = (id % 2 === 1) === (this.#options.role === 'server')
    if (bytes.length < 10 || !theirs || id <= this.#lastSeen) throw new SpdyProtocolError(`a stream opened with the number ${id}`)
    this.#lastSeen = id
    const headers = await this.#headers.unpack(bytes.subarray(10))
    if (this.#options.onStream === undefined || this.#streams.size >= STREAMS_MAX) {
      await this.#send(async () => controlFrame(RST_STREAM, 0, id, RESET_REFUSED))
      return
    }
    const stream = this.#newStream(id, headers)
    await this.#send(async () => controlFrame(SYN_REPLY, 0, id, await this.#headers.pack({})))
    if ((flags & FLAG_FIN) !== 0) stream.receiveEnd()
    this.#options.onStream(stream)
  }

  #newStream(id: number, headers: SpdyHeaders): SpdyStream {
    const stream = new SpdyStream(headers, {
      write: (bytes) => this.#sendData(id, bytes),
      end: () => this.#send(async () => dataFrame(id, Buffer.alloc(0), true)),
      reset: () => {
        if (!this.#closed) this.#send(async () => controlFrame(RST_STREAM, 0, id, RESET_CANCEL)).catch(() => {})
      },
    })
    this.#streams.set(id, stream)
    stream.once('close', () => this.#streams.delete(id))
    return stream
  }

  async #sendData(id: number, bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += DATA_BYTES) {
      const part = bytes.subarray(at, at + DATA_BYTES)
      await this.#send(async () => dataFrame(id, part, false))
    }
  }

  /** One frame after the other: header blocks must go out in the order they were packed in. */
  #send(frame: () => Promise<Buffer>): Promise<void> {
    const sent = this.#sending.then(async () => {
      if (this.#closed) throw new Error('the SPDY connection is closed')
      const bytes = await frame()
      await new Promise<void>((resolve, reject) => this.#socket.write(bytes, (error) => (error ? reject(error) : resolve())))
    })
    this.#sending = sent.catch(() => {})
    return sent
  }

  #opened(id: number, error: Error | undefined): void {
    this.#opening.get(id)?.(error)
    this.#opening.delete(id)
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return
    if (error instanceof SpdyProtocolError) this.#socket.write(controlFrame(GOAWAY, 0, this.#lastSeen, RESET_PROTOCOL_ERROR))
    this.#closed = true
    for (const id of this.#opening.keys()) this.#opened(id, error ?? new Error('the SPDY connection is closed'))
    for (const stream of this.#streams.values()) stream.receiveReset()
    this.#streams.clear()
    this.#headers[Symbol.dispose]()
    this.#socket.end()
  }
}
