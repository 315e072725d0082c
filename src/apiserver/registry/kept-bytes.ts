const SLAB_BYTES = 64 * 1024
/** What is longer has memory of its own, so that no slab ends far from full. */
const IN_SLAB_MAX = SLAB_BYTES / 4
/** In UTF-8, of a unit of UTF-16. */
const BYTES_PER_UNIT_MAX = 3

let slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
let used = 0

/** The UTF-8 of a text that is kept, beside others like it. In Node's pool it would lie among bytes of requests and answers, which would then stay for as long. */
export function keptBytes(text: string): Uint8Array {
  const most = text.length * BYTES_PER_UNIT_MAX
  const needed = most <= SLAB_BYTES - used ? most : Buffer.byteLength(text)
  if (needed > SLAB_BYTES - used) {
    if (needed > IN_SLAB_MAX) {
      const own = Buffer.allocUnsafeSlow(needed)
      own.write(text, 'utf8')
      return own
    }
    slab = Buffer.allocUnsafeSlow(SLAB_BYTES)
    used = 0
  }
  const start = used
  used += slab.write(text, start, 'utf8')
  return slab.subarray(start, used)
}
