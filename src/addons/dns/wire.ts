/** Reading and patching DNS messages in place, so that what upstream servers say is passed on as it came. */

export const HEADER_BYTES = 12
const TYPE_OPT = 41
const TYPE_SOA = 6
const FLAG_TRUNCATED = 0x0200

export interface Message {
  readonly bytes: Buffer
  readonly rcode: number
  readonly truncated: boolean
  readonly answerCount: number
  /** Name (lower case), type and class: what a question and its answer have in common. */
  readonly questionKey: string
  readonly questionEnd: number
  /** Offsets of the TTLs of all records but OPT. */
  readonly ttlOffsets: readonly number[]
  readonly soaMinimum: number | undefined
  readonly hasOpt: boolean
}

/** Throws RangeError for what is not a whole message with one question. */
export function readMessage(bytes: Buffer): Message {
  const flags = bytes.readUInt16BE(2)
  if (bytes.readUInt16BE(4) !== 1) throw new RangeError('a message has one question')
  const nameEnd = skipName(bytes, HEADER_BYTES)
  const questionEnd = nameEnd + 4
  const ttlOffsets: number[] = []
  let hasOpt = false
  let soaMinimum: number | undefined
  let at = questionEnd
  const records = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10)
  for (let left = records; left > 0; left--) {
    const head = skipName(bytes, at)
    const type = bytes.readUInt16BE(head)
    const end = head + 10 + bytes.readUInt16BE(head + 8)
    if (end > bytes.length) throw new RangeError('a record ends beyond the message')
    if (type === TYPE_OPT) hasOpt = true
    else ttlOffsets.push(head + 4)
    if (type === TYPE_SOA) soaMinimum = bytes.readUInt32BE(end - 4)
    at = end
  }
  if (questionEnd > bytes.length) throw new RangeError('the question ends beyond the message')
  return {
    bytes,
    rcode: flags & 0xf,
    truncated: (flags & FLAG_TRUNCATED) !== 0,
    answerCount: bytes.readUInt16BE(6),
    questionKey: `${bytes.toString('latin1', HEADER_BYTES, nameEnd).toLowerCase()}${bytes.toString('latin1', nameEnd, questionEnd)}`,
    questionEnd,
    ttlOffsets,
    soaMinimum,
    hasOpt,
  }
}

/** The lowest TTL in seconds; for a negative answer also at most what the zone allows. */
export function lifetimeOf({ bytes, ttlOffsets, soaMinimum }: Message): number {
  const lowest = ttlOffsets.reduce((least, offset) => Math.min(least, bytes.readUInt32BE(offset)), Number.POSITIVE_INFINITY)
  return Math.min(lowest, soaMinimum ?? Number.POSITIVE_INFINITY)
}

/** A copy of an answer for another asker: with its id, its spelling of the name, and TTLs that have aged. */
export function answerFor(message: Message, query: Message, agedSeconds: number): Buffer {
  const copy = Buffer.from(message.bytes)
  query.bytes.copy(copy, 0, 0, 2)
  query.bytes.copy(copy, HEADER_BYTES, HEADER_BYTES, query.questionEnd)
  for (const offset of message.ttlOffsets) copy.writeUInt32BE(Math.max(0, copy.readUInt32BE(offset) - agedSeconds), offset)
  return copy
}

/** Header and question alone, saying that the rest did not fit. */
export function truncated(bytes: Buffer, questionEnd: number): Buffer {
  const copy = Buffer.from(bytes.subarray(0, questionEnd))
  copy.writeUInt16BE(copy.readUInt16BE(2) | FLAG_TRUNCATED, 2)
  copy.fill(0, 6, HEADER_BYTES)
  return copy
}

/** The position after a name, compressed or not. */
function skipName(bytes: Buffer, start: number): number {
  for (let at = start; ; ) {
    const length = bytes.readUInt8(at)
    if (length === 0) return at + 1
    if ((length & 0xc0) === 0xc0) return at + 2
    if (length > 63) throw new RangeError('a label has at most 63 bytes')
    at += length + 1
  }
}
