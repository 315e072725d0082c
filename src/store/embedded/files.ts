import { dirname } from 'node:path'
import type { Random } from '#base'
import type { History, LogRecord } from '../history.ts'
import { type Disk, type DiskFile, writeAll } from './disk.ts'
import { encodeHeader, endMark, FrameEncoder, HEADER_BYTES } from './format.ts'
import { Pace, PIECE_BYTES, PIECE_BYTES_MAX } from './pace.ts'

/**
 * What a store keeps in its directory, numbered in one row: a checkpoint has everything from before the log of the same number, and the logs from there on have the
 * changes since.
 *
 *     00000003.checkpoint  00000003.log  00000004.log  00000005.log
 */
export interface StoreFile {
  readonly sequence: number
  readonly kind: 'log' | 'checkpoint'
}

export const nameOf = ({ sequence, kind }: StoreFile): string => `${String(sequence).padStart(8, '0')}.${kind}`

/** Undefined for what is not ours. */
export function parseName(name: string): StoreFile | undefined {
  const parts = /^(\d{8,})\.(log|checkpoint)$/.exec(name)
  return parts === null ? undefined : { sequence: Number(parts[1]), kind: parts[2] as StoreFile['kind'] }
}

/** Of a file that is being made; it gets its name when it is whole. */
export const UNFINISHED = '.new'

/** The log that frames go to. */
export interface Segment {
  readonly sequence: number
  readonly path: string
  readonly file: DiskFile
  readonly salt: Buffer
  readonly size: number
  /** Where the next frame goes. */
  position: number
}

export interface Place {
  readonly disk: Disk
  readonly directory: string
  readonly random: Random
  /** Which store it is. */
  readonly store: Buffer
}

const ZEROS = Buffer.alloc(PIECE_BYTES_MAX)
const CHECKPOINT_FRAME_BYTES = 256 * 1024

/** Makes a log of `size` bytes of zeros: a frame then changes nothing but its own sectors. It is shorter when it is needed before. */
export async function createLog(place: Place, sequence: number, size: number, pace = new Pace()): Promise<Segment> {
  const path = `${place.directory}/${nameOf({ sequence, kind: 'log' })}`
  const salt = drawSalt(place.random)
  let end = HEADER_BYTES
  await createFile(place, path, async (file, unfinished) => {
    await writeAll(file, encodeHeader({ kind: 'log', store: place.store, salt, sequence, compacted: 0, revision: 0 }), 0)
    // One call for each piece: this thread may be long in coming back to it.
    await using durable = await place.disk.open(unfinished, 'durable')
    while (end < size && !pace.isEnough(end)) {
      const from = end
      end = Math.min(from + pace.pieceBytes, size)
      await writeZeros(durable, from, end)
    }
  })
  return { sequence, path, file: await place.disk.open(path, 'durable'), salt, size: end, position: HEADER_BYTES }
}

export async function writeZeros(file: DiskFile, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += ZEROS.length) await writeAll(file, ZEROS.subarray(0, Math.min(ZEROS.length, to - at)), at)
}

/** Again, behind a frame that ends at `position`. */
export async function writeMark(file: DiskFile, salt: Buffer, position: number): Promise<void> {
  const mark = endMark(salt)
  await writeAll(file, mark, position - mark.length)
}

export interface CheckpointOptions {
  readonly sequence: number
  readonly history: History
  /** Of the commits beside it, if there are any. */
  readonly pace?: Pace
  readonly signal?: AbortSignal
}

/** Writes all of a state to a file that is whole or not there. Resolves to its size in bytes. */
export async function writeCheckpoint(
  place: Place,
  path: string,
  { sequence, history, pace = new Pace(), signal }: CheckpointOptions,
): Promise<number> {
  const salt = drawSalt(place.random)
  const encoder = new FrameEncoder(salt)
  let position = HEADER_BYTES
  await createFile(place, path, async (file) => {
    let unsynced = 0
    const flush = async (): Promise<void> => {
      const frame = encoder.finish()
      await writeAll(file, frame, position)
      position += frame.length
      unsynced += frame.length
      if (unsynced < PIECE_BYTES) return
      await file.sync()
      await pace.after(unsynced)
      unsynced = 0
    }
    const { compactedRevision: compacted, revision } = history
    await writeAll(file, encodeHeader({ kind: 'checkpoint', store: place.store, salt, sequence, compacted, revision }), 0)
    for (const record of recordsOf(history)) {
      encoder.add(record)
      if (encoder.byteLength < CHECKPOINT_FRAME_BYTES) continue
      signal?.throwIfAborted()
      await flush()
    }
    if (encoder.records > 0) await flush()
    await flush()
  })
  return position
}

function* recordsOf(history: History): Generator<LogRecord, undefined> {
  yield* history.kept()
  yield* history.applied()
}

async function createFile(
  { disk }: Place,
  path: string,
  fill: (file: DiskFile, unfinished: string) => Promise<void>,
): Promise<void> {
  const unfinished = path + UNFINISHED
  try {
    {
      await using file = await disk.open(unfinished, 'create')
      await fill(file, unfinished)
      await file.sync()
    }
    await disk.rename(unfinished, path)
    await disk.syncDirectory(dirname(path))
  } catch (error) {
    // What is left of it may keep the space that was missing.
    await disk.remove(unfinished).catch(() => undefined)
    throw error
  }
}

/** Never begins like the zeros that it stands between. */
function drawSalt(random: Random): Buffer {
  const salt = Buffer.from(random.bytes(8))
  salt[0]! |= 1
  return salt
}
