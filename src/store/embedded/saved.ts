import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#base'
import type { ContentSink } from '../content-spool.ts'
import type { LogRecord } from '../history.ts'
import type { Revision } from '../store.ts'
import { systemDisk } from './disk.ts'
import { readCheckpoint, readHeader } from './frames.ts'
import { GUARD_FILE, Guard } from './guard.ts'
import { FILE } from './index.ts'

/**
 * Tells `sink` what a saved store holds, record by record: a checkpoint, or a database of the first format. Resolves to its revision. Throws one sentence when it is damaged or of a
 * newer version.
 */
export async function readSavedStore(directory: string, sink: ContentSink, clock: Clock): Promise<Revision> {
  const take = ({ key, value, revision, expiresAtMs }: LogRecord): void => {
    if (value === undefined) sink.delete(key)
    else
      sink.put({
        key,
        value,
        revision,
        ...(expiresAtMs !== undefined && { ttlSeconds: Math.max(0, (expiresAtMs - clock.now()) / 1000) }),
      })
  }
  if (existsSync(join(directory, GUARD_FILE))) return readFirstFormat(directory, take)
  const path = join(directory, FILE)
  await using file = await systemDisk.open(path, 'read')
  const source = { path, file }
  const header = await readHeader(source, 'checkpoint', 0)
  let revision = 0
  await readCheckpoint(source, header, {
    get revision() {
      return revision
    },
    restore: (_compacted, last) => void (revision = last),
    keep: take,
    apply(record) {
      revision = record.revision
      take(record)
    },
  })
  return revision
}

async function readFirstFormat(directory: string, take: (record: LogRecord) => void): Promise<Revision> {
  using guard = await Guard.take(directory)
  const first = guard.firstFormat()
  if (first === undefined) throw new Error(`${join(directory, GUARD_FILE)} holds no store`)
  let revision = first.revision
  for (const record of first.records) {
    take(record)
    revision = Math.max(revision, record.revision)
  }
  return revision
}
