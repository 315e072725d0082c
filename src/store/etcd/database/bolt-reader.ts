/** Where bytes are no database of etcd, or a damaged one. */
export class BoltError extends Error {
  override readonly name = 'BoltError'
}

export const PAGE_HEADER_BYTES = 16
export const ELEMENT_BYTES = 16
export const BRANCH = 0x01
export const LEAF = 0x02
export const META = 0x04
export const FREELIST = 0x10
/** Of a leaf's element: its value is a bucket. */
export const IS_BUCKET = 0x01
export const MAGIC = 0xed0cdaed
export const VERSION = 2
/** Of the meta page, behind its page header: what its checksum covers. */
export const META_SUMMED_BYTES = 56
export const BUCKET_BYTES = 16
/** Deeper trees are not made by anybody. */
const DEPTH_MAX = 32

/** FNV-1a of 64 bits, by which a meta page is known to be whole. */
export function fnv1a(bytes: Uint8Array): bigint {
  let hash = 0xcbf29ce484222325n
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash
}

export interface BoltEntry {
  readonly key: Buffer
  readonly value: Buffer
}

/**
 * Reads a database of bbolt, the format of etcd's data and of its snapshots (https://github.com/etcd-io/bbolt): pages of a B+ tree for each bucket, and two meta pages of which
 * the newer whole one counts. Entries are views into `bytes`. Throws {@link BoltError}; nothing in the file is believed.
 */
export class BoltReader {
  readonly #bytes: Buffer
  readonly #pageSize: number
  readonly #root: number

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    const metas = [0, ...PAGE_SIZES].flatMap((offset) => metaAt(bytes, offset) ?? [])
    const newest = metas.sort((a, b) => Number(b.transaction - a.transaction))[0]
    if (newest === undefined) throw new BoltError('it is no database of etcd, or its beginning is damaged')
    this.#pageSize = newest.pageSize
    this.#root = newest.root
  }

  /** Names of the buckets, in order. */
  buckets(): string[] {
    return [...this.#elements(this.#root, 0)].flatMap(({ flags, key }) => (flags === IS_BUCKET ? [key.toString('latin1')] : []))
  }

  /** Entries of a bucket in order of their keys; none when there is no such bucket. */
  *entries(bucket: string): Generator<BoltEntry> {
    for (const { flags, key, value } of this.#elements(this.#root, 0)) {
      if (flags !== IS_BUCKET || key.toString('latin1') !== bucket) continue
      if (value.length < BUCKET_BYTES) throw new BoltError(`the bucket ${bucket} is cut off`)
      const root = pageNumber(value.readBigUInt64LE(0))
      // A small bucket lies in its parent: a page without a place of its own.
      const elements = root === 0 ? this.#leaf(value.subarray(BUCKET_BYTES)) : this.#elements(root, 0)
      for (const element of elements) yield { key: element.key, value: element.value }
    }
  }

  *#elements(page: number, depth: number): Generator<BoltEntry & { readonly flags: number }> {
    if (depth > DEPTH_MAX) throw new BoltError('its tree is deeper than any tree')
    const start = page * this.#pageSize
    if (start + PAGE_HEADER_BYTES > this.#bytes.length) throw new BoltError(`page ${page} is missing; the file was cut off`)
    const bytes = this.#bytes.subarray(start)
    const kind = bytes.readUInt16LE(8)
    if (kind === LEAF) yield* this.#leaf(bytes)
    else if (kind === BRANCH) {
      for (let index = 0; index < bytes.readUInt16LE(10); index++) {
        const at = PAGE_HEADER_BYTES + index * ELEMENT_BYTES
        if (at + ELEMENT_BYTES > bytes.length) throw new BoltError(`page ${page} is cut off`)
        yield* this.#elements(pageNumber(bytes.readBigUInt64LE(at + 8)), depth + 1)
      }
    } else throw new BoltError(`page ${page} is of no known kind`)
  }

  *#leaf(page: Buffer): Generator<BoltEntry & { readonly flags: number }> {
    if (page.length < PAGE_HEADER_BYTES) throw new BoltError('a page is cut off')
    const count = page.readUInt16LE(10)
    for (let index = 0; index < count; index++) {
      const at = PAGE_HEADER_BYTES + index * ELEMENT_BYTES
      if (at + ELEMENT_BYTES > page.length) throw new BoltError('a page is cut off')
      const flags = page.readUInt32LE(at)
      const from = at + page.readUInt32LE(at + 4)
      const middle = from + page.readUInt32LE(at + 8)
      const end = middle + page.readUInt32LE(at + 12)
      if (end > page.length) throw new BoltError('an entry reaches beyond the end of the file')
      yield { flags, key: page.subarray(from, middle), value: page.subarray(middle, end) }
    }
  }
}

/** The second meta page lies at the size of a page, which is that of the machine that wrote it. */
const PAGE_SIZES = [4096, 8192, 16_384, 65_536]

function metaAt(
  bytes: Buffer,
  offset: number,
): { readonly pageSize: number; readonly root: number; readonly transaction: bigint } | undefined {
  const start = offset + PAGE_HEADER_BYTES
  if (bytes.length < start + META_SUMMED_BYTES + 8) return undefined
  const meta = bytes.subarray(start, start + META_SUMMED_BYTES + 8)
  if (meta.readUInt32LE(0) !== MAGIC || meta.readUInt32LE(4) !== VERSION) return undefined
  if (fnv1a(meta.subarray(0, META_SUMMED_BYTES)) !== meta.readBigUInt64LE(META_SUMMED_BYTES)) return undefined
  return {
    pageSize: meta.readUInt32LE(8),
    root: pageNumber(meta.readBigUInt64LE(16)),
    transaction: meta.readBigUInt64LE(48),
  }
}

function pageNumber(id: bigint): number {
  if (id > BigInt(Number.MAX_SAFE_INTEGER)) throw new BoltError('a page has a number that there is not')
  return Number(id)
}
