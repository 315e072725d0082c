/** So much of a long body is in memory for each client that reads one: a TLS record and a system call for each of its small parts would cost more than the copy. Node's TLS gives the kernel so much in one call. */
export const BATCH_BYTES = 160 * 1024

/** Buffers for batches that nobody is writing from. */
const spare: Buffer[] = []
const SPARE_MAX = 8

export const borrowBatch = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES)

/** Not called for a buffer that may still be read from, since its client went away. */
export function returnBatch(batch: Buffer): void {
  if (spare.length < SPARE_MAX) spare.push(batch)
}
