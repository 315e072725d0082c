import { atNextTurn } from '#base'

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

/**
 * So many batches are filled in one turn of the event loop, for all clients together. What takes them at once gives them back in the next turn, so that the same few are
 * used again, they and what TLS makes of them, while they are in the CPU's cache; a batch for each of 128 clients was read and written in memory at each of three copies.
 */
const BATCHES_PER_TURN = 3

export interface Filler {
  /** It may fill a batch now. Called once for each time that it was told to wait, even if it has no use for it any more. */
  proceed(): void
}

let left = BATCHES_PER_TURN
let isScheduled = false
const waiting = new Set<Filler>()

/** Whether a batch may be filled in this turn. If not, `filler` is told when it may, after those who came before it; who holds a batch for long holds up nobody. */
export function mayFill(filler: Filler): boolean {
  if (!isScheduled) {
    isScheduled = true
    atNextTurn(turn)
  }
  if (left === 0) {
    waiting.add(filler)
    return false
  }
  left--
  return true
}

function turn(): void {
  isScheduled = false
  left = BATCHES_PER_TURN
  for (const filler of waiting) {
    if (left === 0) break
    waiting.delete(filler)
    filler.proceed()
  }
}
