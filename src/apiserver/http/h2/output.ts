import type { Duplex } from 'node:stream'
import { HEAD_BYTES, writeHead } from './frames.ts'
import { Slab } from './slab.ts'
import { readFrame, type Source } from './source.ts'

/** What is shared by many and larger is not copied. */
const COPY_BYTES_MAX = 16 * 1024
/** So much a socket may have before it that it has not taken; then nothing is added but what is under way. */
const PENDING_BYTES_MAX = 128 * 1024

/** What goes out over one connection: all of one turn of the event loop as one write. */
export class Output {
  readonly #socket: Duplex
  readonly #drained: () => void
  #pieces: Uint8Array[] = []
  #bytes = 0
  #slab: Slab | undefined
  /** Of the slab: what is in no piece yet begins and ends here. */
  #from = 0
  #at = 0
  #slabs: Slab[] = []
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
    const { buffer, at } = this.#room(HEAD_BYTES)
    writeHead(buffer, at, length, type, flags, stream)
    this.#filled(HEAD_BYTES)
  }

  copy(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; ) {
      const { buffer, at } = this.#room(1)
      const length = Math.min(bytes.length - from, buffer.length - at)
      buffer.set(length === bytes.length ? bytes : bytes.subarray(from, from + length), at)
      this.#filled(length)
      from += length
    }
  }

  /** A frame of data of at most `most` bytes, read from a source. How much it is; 0: the source has failed. */
  fill(most: number, source: Source, stream: number): number {
    const { buffer, at } = this.#room(HEAD_BYTES + most)
    const length = readFrame(source, buffer, at, most, stream)
    if (length > 0) this.#filled(HEAD_BYTES + length)
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

  /** A slab with so much room; what is written to it next follows what this connection wrote, or begins a piece. */
  #room(bytes: number): Slab {
    const slab = Slab.withRoom(bytes)
    if (slab === this.#slab && slab.at === this.#at) return slab
    this.#seal()
    if (!this.#slabs.includes(slab)) {
      slab.hold()
      this.#slabs.push(slab)
    }
    this.#slab = slab
    this.#from = slab.at
    this.#at = slab.at
    return slab
  }

  #filled(bytes: number): void {
    this.#at += bytes
    this.#slab!.at = this.#at
    this.#count(bytes)
  }

  #seal(): void {
    if (this.#slab === undefined || this.#at === this.#from) return
    this.#pieces.push(this.#slab.buffer.subarray(this.#from, this.#at))
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
    if (socket.destroyed || !socket.writable) {
      for (const slab of slabs) slab.release()
      return
    }
    const taken = (error?: Error | null): void => {
      // What a broken connection was given may still be read from.
      if (error) return
      for (const slab of slabs) slab.release()
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
