import { CODES, ConnectionError } from './errors.ts'

/** RFC 9113, 6. */
export const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAGS = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

export const HEAD_BYTES = 9
/** What everybody takes without having said so, and what we take (SETTINGS_MAX_FRAME_SIZE). */
export const PAYLOAD_BYTES_MAX = 16_384
/** Of a window, and of stream identifiers. */
export const INTEGER_31_MAX = 2 ** 31 - 1

export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

export interface Frame {
  readonly type: number
  readonly flags: number
  /** 0: the connection. */
  readonly stream: number
  /** A view of what came; whoever keeps it keeps the memory of its neighbours. */
  readonly payload: Buffer
}

/** Writes the head of a frame and returns where its payload begins. */
export function writeHead(target: Buffer, at: number, length: number, type: number, flags: number, stream: number): number {
  target[at] = length >>> 16
  target[at + 1] = (length >>> 8) & 0xff
  target[at + 2] = length & 0xff
  target[at + 3] = type
  target[at + 4] = flags
  target[at + 5] = stream >>> 24
  target[at + 6] = (stream >>> 16) & 0xff
  target[at + 7] = (stream >>> 8) & 0xff
  target[at + 8] = stream & 0xff
  return at + HEAD_BYTES
}

/**
 * Takes a connection's bytes apart into frames, after the preface with which it has to begin. Keeps less than a frame between two chunks, and all of a chunk that its reader does not want
 * to go on with.
 */
export class FrameReader {
  #rest: Buffer | undefined
  #hasBegun = false

  /** Reads on with what has come, as long as `take` says so. Throws a {@link ConnectionError} for what is no frame. */
  read(chunk: Buffer | undefined, take: (frame: Frame) => boolean): void {
    const bytes = this.#joined(chunk)
    this.#rest = undefined
    if (bytes === undefined) return
    let at = this.#hasBegun ? 0 : this.#preface(bytes)
    while (at !== undefined && bytes.length - at >= HEAD_BYTES) {
      const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
      if (length > PAYLOAD_BYTES_MAX) throw new ConnectionError(CODES.frameSize, 'a frame that is too long')
      const from = at + HEAD_BYTES
      if (bytes.length - from < length) break
      const frame = {
        type: bytes[at + 3]!,
        flags: bytes[at + 4]!,
        stream: bytes.readUInt32BE(at + 5) & INTEGER_31_MAX,
        payload: bytes.subarray(from, from + length),
      }
      at = from + length
      if (!take(frame)) break
    }
    if (at === undefined) this.#rest = bytes
    else if (at < bytes.length) this.#rest = bytes.subarray(at)
  }

  /** Whether there is something to go on with. */
  get hasRest(): boolean {
    return this.#rest !== undefined
  }

  #joined(chunk: Buffer | undefined): Buffer | undefined {
    if (this.#rest === undefined) return chunk
    return chunk === undefined ? this.#rest : Buffer.concat([this.#rest, chunk])
  }

  /** Where frames begin; undefined while it is not all there. */
  #preface(bytes: Buffer): number | undefined {
    const length = Math.min(bytes.length, PREFACE.length)
    if (bytes.compare(PREFACE, 0, length, 0, length) !== 0) throw new ConnectionError(CODES.protocol, 'no HTTP/2')
    if (length < PREFACE.length) return undefined
    this.#hasBegun = true
    return length
  }
}

/** What is left of a payload without its padding, and without the priority that nobody heeds. */
export function contentOf({ type, flags, payload }: Frame): Buffer {
  let [from, to] = [0, payload.length]
  if ((flags & FLAGS.padded) !== 0) {
    if (to < 1) throw new ConnectionError(CODES.frameSize, 'a frame without its padding')
    to -= payload[0]!
    from = 1
  }
  if (type === TYPES.headers && (flags & FLAGS.priority) !== 0) from += 5
  if (from > to) throw new ConnectionError(CODES.protocol, 'padding that is longer than its frame')
  return from === 0 && to === payload.length ? payload : payload.subarray(from, to)
}
