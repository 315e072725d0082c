import { nullLog, seededRandom, systemClock } from '#base'
import type { Store } from '../store.ts'
import type { Disk } from './disk.ts'
import { type OpenOptions, openOn } from './index.ts'
import type { Sizes } from './recover.ts'

/** For the tests of this folder. */
export const DIRECTORY = '/store'

/** So small that a few writes fill a log. */
export const SMALL: Sizes = { segmentBytesMin: 16 * 1024, segmentBytesMax: 64 * 1024, logBytesBeforeCheckpoint: 24 * 1024 }

export const bytes = (text: string): Uint8Array => Buffer.from(text)

/** A store on a disk of the test's. */
export function openTestStore(disk: Disk, options: Partial<OpenOptions> = {}): Promise<Store> {
  const guard: AsyncDisposable = { async [Symbol.asyncDispose]() {} }
  return openOn(disk, DIRECTORY, {
    clock: systemClock,
    log: nullLog,
    random: seededRandom(5),
    guard,
    sizes: SMALL,
    ...options,
  })
}

/** Everything that a store shows: its keys with values and revisions. */
export async function shown(store: Store): Promise<[key: string, value: string, revision: number][]> {
  const { entries } = await store.list('/')
  return entries.map(({ key, value, revision }) => [key, Buffer.from(value).toString('latin1'), revision])
}

export const path = (name: string): string => `${DIRECTORY}/${name}`
