import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

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

/** Where the bytes of a database are. */
export interface BoltSource {
  readonly length: number
  /** `length` bytes from `position` on, or what there is of them. */
  read(position: number, length: number): Buffer
}

export const sourceOf = (bytes: Buffer): BoltSource => ({
  length: bytes.length,
  read: (position, length) => bytes.subarray(position, position + length),
})

/** A file is read page by page, as they are needed. */
export class FileSource implements BoltSource, Disposable {
  readonly length: number
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'r')
    this.length = fstatSync(this.#file).size
  }

  read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafeSlow(Math.max(0, Math.min(length, this.length - position)))
    let done = 0
    while (done < bytes.length) {
      const count = readSync(this.#file, bytes, done, bytes.length - done, position + done)
      if (count === 0) throw new BoltError('the file became shorter while it was read')
      done += count
    }
    return bytes
  }

  [Symbol.dispose](): void {
    closeSync(this.#file)
  }
}

/**
 * Reads a database of bbolt, the format of etcd's data and of its snapshots (https://github.com/etcd-io/bbolt): pages of a B+ tree for each bucket, and two meta pages of which
 * the newer whole one counts. Entries are views into their pages. Throws {@link BoltError}; nothing in the file is believed.
 */
export class BoltReader {
  readonly #source: BoltSource
  readonly #pageSize: number
  readonly #root: number
  /** Pages that are still to come at most: a tree that shows one twice would never end. */
  #left = 0

  constructor(source: BoltSource) {
    this.#source = source
    const bytes = source.read(0, 2 * Math.max(...PAGE_SIZES))
    const metas = [0, ...PAGE_SIZES].flatMap((offset) => metaAt(bytes, offset) ?? [])
    const newest = metas.sort((a, b) => Number(b.transaction - a.transaction))[0]
    if (newest === undefined) throw new BoltError('it is no database of etcd, or its beginning is damaged')
    this.#pageSize = newest.pageSize
    this.#root = newest.root
  }

  /** Names of the buckets, in order. */
  buckets(): string[] {
    return [...this.#tree(this.#root)].flatMap(({ flags, key }) => (flags === IS_BUCKET ? [key.toString('latin1')] : []))
  }

  /** Entries of a bucket in order of their keys; none when there is no such bucket. */
  *entries(bucket: string): Generator<BoltEntry> {
    const root = this.#bucket(bucket)
    if (root === undefined) return
    // A small bucket lies in its parent: a page without a place of its own.
    for (const { key, value } of typeof root === 'number' ? this.#tree(root) : this.#leaf(root)) yield { key, value }
  }

  /** The entry with the greatest key, by way of a page a level. */
  last(bucket: string): BoltEntry | undefined {
    let at = this.#bucket(bucket)
    for (let depth = 0; typeof at === 'number'; depth++) {
      const page = this.#page(at, depth)
      at = page.readUInt16LE(8) === BRANCH ? this.#children(page).at(-1) : page
    }
    if (at === undefined) return undefined
    const last = [...this.#leaf(at)].at(-1)
    return last && { key: last.key, value: last.value }
  }

  /** Where a bucket begins, or the page that it is. */
  #bucket(name: string): number | Buffer | undefined {
    for (const { flags, key, value } of this.#tree(this.#root)) {
      if (flags !== IS_BUCKET || key.toString('latin1') !== name) continue
      if (value.length < BUCKET_BYTES) throw new BoltError(`the bucket ${name} is cut off`)
      return pageNumber(value.readBigUInt64LE(0)) || value.subarray(BUCKET_BYTES)
    }
    return undefined
  }

  #tree(root: number): Generator<BoltEntry & { readonly flags: number }> {
    this.#left = this.#source.length / this.#pageSize
    return this.#elements(root, 0)
  }

  *#elements(number: number, depth: number): Generator<BoltEntry & { readonly flags: number }> {
    if (this.#left-- <= 0) throw new BoltError('its tree has more pages than the file')
    const page = this.#page(number, depth)
    if (page.readUInt16LE(8) === LEAF) yield* this.#leaf(page)
    else for (const child of this.#children(page)) yield* this.#elements(child, depth + 1)
  }

  /** A leaf or a branch, with all that it takes beyond one page. */
  #page(number: number, depth: number): Buffer {
    if (depth > DEPTH_MAX) throw new BoltError('its tree is deeper than any tree')
    const start = number * this.#pageSize
    const missing = (): BoltError => new BoltError(`page ${number} is missing; the file was cut off`)
    if (start + this.#pageSize > this.#source.length) throw missing()
    const page = this.#source.read(start, this.#pageSize)
    const kind = page.readUInt16LE(8)
    if (kind !== LEAF && kind !== BRANCH) throw new BoltError(`page ${number} is of no known kind`)
    const bytes = (1 + page.readUInt32LE(12)) * this.#pageSize
    if (start + bytes > this.#source.length) throw missing()
    return bytes === this.#pageSize ? page : this.#source.read(start, bytes)
  }

  #children(page: Buffer): number[] {
    return Array.from({ length: page.readUInt16LE(10) }, (_, index) => {
      const at = PAGE_HEADER_BYTES + index * ELEMENT_BYTES
      if (at + ELEMENT_BYTES > page.length) throw new BoltError('a page is cut off')
      return pageNumber(page.readBigUInt64LE(at + 8))
    })
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
      if (end > page.length) throw new BoltError('an entry reaches beyond its page')
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
  const pageSize = meta.readUInt32LE(8)
  if (!PAGE_SIZES.includes(pageSize)) return undefined
  return {
    pageSize,
    root: pageNumber(meta.readBigUInt64LE(16)),
    transaction: meta.readBigUInt64LE(48),
  }
}

function pageNumber(id: bigint): number {
  if (id > BigInt(Number.MAX_SAFE_INTEGER)) throw new BoltError('a page has a number that there is not')
  return Number(id)
}
