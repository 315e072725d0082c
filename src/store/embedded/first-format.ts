import { chmodSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '#base'
import type { OrderedContents } from '../store.ts'

/** The file of the first format, which every version opens. */
const FIRST_FORMAT_FILE = 'store.db'

/**
 * Makes the directory of an embedded store from contents of another: read one after the other: entries keep their revisions, and history before the last, which is `bump` higher than theirs, is gone, so
 * that whoever watched must list anew and no revision comes twice.
 */
export async function writeFirstFormat(
  directory: string,
  contents: OrderedContents,
  { bump, clock }: { readonly bump: number; readonly clock: Clock },
): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const path = join(directory, FIRST_FORMAT_FILE)
  if (existsSync(path)) throw new Error(`${path} is there already`)
  using database = new DatabaseSync(path)
  chmodSync(path, 0o600)
  const last = contents.revision + bump
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL; BEGIN')
  database.exec('CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID')
  database.exec('CREATE TABLE changes (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, expires_at_ms INTEGER)')
  const note = database.prepare('INSERT INTO meta (name, value) VALUES (?, ?)')
  for (const [name, value] of [
    ['format', 1],
    ['compacted', last],
    ['revision', last],
  ] as const)
    note.run(name, value)
  const insert = database.prepare('INSERT INTO changes (revision, key, value, expires_at_ms) VALUES (?, ?, ?, ?)')
  let before = 0
  for (const { revision, key, value, ttlSeconds } of contents.entries) {
    // Entries of one transaction of etcd share a revision, and here each has its own; what comes next is far away only at the end.
    const own = Math.max(revision, before + 1)
    insert.run(own, key, value, ttlSeconds === undefined ? null : clock.now() + ttlSeconds * 1000)
    before = own
  }
  database.exec('COMMIT')
}
