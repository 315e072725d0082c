import { crc32 } from 'node:zlib'
import type { LogRecord } from '../history.ts'
import type { Revision } from '../store.ts'

/** Of the files below and of the directory as a whole; a newer one is refused. 1 was a database of SQLite. */
export const FORMAT_VERSION = 2

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512

/**
 * A file is a header of one sector, then frames. A log goes on with zeros, which its next frames replace; a checkpoint ends with a frame without records.
 *
 *     header   magic 8 · version 4 · kind 4 · store 16 · salt 8 · sequence 8 · compacted 8 · revision 8 · zeros · checksum 4
 *     frame    salt 8 · length 4 · records 4 · first revision 8 · checksum of the payload 4 · of this header 4 · payload · salt, inverted 8
 *     record   kind 1 · length of key 4 · of value 4 · revision 6 · end 8 (milliseconds since the epoch, NaN: none) · key · value
 *
 * Numbers are little-endian. The salt is the file's own and drawn by chance, so that no value looks like a frame. The checksum of the header stays where it is in all
 * versions, so that a damaged version is not taken for a newer one.
 */
export interface FileHeader {
  readonly kind: FileKind
  /** The same in all files of a store. */
  readonly store: Buffer
  readonly salt: Buffer
  readonly sequence: number
  /** Of a checkpoint: as of which revision it shows the entries that come first, and the last change after them. */
  readonly compacted: number
  readonly revision: number
}

export type FileKind = 'log' | 'checkpoint'

export interface FrameHeader {
  /** Of the payload, in bytes. */
  readonly length: number
  readonly records: number
  readonly firstRevision: number
  readonly checksum: number
}

/** What stands in a frame: a change, an entry, or the note that history is gone up to a revision. */
export type Item =
  | { readonly kind: 'record'; readonly record: LogRecord }
  | { readonly kind: 'compacted'; readonly revision: number }

export const HEADER_BYTES = SECTOR_BYTES
export const FRAME_HEADER_BYTES = 32
const END_BYTES = 8
const RECORD_BYTES = 23
const CHECKSUM_AT = HEADER_BYTES - 4

const MAGIC = Buffer.from('\x89t8s\r\n\x1a\n', 'latin1')
const KINDS: readonly FileKind[] = ['log', 'checkpoint']
const [PUT, DELETE, COMPACTED] = [1, 2, 3] as const

/** What a frame takes beside its records. */
export const FRAME_BYTES = FRAME_HEADER_BYTES + END_BYTES

export const frameBytes = ({ length }: Pick<FrameHeader, 'length'>): number => length + FRAME_BYTES

export function encodeHeader({ kind, store, salt, sequence, compacted, revision }: FileHeader): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  MAGIC.copy(header)
  header.writeUInt32LE(FORMAT_VERSION, 8)
  header.writeUInt32LE(KINDS.indexOf(kind), 12)
  store.copy(header, 16)
  salt.copy(header, 32)
  for (const [index, number] of [sequence, compacted, revision].entries()) header.writeBigUInt64LE(BigInt(number), 40 + 8 * index)
  header.writeUInt32LE(crc32(header.subarray(0, CHECKSUM_AT)), CHECKSUM_AT)
  return header
}

/** The header, or in a few words why it is none; `version` when it is one of a newer version. */
export function decodeHeader(
  bytes: Buffer,
  kind: FileKind,
): FileHeader | { readonly problem: string; readonly version?: number } {
  if (bytes.length < HEADER_BYTES) return { problem: bytes.length === 0 ? 'it is empty' : 'it ends within its header' }
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) return { problem: 'it is no file of a store' }
  const [expected, found] = [bytes.readUInt32LE(CHECKSUM_AT), crc32(bytes.subarray(0, CHECKSUM_AT))]
  if (expected !== found) return { problem: `the checksum of its header is ${hex(found)} where ${hex(expected)} was expected` }
  const version = bytes.readUInt32LE(8)
  if (version > FORMAT_VERSION) return { problem: 'it is of a newer version', version }
  const what = KINDS[bytes.readUInt32LE(12)]
  if (what !== kind) return { problem: `it is a ${what ?? 'file of an unknown kind'} where a ${kind} was expected` }
  const [sequence, compacted, revision] = [40, 48, 56].map((at) => Number(bytes.readBigUInt64LE(at)))
  return {
    kind,
    store: Buffer.from(bytes.subarray(16, 32)),
    salt: Buffer.from(bytes.subarray(32, 40)),
    sequence: sequence!,
    compacted: compacted!,
    revision: revision!,
  }
}

/** Undefined when there is no frame's header at `at`, or a damaged one. */
export function decodeFrameHeader(bytes: Buffer, at: number, salt: Buffer): FrameHeader | undefined {
  if (at + FRAME_HEADER_BYTES > bytes.length || bytes.compare(salt, 0, 8, at, at + 8) !== 0) return undefined
  if (bytes.readUInt32LE(at + 28) !== crc32(bytes.subarray(at, at + 28))) return undefined
  return {
    length: bytes.readUInt32LE(at + 8),
    records: bytes.readUInt32LE(at + 12),
    firstRevision: Number(bytes.readBigUInt64LE(at + 16)),
    checksum: bytes.readUInt32LE(at + 24),
  }
}

export const payloadChecksum = (payload: Uint8Array): number => crc32(payload)

/** What the last bytes of a whole frame are. */
export function endMark(salt: Buffer): Buffer {
  const mark = Buffer.from(salt.map((byte) => ~byte & 0xff))
  // Not taken for the zeros that follow it.
  mark[END_BYTES - 1]! |= 1
  return mark
}

/** Values share the memory of `payload`, which must not change. Throws when the lengths do not agree. */
export function* decodeItems(payload: Buffer): Generator<Item, undefined> {
  let at = 0
  while (at < payload.length) {
    const kind = payload.readUInt8(at)
    const [keyEnd, revision, expiresAtMs] = [
      at + RECORD_BYTES + payload.readUInt32LE(at + 1),
      payload.readUIntLE(at + 9, 6),
      payload.readDoubleLE(at + 15),
    ]
    const end = keyEnd + payload.readUInt32LE(at + 5)
    if (end > payload.length) throw new Error('a record is longer than its frame')
    if (kind === COMPACTED) yield { kind: 'compacted', revision }
    else {
      const key = payload.toString('utf8', at + RECORD_BYTES, keyEnd)
      const value = kind === DELETE ? undefined : payload.subarray(keyEnd, end)
      const expires = Number.isNaN(expiresAtMs) ? {} : { expiresAtMs }
      yield { kind: 'record', record: { revision, key, value, ...expires } }
    }
    at = end
  }
}

/** An upper bound of the bytes that a record takes in a frame; more than a note does. */
export const recordBytesMax = ({ key, value }: Pick<LogRecord, 'key' | 'value'>): number =>
  RECORD_BYTES + 3 * key.length + (value?.byteLength ?? 0)

/** Makes frames one at a time, in memory that it uses again for the next. */
export class FrameEncoder {
  readonly #salt: Buffer
  readonly #end: Buffer
  #bytes = Buffer.allocUnsafeSlow(64 * 1024)
  #at = FRAME_HEADER_BYTES
  #records = 0
  #firstRevision = 0

  constructor(salt: Buffer) {
    this.#salt = salt
    this.#end = endMark(salt)
  }

  /** Of the frame as it is now. */
  get byteLength(): number {
    return this.#at + END_BYTES
  }

  get records(): number {
    return this.#records
  }

  add(record: LogRecord): void {
    const { key, value, revision, expiresAtMs } = record
    this.#makeRoom(recordBytesMax(record) + END_BYTES)
    const bytes = this.#bytes
    const keyBytes = bytes.write(key, this.#at + RECORD_BYTES, 'utf8')
    this.#begin(value === undefined ? DELETE : PUT, keyBytes, value?.byteLength ?? 0, revision, expiresAtMs ?? Number.NaN)
    this.#at += keyBytes
    if (value === undefined) return
    bytes.set(value, this.#at)
    this.#at += value.byteLength
  }

  /** Notes that history is gone up to `revision`. */
  addCompacted(revision: Revision): void {
    this.#makeRoom(RECORD_BYTES + END_BYTES)
    this.#begin(COMPACTED, 0, 0, revision, Number.NaN)
  }

  /** The frame, which is valid until the next `add`. */
  finish(): Buffer {
    const bytes = this.#bytes
    const length = this.#at - FRAME_HEADER_BYTES
    this.#salt.copy(bytes, 0)
    bytes.writeUInt32LE(length, 8)
    bytes.writeUInt32LE(this.#records, 12)
    bytes.writeBigUInt64LE(BigInt(this.#firstRevision), 16)
    bytes.writeUInt32LE(crc32(bytes.subarray(FRAME_HEADER_BYTES, this.#at)), 24)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28)
    this.#end.copy(bytes, this.#at)
    const frame = bytes.subarray(0, this.#at + END_BYTES)
    this.#at = FRAME_HEADER_BYTES
    this.#records = 0
    this.#firstRevision = 0
    return frame
  }

  #begin(kind: number, keyBytes: number, valueBytes: number, revision: Revision, expiresAtMs: number): void {
    const bytes = this.#bytes
    const at = this.#at
    bytes[at] = kind
    bytes.writeUInt32LE(keyBytes, at + 1)
    bytes.writeUInt32LE(valueBytes, at + 5)
    bytes.writeUIntLE(revision, at + 9, 6)
    bytes.writeDoubleLE(expiresAtMs, at + 15)
    this.#at = at + RECORD_BYTES
    if (this.#records++ === 0) this.#firstRevision = revision
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }
}

export const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0')
