import type { BodyParts, WatchFrame } from '#client'
import { BATCH_BYTES, borrowBatch, mayFill, returnBatch } from '../batches.ts'
import type { Outgoing, ResponseHeaders, Sink } from '../sink.ts'
import { together } from '../together.ts'
import type { IncomingBody } from './body.ts'
import { CODES, type Code } from './errors.ts'
import { FLAGS, HEAD_BYTES, INTEGER_31_MAX, PAYLOAD_BYTES_MAX, TYPES } from './frames.ts'
import { IncomingFlow, type Receiving } from './incoming-flow.ts'
import type { Output } from './output.ts'
import { readFrame, type Source } from './source.ts'

/** What waits for a client that is slower than we are, before whoever writes is told to wait. */
const QUEUE_BYTES_MAX = 16 * 1024
/** What a long body may send at once and is less than this goes through the connection's own memory. */
const BATCH_WORTH_BYTES = 2 * PAYLOAD_BYTES_MAX
/** What is left of a batch and is less than this is left empty. */
const FRAME_WORTH_BYTES = 8 * 1024
/** A window that lets less than this through, time and again, is an attack (CVE-2019-9511). */
const DRIBBLE_BYTES = 64

/** What exchanges of a connection share. */
export interface Carrier {
  readonly output: Output
  /** How much the client takes on all streams together. */
  window: number
  sendHead(id: number, status: number, headers: ResponseHeaders, length: number | undefined, isLast: boolean): void
  /** Has the exchange proceed once there is room. */
  wait(exchange: Exchange): void
  queued(bytes: number): void
  /** Something was done that should not be done often. */
  suspect(): void
  reset(id: number, code: Code): void
  ended(exchange: Exchange): void
  /** Begins nothing any more. */
  close(): void
}

export interface Begun {
  /** How much the client takes. */
  readonly window: number
  /** What the client sends; absent when it has said that it sends nothing. */
  readonly body: IncomingBody | undefined
  /** Of the body, if it was said. */
  readonly length: number | undefined
}

interface Waited extends Source {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

type Event = 'close' | 'drain'

/** One request and its answer, on a stream of its own. */
export class Exchange implements Sink, Outgoing, Receiving {
  readonly id: number
  readonly #carrier: Carrier
  readonly body: IncomingBody | undefined
  /** Of the body, where its length is known. */
  #missing: number | undefined
  receivable = IncomingFlow.STREAM_BYTES
  freed = 0
  #window: number
  #hasHead = false
  #status = 0
  #headers: ResponseHeaders = {}
  #length: number | undefined
  #isHeadSent = false
  #queue: Uint8Array[] | undefined
  /** Of the first in the queue. */
  #offset = 0
  #queuedBytes = 0
  #source: Waited | undefined
  #isEnding = false
  #isWhole: boolean
  #listeners: [Event, () => void][] | undefined
  destroyed = false
  writableNeedDrain = false

  constructor(id: number, carrier: Carrier, { window, body, length }: Begun) {
    this.id = id
    this.#carrier = carrier
    this.#window = window
    this.body = body
    this.#missing = length
    this.#isWhole = body === undefined
  }

  get stream(): Outgoing {
    return this
  }

  /** Whether the client has sent all that it wanted. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** The client has sent all. False: less, or more, than it said. */
  whole(): boolean {
    if (this.#missing !== undefined && this.#missing !== 0) return false
    this.#isWhole = true
    this.body?.end()
    return true
  }

  /** Takes a part of the body, that used so much of the stream's window. What is wrong with it, if anything is. */
  receive(content: Buffer, used: number, isLast: boolean): Code | undefined {
    this.receivable -= used
    if (this.receivable < 0) return CODES.flowControl
    if (this.#missing !== undefined) this.#missing -= content.length
    if (this.#missing !== undefined && this.#missing < 0) return CODES.protocol
    if (content.length > 0) this.body?.push(content)
    return isLast && !this.whole() ? CODES.protocol : undefined
  }

  /** False: the window would be larger than any can be. */
  widen(bytes: number): boolean {
    this.#window += bytes
    if (this.#window > INTEGER_31_MAX) return false
    if (this.#window > 0 && this.#isUnderWay) this.proceed()
    return true
  }

  head(status: number, headers: ResponseHeaders, length?: number): void {
    this.#hasHead = true
    this.#status = status
    this.#headers = headers
    this.#length = length
  }

  flush(): void {
    if (!this.destroyed && !this.#isHeadSent) this.#sendHead(false)
  }

  beginFrames(): void {
    this.flush()
  }

  frameBytes(frame: WatchFrame): Uint8Array {
    return frame.bytes()
  }

  endFrames(): void {
    this.end()
  }

  endWith(parts: BodyParts): void {
    const length = parts.byteLength
    if (length === 0 || length > PAYLOAD_BYTES_MAX || !this.#hasRoomFor(length)) {
      this.end(together(parts))
      return
    }
    this.#isEnding = true
    this.#sendHead(false)
    const { output } = this.#carrier
    this.#spend(length)
    output.head(length, TYPES.data, FLAGS.endStream, this.id)
    for (const part of parts) output.copy(part)
    this.#finish()
  }

  pour(read: (target: Buffer) => number, length: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.destroyed) {
        resolve()
        return
      }
      this.#source = { read, left: length, resolve, reject }
      this.#isEnding = true
      this.proceed()
    })
  }

  write(bytes: Uint8Array): boolean {
    if (this.destroyed || this.#isEnding) return false
    this.#enqueue(bytes)
    this.proceed()
    this.writableNeedDrain = this.#queuedBytes >= QUEUE_BYTES_MAX
    return !this.writableNeedDrain
  }

  end(bytes?: Uint8Array): void {
    if (this.destroyed || this.#isEnding) return
    this.#isEnding = true
    if (bytes !== undefined && bytes.length > 0) this.#enqueue(bytes)
    this.proceed()
  }

  /** What is added in one turn goes out together anyway. */
  cork(): void {}
  uncork(): void {}

  on(event: Event, listener: () => void): this {
    this.#listeners ??= []
    this.#listeners.push([event, listener])
    return this
  }

  once(event: Event, listener: () => void): this {
    const heard = (): void => {
      this.off(event, heard)
      listener()
    }
    return this.on(event, heard)
  }

  off(event: Event, listener: () => void): this {
    this.#listeners = this.#listeners?.filter(([of, each]) => of !== event || each !== listener)
    return this
  }

  /** Breaks it off, so that the client knows that there should have been more. */
  destroy(): void {
    if (this.destroyed) return
    this.#carrier.reset(this.id, CODES.internal)
    this.close()
  }

  /** It is over, for whatever reason. */
  close(): void {
    if (this.destroyed) return
    this.destroyed = true
    this.#carrier.queued(-this.#queuedBytes)
    this.#queue = undefined
    this.body?.breakOff()
    this.#carrier.ended(this)
    this.#source?.resolve()
    this.#emit('close')
  }

  /** Sends what is there, as far as the client and the connection let it. */
  proceed(): void {
    if (this.destroyed) return
    if (!this.#hasHead) {
      this.destroy()
      return
    }
    if (!this.#isHeadSent) this.#sendHead(this.#isEnding && this.#queue === undefined && this.#source === undefined)
    if (this.destroyed || !this.#sendQueue() || !this.#sendSource()) return
    if (this.#isEnding) {
      this.#carrier.output.head(0, TYPES.data, FLAGS.endStream, this.id)
      this.#finish()
    }
  }

  get #isUnderWay(): boolean {
    return this.#queue !== undefined || this.#source !== undefined
  }

  /** Whether all of it is out. The last of it may end the exchange. */
  #sendQueue(): boolean {
    const { output } = this.#carrier
    while (this.#queue !== undefined) {
      const first = this.#queue[0]!
      const length = this.#allowed(first.length - this.#offset)
      if (length === 0) break
      const isLast = this.#isEnding && this.#queue.length === 1 && this.#offset + length === first.length
      output.head(length, TYPES.data, isLast ? FLAGS.endStream : 0, this.id)
      output.share(length === first.length ? first : first.subarray(this.#offset, this.#offset + length))
      this.#dequeue(length)
      if (isLast) {
        this.#finish()
        return false
      }
    }
    if (this.writableNeedDrain && this.#queuedBytes < QUEUE_BYTES_MAX) {
      this.writableNeedDrain = false
      // Not while somebody is writing.
      process.nextTick(() => {
        if (!this.destroyed) this.#emit('drain')
      })
    }
    return this.#queue === undefined
  }

  #sendSource(): boolean {
    const source = this.#source
    while (source !== undefined && source.left > 0) {
      if (!this.#mayBegin()) return false
      const allowed = Math.min(source.left, this.#window, this.#carrier.window)
      if (allowed >= BATCH_WORTH_BYTES && !mayFill(this)) return false
      if (allowed < source.left && allowed < DRIBBLE_BYTES) this.#carrier.suspect()
      if (!this.#readOn(source, allowed)) {
        this.destroy()
        return false
      }
      if (source.left === 0) {
        this.#finish()
        return false
      }
    }
    return true
  }

  /** False: there is less than was said. It is called by whoever made room, who is not to be told of what is wrong with this body. */
  #readOn(source: Waited, allowed: number): boolean {
    try {
      return allowed < BATCH_WORTH_BYTES ? this.#sendPiece(source, allowed) : this.#sendBatch(source, allowed)
    } catch (error) {
      source.reject(error)
      return false
    }
  }

  #sendPiece(source: Source, allowed: number): boolean {
    const length = this.#carrier.output.fill(Math.min(allowed, PAYLOAD_BYTES_MAX), source, this.id)
    this.#spend(length)
    return length > 0
  }

  /** Frames side by side in one piece of memory, which the socket takes as it is. */
  #sendBatch(source: Source, allowed: number): boolean {
    const batch = borrowBatch()
    let [at, spent] = [0, 0]
    while (spent < allowed && at + FRAME_WORTH_BYTES <= BATCH_BYTES) {
      const most = Math.min(PAYLOAD_BYTES_MAX, allowed - spent, BATCH_BYTES - at - HEAD_BYTES)
      const length = readFrame(source, batch, at, most, this.id)
      if (length === 0) return false
      at += HEAD_BYTES + length
      spent += length
    }
    this.#spend(spent)
    this.#carrier.output.lend(batch.subarray(0, at), () => returnBatch(batch))
    return true
  }

  /** How much of a piece may go out now; when it is nothing, it is asked again once that has changed. */
  #allowed(wanted: number): number {
    if (!this.#mayBegin()) return 0
    const length = Math.min(wanted, this.#window, this.#carrier.window, PAYLOAD_BYTES_MAX)
    if (length < wanted && length < DRIBBLE_BYTES) this.#carrier.suspect()
    this.#spend(length)
    return length
  }

  #mayBegin(): boolean {
    const carrier = this.#carrier
    if (carrier.output.isFull || carrier.window <= 0) {
      carrier.wait(this)
      return false
    }
    return this.#window > 0
  }

  #hasRoomFor(length: number): boolean {
    const { output, window } = this.#carrier
    return (
      !this.destroyed &&
      !this.#isEnding &&
      !this.#isUnderWay &&
      this.#hasHead &&
      this.#window >= length &&
      window >= length &&
      !output.isFull
    )
  }

  #spend(length: number): void {
    this.#window -= length
    this.#carrier.window -= length
  }

  #enqueue(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.#queue === undefined) this.#queue = [bytes]
    else this.#queue.push(bytes)
    this.#queuedBytes += bytes.length
    this.#carrier.queued(bytes.length)
  }

  #dequeue(length: number): void {
    this.#queuedBytes -= length
    this.#carrier.queued(-length)
    this.#offset += length
    if (this.#offset < this.#queue![0]!.length) return
    this.#offset = 0
    if (this.#queue!.length === 1) this.#queue = undefined
    else this.#queue!.shift()
  }

  #sendHead(isLast: boolean): void {
    this.#isHeadSent = true
    const headers = this.#headers
    this.#carrier.sendHead(this.id, this.#status, headers, this.#length, isLast)
    // What is under way is finished; nothing new is begun.
    if (headers['connection'] === 'close') this.#carrier.close()
    if (isLast) this.#finish()
  }

  /** All is sent. A client that was answered before its body was read need not send the rest. */
  #finish(): void {
    if (!this.#isWhole) this.#carrier.reset(this.id, CODES.none)
    this.close()
  }

  #emit(event: Event): void {
    if (this.#listeners === undefined) return
    for (const [of, listener] of [...this.#listeners]) if (of === event) listener()
  }
}
