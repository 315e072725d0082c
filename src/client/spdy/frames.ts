/** Frames of SPDY/3.1 (https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/); those we send and those we heed. */
export type SpdyFrame =
  | { readonly kind: 'data'; readonly stream: number; readonly fin: boolean; readonly bytes: Buffer }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly bytes: Buffer }

export const SYN_STREAM = 1
export const SYN_REPLY = 2
export const RST_STREAM = 3
export const PING = 6
export const GOAWAY = 7
export const HEADERS = 8

export const FLAG_FIN = 1

export const RESET_PROTOCOL_ERROR = 1
export const RESET_REFUSED = 3
export const RESET_CANCEL = 5

const HEADER_BYTES = 8
const VERSION = 3
/** The length field would allow 16 MiB; no peer sends nearly as much. */
const DATA_BYTES_MAX = 4 * 1024 * 1024
const CONTROL_BYTES_MAX = 64 * 1024
const STREAM_MASK = 0x7fffffff

export class SpdyProtocolError extends Error {
  override readonly name = 'SpdyProtocolError'
}

/** Splits a byte stream into frames. Throws {@link SpdyProtocolError} for what is no SPDY/3. */
export async function* readFrames(chunks: AsyncIterable<Uint8Array>): AsyncIterable<SpdyFrame> {
  let held: Buffer = Buffer.alloc(0)
  let wanted = HEADER_BYTES
  let parts: Buffer[] = []
  let partsBytes = 0
  for await (const chunk of chunks) {
    // Joined only once a whole frame is there, so that a large frame in small chunks is not copied again and again.
    parts.push(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    partsBytes += chunk.byteLength
    if (held.length + partsBytes < wanted) continue
    held = Buffer.concat([held, ...parts])
    parts = []
    partsBytes = 0
    for (;;) {
      if (held.length < HEADER_BYTES) {
        wanted = HEADER_BYTES
        break
      }
      wanted = HEADER_BYTES + checkedLength(held)
      if (held.length < wanted) break
      yield frameOf(held.subarray(0, wanted))
      held = held.subarray(wanted)
    }
  }
}

export function dataFrame(stream: number, bytes: Uint8Array, fin: boolean): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32BE(stream, 0)
  header.writeUInt32BE(bytes.length, 4)
  header[4] = fin ? FLAG_FIN : 0
  return Buffer.concat([header, bytes])
}

export function controlFrame(type: number, flags: number, ...parts: readonly (Uint8Array | number)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? uint32(part) : part)))
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt16BE(0x8000 | VERSION, 0)
  header.writeUInt16BE(type, 2)
  header.writeUInt32BE(body.length, 4)
  header[4] = flags
  return Buffer.concat([header, body])
}

/** The stream a control frame's body begins with. */
export function streamIdOf(bytes: Buffer): number {
  if (bytes.length < 4) throw new SpdyProtocolError('a control frame is too short')
  return bytes.readUInt32BE(0) & STREAM_MASK
}

function checkedLength(header: Buffer): number {
  const control = (header[0]! & 0x80) !== 0
  const length = header.readUIntBE(5, 3)
  if (control && (header.readUInt16BE(0) & 0x7fff) !== VERSION) throw new SpdyProtocolError('not SPDY/3')
  if (length > (control ? CONTROL_BYTES_MAX : DATA_BYTES_MAX))
    throw new SpdyProtocolError(`a frame of ${length} bytes is too large`)
  return length
}

function frameOf(bytes: Buffer): SpdyFrame {
  const body = bytes.subarray(HEADER_BYTES)
  const flags = bytes[4]!
  if ((bytes[0]! & 0x80) !== 0) return { kind: 'control', type: bytes.readUInt16BE(2), flags, bytes: body }
  return { kind: 'data', stream: bytes.readUInt32BE(0), fin: (flags & FLAG_FIN) !== 0, bytes: body }
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
