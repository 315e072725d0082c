import { isUtf8 } from 'node:buffer'

/** What can be read of a text, and what is wrong behind it. */
export interface Source {
  readonly text: string
  readonly problem?: string
}

/** Upstream reads so many bytes at once, and finds none of what is wrong in them later than the rest. */
const CHUNK_BYTES = 512

/** What a text may not have as it is, anywhere. */
const CONTROL = /[^\t\n\r -~\u0085\u00a0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** Text in UTF-8, or in UTF-16 with a mark that says so. */
export function sourceOf(input: string | Uint8Array): Source {
  if (typeof input === 'string') return checked(input)
  const [first, second] = input
  if (first === 0xff && second === 0xfe) return checked(new TextDecoder('utf-16le').decode(input))
  if (first === 0xfe && second === 0xff) return checked(new TextDecoder('utf-16be').decode(input))
  const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  return isUtf8(bytes) ? checked(bytes.toString()) : malformed(bytes)
}

function checked(text: string): Source {
  const control = CONTROL.exec(text)
  if (control === null) return { text }
  const before = Buffer.from(text.slice(0, control.index))
  return { text: cutOff(before), problem: 'control characters are not allowed' }
}

/** The text before the chunk that begins last. */
function cutOff(before: Buffer): string {
  let start = 0
  while (start + CHUNK_BYTES <= before.length) {
    let next = start + CHUNK_BYTES
    while (next < before.length && (before[next]! & 0xc0) === 0x80) next--
    start = next
  }
  return before.toString('utf8', 0, start)
}

/** Bytes that are no UTF-8, somewhere. */
function malformed(bytes: Buffer): Source {
  let at = 0
  for (;;) {
    const problem = problemAt(bytes, at)
    if (problem !== undefined) {
      const before = checked(bytes.toString('utf8', 0, at))
      return before.problem === undefined ? { text: cutOff(bytes.subarray(0, at)), problem } : before
    }
    at += lengthAt(bytes[at]!)
  }
}

/** How many bytes a character has, by its first; 0 for one that begins none. */
function lengthAt(byte: number): number {
  if (byte < 0x80) return 1
  if (byte < 0xc0) return 0
  if (byte < 0xe0) return 2
  return byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 0
}

function problemAt(bytes: Buffer, at: number): string | undefined {
  const length = lengthAt(bytes[at]!)
  if (length === 0) return 'invalid leading UTF-8 octet'
  const character = bytes.subarray(at, at + length)
  if (character.length < length) return 'incomplete UTF-8 octet sequence'
  if (character.subarray(1).some((byte) => (byte & 0xc0) !== 0x80)) return 'invalid trailing UTF-8 octet'
  if (isUtf8(character)) return undefined
  const code = character.subarray(1).reduce((value, byte) => value * 64 + (byte & 0x3f), character[0]! & (0xff >> (length + 1)))
  const least = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x1_0000
  return code < least ? 'invalid length of a UTF-8 sequence' : 'invalid Unicode character'
}
