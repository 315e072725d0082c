import { chmodSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { LogRecord } from '../history.ts'
import { FORMAT_VERSION, type FromWorker, type ToWorker } from './protocol.ts'

/** Owns the database file. Commits whatever has queued up while the previous commit was on its way to disk. */
function main(port: MessagePort, path: string): void {
  let database: DatabaseSync
  try {
    database = openDatabase(path)
    port.postMessage(recover(database))
  } catch (error) {
    port.postMessage({ type: 'failed', message: explain(error, path) } satisfies FromWorker)
    port.close()
    return
  }
  const insert = database.prepare('INSERT INTO changes (revision, key, value, expires_at_ms) VALUES (?, ?, ?, ?)')
  port.on('message', (first: ToWorker) => {
    const batch: ToWorker[] = [first]
    for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port))
      batch.push(more.message as ToWorker)
    run(port, database, insert, batch)
  })
}

function run(port: MessagePort, database: DatabaseSync, insert: StatementSync, batch: readonly ToWorker[]): void {
  const records = batch.flatMap((message) => (message.type === 'append' ? [message.record] : []))
  if (records.length > 0) {
    try {
      commit(database, insert, records)
      port.postMessage({ type: 'committed', revision: records.at(-1)!.revision } satisfies FromWorker)
    } catch (error) {
      port.postMessage({ type: 'failed', message: error instanceof Error ? error.message : String(error) } satisfies FromWorker)
    }
  }
  for (const message of batch) {
    if (message.type === 'compact') {
      compact(database, message.revision, message.dropped)
      port.postMessage({ type: 'compacted', revision: message.revision } satisfies FromWorker)
    }
    if (message.type === 'snapshot') port.postMessage(snapshot(database, message.file))
    if (message.type === 'close') {
      database.close()
      port.postMessage({ type: 'closed' } satisfies FromWorker)
      port.close()
      return
    }
  }
}

function commit(database: DatabaseSync, insert: StatementSync, records: readonly LogRecord[]): void {
  database.exec('BEGIN')
  try {
    for (const { revision, key, value, expiresAtMs } of records) insert.run(revision, key, value ?? null, expiresAtMs ?? null)
    database.exec('COMMIT')
  } catch (error) {
    database.exec('ROLLBACK')
    throw error
  }
}

function compact(database: DatabaseSync, revision: number, dropped: readonly number[]): void {
  database.exec('BEGIN')
  const remove = database.prepare('DELETE FROM changes WHERE revision = ?')
  for (const each of dropped) remove.run(each)
  database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('compacted', ?)").run(revision)
  database.prepare("INSERT OR REPLACE INTO meta (name, value) SELECT 'revision', max(revision, ?) FROM changes").run(revision)
  database.exec('COMMIT')
  database.exec('PRAGMA incremental_vacuum')
}

/** A copy without gaps, of one moment. Commits wait for it; a cluster of ten thousand objects takes a fraction of a second. */
function snapshot(database: DatabaseSync, file: string): FromWorker {
  try {
    database.prepare('VACUUM INTO ?').run(file)
    return { type: 'snapshotted', file }
  } catch (error) {
    return { type: 'snapshotted', file, problem: error instanceof Error ? error.message : String(error) }
  }
}

function openDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 })
  // SQLite gives its side files the mode of the database.
  chmodSync(path, 0o600)
  database.exec('PRAGMA auto_vacuum = INCREMENTAL')
  database.exec('PRAGMA locking_mode = EXCLUSIVE')
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('PRAGMA synchronous = FULL')
  database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID')
  database.exec(
    'CREATE TABLE IF NOT EXISTS changes (revision INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB, expires_at_ms INTEGER)',
  )
  const version = metaOf(database, 'format')
  if (version > FORMAT_VERSION) {
    throw new Error(
      `${path} was written by a newer version of t8s (format ${version}, this one knows ${FORMAT_VERSION}); upgrade t8s or choose another --data-dir`,
    )
  }
  // A write at once, so that a second server finds the lock taken now and not at its first change.
  database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('format', ?)").run(FORMAT_VERSION)
  return database
}

function recover(database: DatabaseSync): FromWorker {
  const rows = database.prepare('SELECT revision, key, value, expires_at_ms FROM changes ORDER BY revision').all() as {
    revision: number
    key: string
    value: Uint8Array | null
    expires_at_ms: number | null
  }[]
  const records = rows.map(({ revision, key, value, expires_at_ms }) => ({
    revision,
    key,
    value: value ?? undefined,
    ...(expires_at_ms !== null && { expiresAtMs: expires_at_ms }),
  }))
  return {
    type: 'recovered',
    recovered: { compacted: metaOf(database, 'compacted'), revision: metaOf(database, 'revision'), records },
  }
}

function metaOf(database: DatabaseSync, name: string): number {
  const row = database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as { value: number } | undefined
  return row?.value ?? 0
}

function explain(error: unknown, path: string): string {
  const message = error instanceof Error ? error.message : String(error)
  if (/database is locked|busy/i.test(message)) {
    return `another t8s server uses ${path}; stop it with 't8s down' or choose another --data-dir`
  }
  if (/not a database|malformed/i.test(message)) {
    return `${path} is damaged (${message}); restore a snapshot, or delete the cluster with 't8s reset --yes'`
  }
  return message
}

if (parentPort !== null) main(parentPort, (workerData as { path: string }).path)
