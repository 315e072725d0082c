import type { BodyParts } from '#client'

/** Small answers are put together in pieces of this size: memory of its own for each costs more than the copy. */
const SLAB_BYTES = 64 * 1024
/** Larger ones get their own, so that not much of a slab stays empty. */
const SLAB_SHARE_MAX = SLAB_BYTES / 4

let slab = Buffer.alloc(0)
let filled = 0

/** The parts of a body as one piece; nothing is copied when there is one. What was handed out is never written again. */
export function together(parts: BodyParts): Uint8Array {
  const { byteLength } = parts
  let whole: Buffer | undefined
  let at = 0
  for (const part of parts) {
    if (part.length === byteLength) return part
    whole ??= memoryFor(byteLength)
    whole.set(part, at)
    at += part.length
  }
  return whole ?? slab.subarray(0, 0)
}

function memoryFor(length: number): Buffer {
  if (length > SLAB_SHARE_MAX) return Buffer.allocUnsafeSlow(length)
  if (filled + length > slab.length) {
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    filled = 0
  }
  filled += length
  return slab.subarray(filled - length, filled)
}
