/** Frames are put together in pieces of memory of this size. */
const SLAB_BYTES = 64 * 1024
const SPARE_MAX = 64

const spare: Slab[] = []
let current: Slab | undefined

/**
 * Memory that connections fill one after the other, and that is used again once the sockets of all of them have taken what is theirs: a word to each of ten thousand watchers
 * needs the memory of ten thousand words. What a broken connection was given may still be read from, so that slab is left to the garbage collector.
 */
export class Slab {
  readonly buffer: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES)
  /** Up to here it is filled. */
  at = 0
  #users = 0

  /** One that has so much room. */
  static withRoom(bytes: number): Slab {
    if (current !== undefined && SLAB_BYTES - current.at >= bytes) return current
    const full = current
    current = spare.pop() ?? new Slab()
    if (full !== undefined) full.#reuse()
    return current
  }

  /** Somebody has something in it that was not taken yet. */
  hold(): void {
    this.#users++
  }

  release(): void {
    this.#users--
    this.#reuse()
  }

  #reuse(): void {
    if (this.#users > 0) return
    this.at = 0
    if (this !== current && spare.length < SPARE_MAX) spare.push(this)
  }
}
