import type { Code } from './errors.ts'
import { FLAGS, HEAD_BYTES, PAYLOAD_BYTES_MAX, TYPES, writeHead } from './frames.ts'
import type { Output } from './output.ts'

/** Ends a stream. */
export const resetFrame = (stream: number, code: Code): Buffer => frameOf(TYPES.reset, stream, [code])

/** Announces the end of a connection: no stream after `lastStream` is answered. */
export const goawayFrame = (lastStream: number, code: Code, why = ''): Buffer => frameOf(TYPES.goaway, 0, [lastStream, code], why)

export const windowUpdateFrame = (stream: number, bytes: number): Buffer => frameOf(TYPES.windowUpdate, stream, [bytes])

function frameOf(type: number, stream: number, words: readonly number[], text = ''): Buffer {
  const length = words.length * 4 + text.length
  const frame = Buffer.alloc(HEAD_BYTES + length)
  let at = writeHead(frame, 0, length, type, 0, stream)
  for (const word of words) at = frame.writeUInt32BE(word, at)
  frame.write(text, at, 'latin1')
  return frame
}

/** The block of a head, in as many frames as it needs. */
export function writeBlock(output: Output, block: Buffer, stream: number, isLast: boolean): void {
  let at = 0
  do {
    const part = block.subarray(at, at + PAYLOAD_BYTES_MAX)
    const flags = (at === 0 && isLast ? FLAGS.endStream : 0) | (at + part.length === block.length ? FLAGS.endHeaders : 0)
    output.head(part.length, at === 0 ? TYPES.headers : TYPES.continuation, flags, stream)
    output.copy(part)
    at += part.length
  } while (at < block.length)
}
