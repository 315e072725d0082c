import type { Duplex } from 'node:stream'
import { type Answer, type Clock, type Timer, TokenBucket } from '#base'
import type { ResponseHeaders } from '../sink.ts'
import { IncomingBody } from './body.ts'
import { goawayFrame, resetFrame, writeBlock } from './control-frames.ts'
import { CODES, type Code, ConnectionError } from './errors.ts'
import { type Carrier, Exchange } from './exchange.ts'
import { FLAGS, type Frame, FrameReader, INTEGER_31_MAX, TYPES } from './frames.ts'
import { HeadReader, type ReceivedHead } from './head-reader.ts'
import { HeaderEncoder } from './header-encoder.ts'
import { IncomingFlow } from './incoming-flow.ts'
import { Output } from './output.ts'
import { RequestHead } from './request-head.ts'
import { readSettings, SETTINGS, SETTINGS_ACK, settingsFrame } from './settings.ts'

const STREAMS_MAX = 1_000
const HEAD_BYTES_MAX = 64 * 1024
const HEAD_FIELDS_MAX = 256
/** What waits for a client that does not take its answers, before it is answered no more requests. */
const QUEUED_BYTES_MAX = 8 * 1024 * 1024
/** Rapid reset: a client may not open and cancel streams without end. */
const RESETS = { burst: 1_000, qps: 33 }
/** Frames that change nothing, or little: pings, settings, empty ones and the like. */
const SUSPICIOUS = { burst: 10_000, qps: 330 }
/** Of streams that we ended before their client did: what was on its way is no mistake of his. */
const FORGOTTEN_MAX = 100
/** So long a client has to read the last word. */
const LINGER_MS = 500
/** A client's window before it has said anything (RFC 9113, 6.9.2). */
const WINDOW_BYTES_DEFAULT = 65_535

export interface ConnectionOptions {
  readonly clock: Clock
  /** For a client to begin; for the whole head of a request; and between two requests. */
  readonly limits: { readonly handshakeMs: number; readonly headersMs: number; readonly idleMs: number }
  /** For the `date` of answers. */
  readonly date: () => string
  /** Answers a request; never rejects. Done when nobody is at work on it any more. */
  readonly serve: (head: RequestHead, exchange: Exchange) => Answer<void>
  /** Told of what should not happen, whatever a client does; its connection ends. */
  readonly failed: (error: unknown) => void
}

/** A client's HTTP/2 connection (RFC 9113), over a socket that has agreed on it. Gone with its socket. */
export class Connection implements Carrier {
  readonly output: Output
  window = WINDOW_BYTES_DEFAULT
  readonly #socket: Duplex
  readonly #options: ConnectionOptions
  readonly #frames = new FrameReader()
  readonly #heads: HeadReader
  readonly #encoder = new HeaderEncoder()
  readonly #open = new Map<number, Exchange>()
  readonly #waiting = new Set<Exchange>()
  readonly #forgotten = new Set<number>()
  readonly #flow: IncomingFlow
  readonly #resets: TokenBucket
  readonly #suspicious: TokenBucket
  #initialWindow = WINDOW_BYTES_DEFAULT
  #lastId = 0
  /** Requests that somebody is at work on, whether or not their streams are open. */
  #busy = 0
  #queuedBytes = 0
  #hasSettings = false
  #isRetiring = false
  #isClosing = false
  #isOver = false
  #isPaused = false
  #idleSinceMs: number
  #idle: Timer
  #linger: Timer | undefined

  constructor(socket: Duplex, options: ConnectionOptions) {
    const { clock, limits } = options
    this.#socket = socket
    this.#options = options
    this.output = new Output(socket, () => this.#drained())
    this.#flow = new IncomingFlow(this.output)
    this.#heads = new HeadReader({ bytes: HEAD_BYTES_MAX, fields: HEAD_FIELDS_MAX }, () =>
      clock.after(limits.headersMs, () => this.#fail(new ConnectionError(CODES.enhanceYourCalm, 'a head that takes too long'))),
    )
    this.#resets = new TokenBucket(RESETS, clock)
    this.#suspicious = new TokenBucket(SUSPICIOUS, clock)
    this.#idleSinceMs = clock.monotonic()
    this.#idle = clock.after(limits.handshakeMs, () => this.#look())
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('error', () => undefined)
    socket.once('close', () => this.#gone())
    this.output.copy(SETTINGS_FRAME)
    this.#flow.begin()
  }

  /** Asks for no more requests, once the client has asked anything: what it said while it connected is on its way, and may be answered. */
  retire(): void {
    this.#isRetiring = true
    if (this.#lastId === 0 || this.#isClosing) return
    // Without a request under way it ends: what is on its way was not done, and its client knows.
    if (this.#open.size === 0) this.close()
    else this.output.copy(goawayFrame(INTEGER_31_MAX, CODES.none))
  }

  /** What is under way is finished, and then it ends. */
  close(): void {
    if (this.#isClosing || this.#isOver) return
    this.#isClosing = true
    this.output.copy(goawayFrame(this.#lastId, CODES.none))
    if (this.#open.size === 0) this.#end()
  }

  sendHead(id: number, status: number, headers: ResponseHeaders, length: number | undefined, isLast: boolean): void {
    const date = status < 200 ? undefined : this.#options.date()
    const block = this.#encoder.encode(status, headers, length, date)
    writeBlock(this.output, block, id, isLast)
  }

  wait(exchange: Exchange): void {
    this.#waiting.add(exchange)
  }

  queued(bytes: number): void {
    this.#queuedBytes += bytes
  }

  suspect(): void {
    // Not while somebody is writing.
    if (!this.#suspicious.tryTake()) process.nextTick(() => this.#fail(TOO_MUCH))
  }

  reset(id: number, code: Code): void {
    if (this.#isOver) return
    this.#forgotten.add(id)
    if (this.#forgotten.size > FORGOTTEN_MAX) this.#forgotten.delete(this.#forgotten.values().next().value!)
    this.output.copy(resetFrame(id, code))
  }

  ended(exchange: Exchange): void {
    this.#open.delete(exchange.id)
    this.#waiting.delete(exchange)
    if (this.#open.size > 0) return
    this.#idleSinceMs = this.#options.clock.monotonic()
    if (this.#isClosing) this.#end()
    else if (this.#isRetiring) this.close()
  }

  #read(chunk: Buffer | undefined): void {
    if (this.#isOver) return
    this.output.together(() => {
      try {
        this.#frames.read(chunk, (frame) => {
          this.#take(frame)
          return !this.#isOver && !this.output.isFull
        })
      } catch (error) {
        if (!(error instanceof ConnectionError)) this.#options.failed(error)
        this.#fail(error instanceof ConnectionError ? error : new ConnectionError(CODES.internal, 'internal error'))
      }
    })
    // Who does not read what it asked for is not asked what more it wants.
    if (!this.output.isFull || this.#isOver || this.#isPaused) return
    this.#isPaused = true
    this.#socket.pause()
  }

  #drained(): void {
    if (this.#isOver) return
    this.#proceed()
    if (!this.#isPaused || this.output.isFull) return
    this.#isPaused = false
    if (this.#frames.hasRest) this.#read(undefined)
    if (!this.#isPaused) this.#socket.resume()
  }

  /** Lets those go on who waited for room, each in its turn; whoever waits again comes last. */
  #proceed(): void {
    for (const exchange of this.#waiting) {
      if (this.output.isFull || this.window <= 0) return
      this.#waiting.delete(exchange)
      exchange.proceed()
    }
  }

  #take(frame: Frame): void {
    const { type, stream } = frame
    if (!this.#hasSettings && (type !== TYPES.settings || (frame.flags & FLAGS.ack) !== 0)) throw protocol('no settings first')
    if (this.#heads.isWithin && type !== TYPES.continuation) throw protocol('a frame within a head')
    if (type === TYPES.headers || type === TYPES.continuation) this.#takeHead(this.#heads.read(frame))
    else if (type === TYPES.data) this.#takeData(frame)
    else if (type === TYPES.windowUpdate) this.#takeWindowUpdate(frame)
    else if (type === TYPES.reset) this.#takeReset(frame)
    else if (type === TYPES.settings) this.#takeSettings(frame)
    else if (type === TYPES.ping) this.#takePing(frame)
    else {
      if (type === TYPES.push) throw protocol('a client pushes nothing')
      if (type === TYPES.priority && stream === 0) throw protocol('a priority of no stream')
      if (type === TYPES.priority && frame.payload.length !== 5)
        throw new ConnectionError(CODES.frameSize, 'a priority of no known length')
      if (type === TYPES.goaway && stream !== 0) throw protocol('a farewell on a stream')
      // Nobody heeds priorities; that a client goes away, and what others may mean by others, is its own business.
      this.#allow(this.#suspicious)
    }
  }

  #takeHead(received: ReceivedHead | undefined): void {
    if (received === undefined) return
    const { stream, fields, isLast, isTooLarge } = received
    const known = this.#open.get(stream)
    if (known !== undefined) this.#takeTrailers(known, received)
    else if (stream <= this.#lastId) {
      if (!this.#forgotten.has(stream)) throw new ConnectionError(CODES.streamClosed, 'a head on a stream that is closed')
      this.#allow(this.#suspicious)
    } else if (this.#isClosing) this.#allow(this.#suspicious)
    else {
      this.#lastId = stream
      if (this.#open.size >= STREAMS_MAX || this.#busy >= STREAMS_MAX || this.#queuedBytes > QUEUED_BYTES_MAX)
        this.#refuse(stream, CODES.refusedStream)
      else {
        const head = isTooLarge ? undefined : RequestHead.of(fields)
        if (head === undefined && !isTooLarge) this.#refuse(stream, CODES.protocol)
        else this.#begin(head, stream, isLast)
      }
    }
  }

  #begin(head: RequestHead | undefined, stream: number, isLast: boolean): void {
    const body = isLast ? undefined : new IncomingBody((bytes, isRead) => this.#flow.taken(bytes, isRead ? exchange : undefined))
    const exchange = new Exchange(stream, this, { window: this.#initialWindow, body, length: head?.contentLength })
    this.#open.set(stream, exchange)
    // What is too large is not read, and CONNECT asks for a tunnel to somebody else.
    if (head === undefined || head.method === 'CONNECT') {
      exchange.head(head === undefined ? 431 : 405, {})
      exchange.end()
      return
    }
    if (isLast && (head.contentLength ?? 0) > 0) {
      this.#break(exchange, CODES.protocol)
      return
    }
    if (head.headers['expect'] === '100-continue') this.sendHead(stream, 100, {}, undefined, false)
    const served = this.#options.serve(head, exchange)
    if (!(served instanceof Promise)) return
    this.#busy++
    void served.finally(() => this.#busy--)
  }

  #takeTrailers(exchange: Exchange, { fields, isLast, isTooLarge }: ReceivedHead): void {
    if (exchange.isWhole) this.#break(exchange, CODES.streamClosed)
    else if (!isLast || isTooLarge || !RequestHead.areTrailers(fields) || !exchange.whole()) this.#break(exchange, CODES.protocol)
  }

  #takeData(frame: Frame): void {
    const { stream, payload, flags } = frame
    this.#heedIdle(stream)
    const content = this.#flow.receive(frame)
    const exchange = this.#open.get(stream)
    const isLast = (flags & FLAGS.endStream) !== 0
    if (exchange === undefined || exchange.isWhole) {
      this.#flow.taken(content.length, undefined)
      this.#allow(this.#suspicious)
      if (exchange !== undefined) this.#break(exchange, CODES.streamClosed)
      else if (!this.#forgotten.has(stream)) this.reset(stream, CODES.streamClosed)
      return
    }
    if (content.length === 0 && !isLast) this.#allow(this.#suspicious)
    const wrong = exchange.receive(content, payload.length, isLast)
    if (wrong !== undefined) this.#break(exchange, wrong)
    else this.#flow.widen(exchange, payload.length - content.length)
  }

  #takeReset({ stream, payload }: Frame): void {
    if (payload.length !== 4) throw new ConnectionError(CODES.frameSize, 'a reset of no known length')
    this.#heedIdle(stream)
    this.#allow(this.#resets)
    this.#open.get(stream)?.close()
  }

  #takeSettings({ stream, flags, payload }: Frame): void {
    if (stream !== 0) throw protocol('settings of a stream')
    if ((flags & FLAGS.ack) !== 0) {
      if (payload.length > 0) throw new ConnectionError(CODES.frameSize, 'an acknowledgement that says something')
      this.#allow(this.#suspicious)
      return
    }
    if (this.#hasSettings) this.#allow(this.#suspicious)
    this.#hasSettings = true
    let window = this.#initialWindow
    readSettings(payload, (identifier, value) => {
      if (identifier === SETTINGS.initialWindowSize) window = value
      else if (identifier === SETTINGS.headerTableSize) this.#encoder.resize(value)
    })
    const more = window - this.#initialWindow
    this.#initialWindow = window
    this.output.copy(SETTINGS_ACK)
    if (more !== 0) for (const exchange of [...this.#open.values()]) if (!exchange.widen(more)) throw TOO_WIDE
  }

  #takePing({ stream, flags, payload }: Frame): void {
    if (stream !== 0) throw protocol('a ping on a stream')
    if (payload.length !== 8) throw new ConnectionError(CODES.frameSize, 'a ping of no known length')
    this.#allow(this.#suspicious)
    if ((flags & FLAGS.ack) !== 0) return
    this.output.head(payload.length, TYPES.ping, FLAGS.ack, 0)
    this.output.copy(payload)
  }

  #takeWindowUpdate({ stream, payload }: Frame): void {
    if (payload.length !== 4) throw new ConnectionError(CODES.frameSize, 'a window of no known length')
    const more = payload.readUInt32BE(0) & INTEGER_31_MAX
    if (stream === 0) {
      if (more === 0) throw protocol('a window that grows by nothing')
      this.window += more
      if (this.window > INTEGER_31_MAX) throw TOO_WIDE
      this.#proceed()
      return
    }
    this.#heedIdle(stream)
    const exchange = this.#open.get(stream)
    if (exchange === undefined) this.#allow(this.#suspicious)
    else if (more === 0) this.#break(exchange, CODES.protocol)
    else if (!exchange.widen(more)) this.#break(exchange, CODES.flowControl)
  }

  /** Nothing is said of a stream that was not begun. */
  #heedIdle(stream: number): void {
    if (stream % 2 === 0 || (stream > this.#lastId && !this.#isClosing)) throw protocol('a frame on a stream that is none')
  }

  #allow(bucket: TokenBucket): void {
    if (!bucket.tryTake()) throw TOO_MUCH
  }

  #refuse(stream: number, code: Code): void {
    this.#allow(this.#suspicious)
    this.reset(stream, code)
  }

  /** Of one stream; the others go on. */
  #break(exchange: Exchange, code: Code): void {
    this.#allow(this.#suspicious)
    this.reset(exchange.id, code)
    exchange.close()
  }

  #fail({ code, message }: ConnectionError): void {
    if (this.#isOver) return
    this.output.copy(goawayFrame(this.#lastId, code, message))
    this.#end()
  }

  /** Ends a connection that begins nothing, or that has had no request for a while. One with requests under way, such as watches, may be silent. */
  #look(): void {
    const { clock, limits } = this.#options
    const leftMs = this.#open.size > 0 ? limits.idleMs : this.#idleSinceMs + limits.idleMs - clock.monotonic()
    if (this.#hasSettings && leftMs > 0) this.#idle = clock.after(leftMs, () => this.#look())
    else {
      for (const exchange of [...this.#open.values()]) exchange.close()
      this.close()
    }
  }

  /** The last word is on its way; nothing is read any more. */
  #end(): void {
    if (this.#isOver) return
    this.output.flush()
    this.#isOver = true
    this.#dispose()
    this.#linger = this.#options.clock.after(LINGER_MS, () => this.#socket.destroy())
    this.#socket.end()
    this.#socket.resume()
  }

  #gone(): void {
    this.#isOver = true
    this.#dispose()
    this.#linger?.[Symbol.dispose]()
  }

  #dispose(): void {
    this.#idle[Symbol.dispose]()
    this.#heads[Symbol.dispose]()
    for (const exchange of [...this.#open.values()]) exchange.close()
  }
}

const protocol = (why: string): ConnectionError => new ConnectionError(CODES.protocol, why)
const TOO_MUCH = new ConnectionError(CODES.enhanceYourCalm, 'too many frames that change nothing')
const TOO_WIDE = new ConnectionError(CODES.flowControl, 'a window that is too large')

const SETTINGS_FRAME = settingsFrame([
  [SETTINGS.maxConcurrentStreams, STREAMS_MAX],
  [SETTINGS.initialWindowSize, IncomingFlow.STREAM_BYTES],
  [SETTINGS.maxHeaderListSize, HEAD_BYTES_MAX],
])
