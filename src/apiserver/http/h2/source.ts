import { FLAGS, HEAD_BYTES, TYPES, writeHead } from './frames.ts'

/** A body of a length that is known, read as it is sent. */
export interface Source {
  /** Copies what comes next to the beginning of a buffer and says how much that was; 0 at the end. */
  readonly read: (target: Buffer) => number
  left: number
}

/** Reads the next frame of data, of at most `most` bytes, to a place in memory that has as many and those of a frame's head. How many it has; 0: the source has failed. */
export function readFrame(source: Source, target: Buffer, at: number, most: number, stream: number): number {
  const from = at + HEAD_BYTES
  const length = source.read(target.subarray(from, from + most))
  // One that has more than it said would be no answer any more.
  if (length > source.left) return 0
  source.left -= length
  writeHead(target, at, length, TYPES.data, source.left === 0 ? FLAGS.endStream : 0, stream)
  return length
}
