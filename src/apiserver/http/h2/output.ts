import type { Duplex } from 'node:stream'
import { HEAD_BYTES, writeHead } from './frames.ts'
import { readFrame, type Source } from './source.ts'

/** Frames are put together in pieces of this size, which are used again once a socket has taken them. */
const SLAB_BYTES = 64 * 1024
/** Of all connections together. */
const SPARE_MAX = 64
/** What is shared by many and larger is not copied. */
const COPY_BYTES_MAX = 16 * 1024
/** So much a socket may have before it that it has not taken; then nothing is added but what is under way. */
const PENDING_BYTES_MAX = 128 * 1024

const spare: Buffer[] = []

/** What goes out over one connection: all of one turn of the event loop as one write. */
export class Output {
  readonly #socket: Duplex
  readonly #drained: () => void
  #pieces: Uint8Array[] = []
  #bytes = 0
  #slab: Buffer | undefined
  /** Of the slab: what is in pieces already, and what is filled. */
  #from = 0
  #at = 0
  #slabs: Buffer[] = []
  #done: (() => void)[] = []
  #isScheduled = false
  /** Whether somebody will flush it who is still reading. */
  #isHeld = false

  /** `drained` is called whenever the socket has taken what it was given. */
  constructor(socket: Duplex, drained: () => void) {
    this.#socket = socket
    this.#drained = drained
  }

  get isFull(): boolean {
    return this.#bytes + this.#socket.writableLength >= PENDING_BYTES_MAX
  }

  /** While `work` runs nothing is written; what it added goes out together at its end. */
  together(work: () => void): void {
    this.#isHeld = true
    try {
      work()
    } finally {
      this.#isHeld = false
      this.flush()
    }
  }

  /** The head of a frame, whose payload is added by others. */
  head(length: number, type: number, flags: number, stream: number): void {
    const slab = this.#room(HEAD_BYTES)
    this.#at = writeHead(slab, this.#at, length, type, flags, stream)
    this.#count(HEAD_BYTES)
  }

  copy(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const slab = this.#room(1)
      const length = Math.min(bytes.length - from, slab.length - this.#at)
      slab.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), this.#at)
      this.#at += length
      from += length
    }
    this.#count(bytes.length)
  }

  /** A frame of data of at most `most` bytes, read from a source. How much it is; 0: the source has failed. */
  fill(most: number, source: Source, stream: number): number {
    const slab = this.#room(HEAD_BYTES + most)
    const length = readFrame(source, slab, this.#at, most, stream)
    if (length === 0) return 0
    this.#at += HEAD_BYTES + length
    this.#count(HEAD_BYTES + length)
    return length
  }

  /** What nobody changes any more: it is copied only if that is cheaper. */
  share(bytes: Uint8Array): void {
    if (bytes.length <= COPY_BYTES_MAX) this.copy(bytes)
    else this.#push(bytes)
  }

  /** What is the caller's again when `done` is called; that is never, if the connection breaks. */
  lend(bytes: Uint8Array, done: () => void): void {
    this.#push(bytes)
    this.#done.push(done)
  }

  #push(bytes: Uint8Array): void {
    this.#seal()
    this.#pieces.push(bytes)
    this.#count(bytes.length)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#isHeld || this.#isScheduled) return
    this.#isScheduled = true
    process.nextTick(() => {
      this.#isScheduled = false
      this.flush()
    })
  }

  /** A slab with so much room. */
  #room(bytes: number): Buffer {
    if (this.#slab !== undefined && this.#slab.length - this.#at >= bytes) return this.#slab
    this.#seal()
    this.#slab = spare.pop() ?? Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.#slabs.push(this.#slab)
    this.#from = 0
    this.#at = 0
    return this.#slab
  }

  #seal(): void {
    if (this.#slab === undefined || this.#at === this.#from) return
    this.#pieces.push(this.#slab.subarray(this.#from, this.#at))
    this.#from = this.#at
  }

  flush(): void {
    if (this.#bytes === 0) return
    this.#seal()
    const [socket, pieces, slabs, done] = [this.#socket, this.#pieces, this.#slabs, this.#done]
    this.#pieces = []
    this.#slabs = []
    this.#slab = undefined
    this.#bytes = 0
    this.#done = []
    if (socket.destroyed || !socket.writable) return
    const taken = (error?: Error | null): void => {
      // What a broken connection was given may still be read from.
      if (error) return
      for (const slab of slabs) if (spare.length < SPARE_MAX) spare.push(slab)
      for (const each of done) each()
      this.#drained()
    }
    if (pieces.length === 1) {
      socket.write(pieces[0], taken)
      return
    }
    socket.cork()
    for (let at = 0; at < pieces.length - 1; at++) socket.write(pieces[at])
    socket.write(pieces.at(-1), taken)
    socket.uncork()
  }
}
