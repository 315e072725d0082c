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

/** Lays out a whole database of bbolt at once: every bucket's entries, in order of their keys, packed into leaves, and branches above them as deep as it takes. */
export function writeBolt(buckets: ReadonlyMap<string, readonly BoltEntry[]>): Buffer {
  const pages = new Pages()
  const roots = [...buckets]
    .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map(([name, entries]): Element => {
      const value = Buffer.alloc(BUCKET_BYTES)
      value.writeBigUInt64LE(BigInt(pages.tree(entries.map((entry) => ({ ...entry, flags: 0 })))))
      return { flags: IS_BUCKET, key: Buffer.from(name), value }
    })
  return pages.finish(pages.tree(roots))
}

/** Pages in order of their numbers. The first two are the meta pages, the third is the list of free pages, which is empty. */
class Pages {
  readonly #done: Buffer[] = []
  #next = 3

  /** Resolves to the number of the root. */
  tree(elements: readonly Element[]): number {
    let level = runs(elements, ({ key, value }) => key.length + value.length).map((run) => ({
      key: run[0]?.key ?? Buffer.alloc(0),
      page: this.#leaf(run),
    }))
    while (level.length > 1)
      level = runs(level, ({ key }) => key.length).map((run) => ({ key: run[0]!.key, page: this.#branch(run) }))
    return level[0]!.page
  }

  finish(root: number): Buffer {
    return Buffer.concat([meta(0, root, this.#next), meta(1, root, this.#next), freelist(), ...this.#done])
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
    this.#done.push(page)
    return number
  }
}

/** Cuts elements into runs that fill a page each; what is larger than a page is alone. One run at least. */
function runs<T>(elements: readonly T[], bytesOf: (element: T) => number): T[][] {
  const all: T[][] = [[]]
  let bytes = PAGE_HEADER_BYTES
  for (const element of elements) {
    const more = ELEMENT_BYTES + bytesOf(element)
    const last = all.at(-1)!
    // A branch of one child would add a level and nothing else, so two always go together.
    if (last.length >= 2 && (bytes + more > PAGE_BYTES || last.length >= ELEMENTS_MAX)) {
      all.push([element])
      bytes = PAGE_HEADER_BYTES + more
    } else {
      last.push(element)
      bytes += more
    }
  }
  return all
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
