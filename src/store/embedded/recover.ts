import type { Log } from '#base'
import { History } from '../history.ts'
import { DamagedStore } from './damage.ts'
import type { Disk, DiskFile } from './disk.ts'
import {
  createLog,
  nameOf,
  type Place,
  parseName,
  type Segment,
  type StoreFile,
  UNFINISHED,
  writeMark,
  writeZeros,
} from './files.ts'
import type { FileHeader } from './format.ts'
import { readCheckpoint, readHeader, readLog, type Source } from './frames.ts'

/** What a directory held. */
export interface Recovered {
  readonly history: History
  readonly place: Place
  /** The log that frames go to. */
  readonly segment: Segment
  /** In use, of all logs and of the checkpoint. */
  readonly logBytes: number
  readonly checkpointBytes: number
}

export interface Sizes {
  /** A log is small while there is little to keep, and twice the last as long as more comes. */
  readonly segmentBytesMin: number
  readonly segmentBytesMax: number
  /** Logs are read at each start, and keep what is superseded: past this, and past what a checkpoint takes, they are replaced by one. */
  readonly logBytesBeforeCheckpoint: number
}

export const SIZES: Sizes = {
  segmentBytesMin: 4 * 1024 * 1024,
  segmentBytesMax: 64 * 1024 * 1024,
  logBytesBeforeCheckpoint: 8 * 1024 * 1024,
}

/** Reads all that is there, and makes it ready to be written to. Throws `DamagedStore` rather than leave out what was acknowledged. */
export async function recover({ disk, directory, random }: Omit<Place, 'store'>, log: Log, sizes: Sizes): Promise<Recovered> {
  const { checkpoint, logs } = await inventory(disk, directory)
  const history = new History()
  let store: Buffer | undefined
  let checkpointBytes = 0
  if (checkpoint !== undefined) {
    await using source = await openSource(disk, directory, checkpoint)
    const header = await readHeader(source, 'checkpoint', 0)
    belongs(source, header, checkpoint, header.store, history)
    await readCheckpoint(source, header, history)
    store = header.store
    checkpointBytes = await source.file.size()
  }
  let logBytes = 0
  let segment: Segment | undefined
  for (const each of logs) {
    const found = await recoverLog(disk, directory, each, { store, history, log })
    await segment?.file[Symbol.asyncDispose]()
    segment = found.segment
    store ??= found.store
    logBytes += segment.position
  }
  const place = { disk, directory, random, store: store ?? Buffer.from(random.bytes(16)) }
  // What a crash has left may not be on disk yet, and is about to be shown.
  await disk.syncDirectory(directory)
  segment ??= await createLog(place, checkpoint?.sequence ?? 0, sizes.segmentBytesMin)
  return { history, place, segment, logBytes, checkpointBytes }
}

interface Inventory {
  readonly checkpoint: StoreFile | undefined
  readonly logs: readonly StoreFile[]
}

/** The newest checkpoint and the logs that follow it. What they replaced, and what was never finished, is removed. */
async function inventory(disk: Disk, directory: string): Promise<Inventory> {
  const names = await disk.list(directory)
  const files = names.flatMap((name) => parseName(name) ?? []).sort((a, b) => a.sequence - b.sequence)
  const checkpoint = files.findLast(({ kind }) => kind === 'checkpoint')
  const first = checkpoint?.sequence ?? 0
  for (const name of names) {
    const isUnfinished = name.endsWith(UNFINISHED) && parseName(name.slice(0, -UNFINISHED.length)) !== undefined
    const file = parseName(name)
    if (isUnfinished || (file !== undefined && file.sequence < first)) await disk.remove(`${directory}/${name}`)
  }
  const logs = files.filter(({ kind, sequence }) => kind === 'log' && sequence >= first)
  for (const [index, { sequence }] of logs.entries()) {
    if (sequence === first + index) continue
    const missing = index === 0 && checkpoint === undefined ? 'checkpoint' : 'log'
    const expected = missing === 'checkpoint' ? sequence : first + index
    throw new DamagedStore(`${directory}/${nameOf({ sequence: expected, kind: missing })}`, 0, 0, 'the file is missing')
  }
  if (logs.length === 0 && first > 0)
    throw new DamagedStore(`${directory}/${nameOf({ sequence: first, kind: 'log' })}`, 0, 0, 'the file is missing')
  return { checkpoint, logs }
}

async function recoverLog(
  disk: Disk,
  directory: string,
  { sequence, kind }: StoreFile,
  { store, history, log }: { readonly store: Buffer | undefined; readonly history: History; readonly log: Log },
): Promise<{ readonly segment: Segment; readonly store: Buffer }> {
  await using source = await openSource(disk, directory, { sequence, kind })
  const header = await readHeader(source, 'log', history.revision)
  belongs(source, header, { sequence, kind }, store ?? header.store, history)
  const { position, size, remainsEnd, isUnmarked } = await readLog(source, header, history)
  const file = await disk.open(source.path, 'durable')
  if (remainsEnd > position) {
    log.info('A write that was under way when the store stopped is left out; it was not acknowledged', {
      file: source.path,
      offset: position,
      bytes: remainsEnd - position,
      revision: history.revision,
    })
    await writeZeros(file, position, remainsEnd)
  }
  if (isUnmarked) await writeMark(file, header.salt, position)
  await file.sync()
  return { segment: { sequence, path: source.path, file, salt: header.salt, size, position }, store: header.store }
}

async function openSource(disk: Disk, directory: string, file: StoreFile): Promise<Source & AsyncDisposable> {
  const path = `${directory}/${nameOf(file)}`
  const opened: DiskFile = await disk.open(path, 'read')
  return { path, file: opened, [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose]() }
}

/** A file that was copied or renamed here from elsewhere holds nothing of this store. */
function belongs({ path }: Source, header: FileHeader, { sequence }: StoreFile, store: Buffer, history: History): void {
  if (header.sequence !== sequence)
    throw new DamagedStore(path, 0, history.revision, `it is number ${header.sequence} where number ${sequence} was expected`)
  if (!header.store.equals(store)) throw new DamagedStore(path, 0, history.revision, 'it belongs to another store')
}
