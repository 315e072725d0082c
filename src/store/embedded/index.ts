import { type Clock, type Log, nullLog, type Random, systemRandom } from '#base'
import { History } from '../history.ts'
import { LoggedStore } from '../logged-store.ts'
import type { Store } from '../store.ts'
import { type Disk, systemDisk } from './disk.ts'
import { nameOf, type Place, writeCheckpoint } from './files.ts'
import { type FirstFormat, Guard } from './guard.ts'
import { recover, SIZES, type Sizes } from './recover.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/** What `snapshot` makes has this name in the directory of a store that is to begin with it. */
export const FILE = nameOf({ sequence: 0, kind: 'checkpoint' })

export interface EmbeddedStoreOptions {
  readonly directory: string
  readonly clock: Clock
  readonly log?: Log
  readonly random?: Random
  readonly disk?: Disk
}

/**
 * The default store: an index in memory over a log on this machine's disk. Writes that come together wait for one write to disk, and this thread for none. Throws one
 * sentence that says what to do when the directory can't be used, is in use, or holds something damaged or newer.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<Store> {
  const { directory, clock, log = nullLog, random = systemRandom, disk = systemDisk } = options
  await using stack = new AsyncDisposableStack()
  try {
    await disk.makeDirectory(directory)
    const guard = stack.use(await Guard.take(directory))
    const first = guard.firstFormat()
    if (first !== undefined) {
      await migrate({ disk, directory, random, store: Buffer.from(random.bytes(16)) }, first)
      guard.migrated()
      log.info('The store has been moved to the present format', { directory })
    }
    return await openOn(disk, directory, { clock, log, random, guard: stack.move() })
  } catch (error) {
    throw explained(error, directory)
  }
}

export interface OpenOptions {
  readonly clock: Clock
  readonly log: Log
  readonly random: Random
  /** Keeps others out of the directory; disposed with the store, or when there will be none. */
  readonly guard: AsyncDisposable
  readonly sizes?: Sizes
}

/** The store in a directory of which this process is known to be the only user. */
export async function openOn(disk: Disk, directory: string, options: OpenOptions): Promise<Store> {
  const { clock, log, random, guard, sizes = SIZES } = options
  await using opening = new AsyncDisposableStack()
  opening.use(guard)
  const recovered = await recover({ disk, directory, random }, log, sizes)
  const ahead = new WriteAheadLog(recovered, { clock, log, guard: opening.move(), sizes })
  await ahead.start()
  const store = new LoggedStore(ahead, recovered.history, clock)
  return Object.assign(store, { snapshot: (file: string) => ahead.snapshot(file, () => store.state()) })
}

/** Whatever an attempt that was cut off has left is written over; the first format holds until all is done. */
async function migrate(place: Place, { compacted, revision, records }: FirstFormat): Promise<void> {
  const history = new History()
  history.restore(compacted, compacted)
  for (const record of records) {
    if (record.revision > compacted) history.apply(record)
    else if (record.value !== undefined) history.keep(record)
  }
  history.restore(compacted, Math.max(revision, history.revision))
  for (const name of await place.disk.list(place.directory))
    if (/^\d{8,}\.(log|checkpoint)/.test(name)) await place.disk.remove(`${place.directory}/${name}`)
  await writeCheckpoint(place, `${place.directory}/${FILE}`, { sequence: 0, history })
}

function explained(error: unknown, directory: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') return error
  return new Error(`the store's directory ${directory} cannot be used: ${message}; it must belong to who runs t8s`, {
    cause: error,
  })
}
