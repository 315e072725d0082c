const SLAB_BYTES = 64 * 1024
/** What is longer has memory of its own, so that no slab ends far from full. */
const IN_SLAB_MAX = SLAB_BYTES / 4

let slab = Buffer.alloc(0)
let used = 0

/** A copy of a head and what it leads, for as long as an object's version is kept. What is kept next mostly follows it in memory, so that a list of all is few long pieces. */
export function keptMessage(head: Uint8Array, message: Uint8Array): Buffer {
  const length = head.length + message.length
  const kept = length > IN_SLAB_MAX ? Buffer.allocUnsafeSlow(length) : inSlab(length)
  kept.set(head)
  kept.set(message, head.length)
  return kept
}

function inSlab(length: number): Buffer {
  if (used + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    used = 0
  }
  used += length
  return slab.subarray(used - length, used)
}

/** The same bytes in as few pieces: what follows the one before it in memory is joined with it, uncopied. */
export function joinNeighbours(pieces: Iterable<Uint8Array>): readonly Uint8Array[] {
  const joined: Uint8Array[] = []
  let memory: ArrayBufferLike | undefined
  let [from, to] = [0, 0]
  const close = (): void => {
    if (memory !== undefined) joined.push(new Uint8Array(memory, from, to - from))
  }
  for (const { buffer, byteOffset, byteLength } of pieces) {
    if (buffer !== memory || byteOffset !== to) {
      close()
      memory = buffer
      from = byteOffset
    }
    to = byteOffset + byteLength
  }
  close()
  return joined
}
