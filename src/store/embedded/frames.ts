import type { History, LogRecord } from '../history.ts'
import type { Revision } from '../store.ts'
import { DamagedStore, newerVersion } from './damage.ts'
import type { DiskFile } from './disk.ts'
import {
  decodeFrameHeader,
  decodeHeader,
  decodeItems,
  endMark,
  type FileHeader,
  type FileKind,
  FORMAT_VERSION,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  frameBytes,
  HEADER_BYTES,
  hex,
  type Item,
  payloadChecksum,
  SECTOR_BYTES,
} from './format.ts'
import { Window } from './window.ts'

/** A file of the store that is being read. */
export interface Source {
  readonly path: string
  readonly file: DiskFile
}

/** Throws {@link DamagedStore}, or that the file is of a newer version. */
export async function readHeader({ path, file }: Source, kind: FileKind, revision: Revision): Promise<FileHeader> {
  const bytes = Buffer.alloc(HEADER_BYTES)
  const header = decodeHeader(bytes.subarray(0, await file.read(bytes, 0)), kind)
  if (!('problem' in header)) return header
  if (header.version !== undefined) throw newerVersion(path, header.version, FORMAT_VERSION)
  throw new DamagedStore(path, 0, revision, header.problem)
}

/** Where a log ends: the next frame goes to `position`. What a crash left half-written lies before `remainsEnd`. */
export interface LogEnd {
  readonly position: number
  readonly size: number
  readonly remainsEnd: number
  /** Whether the mark behind the last frame was cut off; the frame is whole all the same. */
  readonly isUnmarked: boolean
}

/**
 * Takes all that a log holds into `history`. A frame that was being written when the process or the machine died was never acknowledged, and is left out. Throws
 * {@link DamagedStore} for anything else that is not whole.
 */
export async function readLog(source: Source, { salt }: FileHeader, history: History): Promise<LogEnd> {
  const size = await source.file.size()
  const window = new Window(source.file, size)
  const damaged = (offset: number, what: string): Error => new DamagedStore(source.path, offset, history.revision, what)
  const mark = endMark(salt)
  let position = HEADER_BYTES
  let isMarked = true
  for (;;) {
    const frame = decodeFrameHeader(await window.at(position, FRAME_HEADER_BYTES), 0, salt)
    if (frame === undefined) break
    // Behind the last frame it may be cut off, behind others not.
    if (!isMarked) throw damaged(position - mark.length, 'the mark that ends a frame has changed')
    // Zeros follow every frame, so that a file never ends with one.
    if (position + frameBytes(frame) >= size)
      throw damaged(size, 'the file ends within a frame or right after it: it was cut off')
    const payload = await payloadAt(window, position, frame)
    if (payloadChecksum(payload) !== frame.checksum) return await endOf(position, frame, payload)
    takeFrame(payload, history, (what) => damaged(position, what))
    position += frameBytes(frame)
    isMarked = mark.equals(await window.at(position - mark.length, mark.length))
  }
  if (position >= size) throw damaged(size, 'the file ends where frames may follow: it was cut off')
  return endOf(position, undefined, undefined)

  async function endOf(at: number, frame: FrameHeader | undefined, payload: Buffer | undefined): Promise<LogEnd> {
    const tail = Buffer.allocUnsafeSlow(size - at)
    await source.file.read(tail, at)
    const end = usedBytes(tail)
    const why = damageOf(tail.subarray(0, end), at, salt, frame)
    if (why === undefined) return { position: at, size, remainsEnd: at + end, isUnmarked: !isMarked }
    const found =
      payload === undefined ? 'no frame can be read' : `${nameOf(frame!)} has the checksum ${hex(payloadChecksum(payload))}`
    const expected = payload === undefined ? `one that begins with revision ${history.revision + 1}` : hex(frame!.checksum)
    throw damaged(at, `${found} where ${expected} was expected, and ${why}`)
  }
}

/** What a checkpoint is read into. */
export interface CheckpointSink extends Pick<History, 'revision' | 'restore' | 'keep'> {
  apply(record: LogRecord): unknown
}

/** Takes a checkpoint into an empty history. Nothing in it may be missing. */
export async function readCheckpoint(source: Source, header: FileHeader, history: CheckpointSink): Promise<void> {
  const size = await source.file.size()
  const window = new Window(source.file, size)
  const damaged = (offset: number, what: string): Error => new DamagedStore(source.path, offset, history.revision, what)
  const mark = endMark(header.salt)
  history.restore(header.compacted, header.compacted)
  for (let position = HEADER_BYTES; ; ) {
    const frame = decodeFrameHeader(await window.at(position, FRAME_HEADER_BYTES), 0, header.salt)
    if (frame === undefined) throw damaged(position, 'no frame can be read where one was expected')
    if (position + frameBytes(frame) > size) throw damaged(size, 'the file ends within a frame: it was cut off')
    const payload = await payloadAt(window, position, frame)
    const found = payloadChecksum(payload)
    if (found !== frame.checksum)
      throw damaged(position, `${nameOf(frame)} has the checksum ${hex(found)} where ${hex(frame.checksum)} was expected`)
    position += frameBytes(frame)
    if (!mark.equals(await window.at(position - mark.length, mark.length)))
      throw damaged(position - mark.length, 'the mark that ends a frame has changed')
    if (frame.records === 0) {
      if (position !== size) throw damaged(position, 'something follows the end')
      history.restore(header.compacted, header.revision)
      return
    }
    for (const item of decodeItems(payload)) {
      if (item.kind !== 'record') throw damaged(position, 'a note stands where only entries were expected')
      if (item.record.revision <= header.compacted) history.keep(item.record)
      else history.apply(item.record)
    }
  }
}

/** A copy, whose values stay: a piece of the window would keep all of it. */
async function payloadAt(window: Window, position: number, frame: FrameHeader): Promise<Buffer> {
  const payload = Buffer.allocUnsafeSlow(frame.length)
  payload.set(await window.at(position + FRAME_HEADER_BYTES, frame.length))
  return payload
}

function takeFrame(payload: Buffer, history: History, damaged: (what: string) => Error): void {
  const take = (item: Item): void => {
    if (item.kind === 'compacted') {
      // A log that is older than its checkpoint tells nothing new.
      if (item.revision > history.compactedRevision) history.compact(item.revision)
      return
    }
    const { revision } = item.record
    if (revision !== history.revision + 1)
      throw damaged(`the next change is of revision ${revision} where ${history.revision + 1} was expected`)
    history.apply(item.record)
  }
  for (const item of decodeItems(payload)) take(item)
}

const nameOf = ({ records, firstRevision }: FrameHeader): string =>
  records === 1
    ? `the frame of revision ${firstRevision}`
    : `the frame of revisions ${firstRevision} to ${firstRevision + records - 1}`

/**
 * Why what follows the last whole frame, at `position`, was once acknowledged, in a few words; undefined when it was not, or when there is nothing. One frame is on its way to disk at a
 * time, into zeros: when a later frame is there, this one had been acknowledged; and when none of its sectors is missing, it had been written whole and has changed since.
 */
function damageOf(tail: Buffer, position: number, salt: Buffer, frame: FrameHeader | undefined): string | undefined {
  if (tail.length === 0) return undefined
  for (let at = tail.indexOf(salt, 1); at !== -1; at = tail.indexOf(salt, at + 1))
    if (decodeFrameHeader(tail, at, salt) !== undefined) return `a later frame follows ${at} bytes after it`
  const end = frame === undefined ? tail.length : frameBytes(frame)
  const mark = endMark(salt)
  if (end > tail.length || end < mark.length || tail.compare(mark, 0, mark.length, end - mark.length, end) !== 0) return undefined
  for (let at = 0, next = SECTOR_BYTES - (position % SECTOR_BYTES); at < end; at = next, next += SECTOR_BYTES)
    if (isZero(tail.subarray(at, Math.min(end, next)))) return undefined
  return 'all of it had been written'
}

const ZEROS = Buffer.alloc(64 * 1024)

const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length))

/** How many bytes there are before nothing but zeros. */
function usedBytes(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && isZero(bytes.subarray(Math.max(0, end - ZEROS.length), end))) end = Math.max(0, end - ZEROS.length)
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}
