import {
  type BoltEntry,
  BRANCH,
  BUCKET_BYTES,
  ELEMENT_BYTES,
  FREELIST,
  fnv1a,
  IS_BUCKET,
  LEAF,
  MAGIC,
  META,
  META_SUMMED_BYTES,
  PAGE_HEADER_BYTES,
  VERSION,
} from './bolt-reader.ts'

const PAGE_BYTES = 4096
/** The counts of a page are of 16 bits. */
const ELEMENTS_MAX = 0xfff0

interface Element extends BoltEntry {
  readonly flags: number
}

/** A page that was laid out: its first key, and its number. */
interface Child {
  readonly key: Buffer
  readonly page: number
}

/** What a database is written to. */
export interface BoltTarget {
  write(bytes: Buffer, position: number): void
}

/** Where pages of one level of a tree are gathered until one is full. */
interface Level {
  children: Child[]
  bytes: number
}

/**
 * Lays out a database of bbolt from front to back: entries of each bucket, in order of their keys, packed into leaves, and branches above them as deep as it takes. Of each level of
 * a tree one page is kept, so that memory does not grow with the database. The first two pages say where the root is, and are written last.
 */
export class BoltWriter {
  readonly #target: BoltTarget
  readonly #buckets: Element[] = []
  /** The third page is the list of free pages, which is empty. */
  #next = 3

  constructor(target: BoltTarget) {
    this.#target = target
  }

  /** Writes all of a bucket. Entries come in order of their keys. */
  bucket(name: string, entries: Iterable<BoltEntry>): void {
    const value = Buffer.alloc(BUCKET_BYTES)
    value.writeBigUInt64LE(BigInt(this.#tree(plain(entries))))
    this.#buckets.push({ flags: IS_BUCKET, key: Buffer.from(name), value })
  }

  /** Makes a database of the buckets. Returns how many bytes it takes. */
  finish(): number {
    const root = this.#tree(this.#buckets.sort((a, b) => Buffer.compare(a.key, b.key)))
    for (const number of [0, 1]) this.#target.write(meta(number, root, this.#next), number * PAGE_BYTES)
    this.#target.write(freelist(), 2 * PAGE_BYTES)
    return this.#next * PAGE_BYTES
  }

  /** Returns the number of the root. */
  #tree(elements: Iterable<Element>): number {
    const levels: Level[] = []
    for (const run of runs(elements, ({ key, value }) => key.length + value.length))
      this.#add(levels, 0, { key: run[0]?.key ?? Buffer.alloc(0), page: this.#leaf(run) })
    for (let depth = 0; ; depth++) {
      const { children } = levels[depth]!
      if (children.length === 1 && depth === levels.length - 1) return children[0]!.page
      this.#add(levels, depth + 1, { key: children[0]!.key, page: this.#branch(children) })
    }
  }

  #add(levels: Level[], depth: number, child: Child): void {
    const level = (levels[depth] ??= { children: [], bytes: PAGE_HEADER_BYTES })
    const bytes = ELEMENT_BYTES + child.key.length
    if (isFull(level.children.length, level.bytes + bytes)) {
      const { children } = level
      levels[depth] = { children: [child], bytes: PAGE_HEADER_BYTES + bytes }
      this.#add(levels, depth + 1, { key: children[0]!.key, page: this.#branch(children) })
    } else {
      level.children.push(child)
      level.bytes += bytes
    }
  }

  #leaf(elements: readonly Element[]): number {
    return this.#page(
      LEAF,
      elements,
      ({ key, value }) => [key, value],
      ({ flags, key, value }, header, offset) => {
        header.writeUInt32LE(flags, 0)
        header.writeUInt32LE(offset, 4)
        header.writeUInt32LE(key.length, 8)
        header.writeUInt32LE(value.length, 12)
      },
    )
  }

  #branch(children: readonly Child[]): number {
    return this.#page(
      BRANCH,
      children,
      ({ key }) => [key],
      ({ key, page }, header, offset) => {
        header.writeUInt32LE(offset, 0)
        header.writeUInt32LE(key.length, 4)
        header.writeBigUInt64LE(BigInt(page), 8)
      },
    )
  }

  /** Headers of all elements first, then what they point at, which may take more than one page. */
  #page<T>(
    kind: number,
    elements: readonly T[],
    bodyOf: (element: T) => readonly Buffer[],
    describe: (element: T, header: Buffer, offset: number) => void,
  ): number {
    const bodies = elements.map((element) => Buffer.concat(bodyOf(element)))
    const bytes = PAGE_HEADER_BYTES + elements.length * ELEMENT_BYTES + bodies.reduce((sum, each) => sum + each.length, 0)
    const count = Math.ceil(bytes / PAGE_BYTES)
    const page = Buffer.alloc(count * PAGE_BYTES)
    const number = this.#next
    this.#next += count
    writeHeader(page, { number, kind, count: elements.length, overflow: count - 1 })
    let at = PAGE_HEADER_BYTES + elements.length * ELEMENT_BYTES
    for (const [index, element] of elements.entries()) {
      const start = PAGE_HEADER_BYTES + index * ELEMENT_BYTES
      describe(element, page.subarray(start, start + ELEMENT_BYTES), at - start)
      bodies[index]!.copy(page, at)
      at += bodies[index]!.length
    }
    this.#target.write(page, number * PAGE_BYTES)
    return number
  }
}

function* plain(entries: Iterable<BoltEntry>): Generator<Element> {
  for (const entry of entries) yield { ...entry, flags: 0 }
}

/** Whether a page of so many elements, and so many bytes with one more, takes no more. A branch of one child would add a level and nothing else, so two always go together. */
const isFull = (elements: number, bytes: number): boolean => elements >= 2 && (bytes > PAGE_BYTES || elements >= ELEMENTS_MAX)

/** Cuts elements into runs that fill a page each; what is larger than a page is alone. One run at least. */
function* runs<T>(elements: Iterable<T>, bytesOf: (element: T) => number): Generator<T[]> {
  let run: T[] = []
  let bytes = PAGE_HEADER_BYTES
  for (const element of elements) {
    const more = ELEMENT_BYTES + bytesOf(element)
    if (isFull(run.length, bytes + more)) {
      yield run
      run = []
      bytes = PAGE_HEADER_BYTES
    }
    run.push(element)
    bytes += more
  }
  yield run
}

function meta(number: number, root: number, next: number): Buffer {
  const page = Buffer.alloc(PAGE_BYTES)
  writeHeader(page, { number, kind: META, count: 0, overflow: 0 })
  const body = page.subarray(PAGE_HEADER_BYTES)
  body.writeUInt32LE(MAGIC, 0)
  body.writeUInt32LE(VERSION, 4)
  body.writeUInt32LE(PAGE_BYTES, 8)
  body.writeBigUInt64LE(BigInt(root), 16)
  body.writeBigUInt64LE(2n, 32)
  body.writeBigUInt64LE(BigInt(next), 40)
  body.writeBigUInt64LE(BigInt(number), 48)
  body.writeBigUInt64LE(fnv1a(body.subarray(0, META_SUMMED_BYTES)), META_SUMMED_BYTES)
  return page
}

function freelist(): Buffer {
  const page = Buffer.alloc(PAGE_BYTES)
  writeHeader(page, { number: 2, kind: FREELIST, count: 0, overflow: 0 })
  return page
}

function writeHeader(
  page: Buffer,
  { number, kind, count, overflow }: { number: number; kind: number; count: number; overflow: number },
): void {
  page.writeBigUInt64LE(BigInt(number), 0)
  page.writeUInt16LE(kind, 8)
  page.writeUInt16LE(count, 10)
  page.writeUInt32LE(overflow, 12)
}
