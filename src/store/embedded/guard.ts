import type { DatabaseSync } from 'node:sqlite'
import type { LogRecord } from '../history.ts'
import { newerVersion } from './damage.ts'
import { FORMAT_VERSION } from './format.ts'

/** Holds no object any more: servers of the first format find their version in it, and refuse the directory. */
export const GUARD_FILE = 'store.db'

/** What the first format kept. */
export interface FirstFormat {
  readonly compacted: number
  readonly revision: number
  readonly records: Iterable<LogRecord>
}

/**
 * Keeps a second server out of a directory, of whichever version, as long as this process lives: by SQLite's lock on a small database. Node has no lock on
 * files of its own, and SQLite's is given back by the kernel whatever ends the process.
 */
export class Guard implements Disposable {
  readonly #database: DatabaseSync
  readonly #path: string

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database
    this.#path = path
  }

  /** Throws one sentence that says what to do when the directory is in use, damaged or of a newer version. */
  static async take(directory: string): Promise<Guard> {
    const { DatabaseSync } = await import('node:sqlite')
    const { chmodSync } = await import('node:fs')
    const path = `${directory}/${GUARD_FILE}`
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(path, { timeout: 0 })
      chmodSync(path, 0o600)
      database.exec('PRAGMA locking_mode = EXCLUSIVE')
      // The first format wrote ahead; without that there are no files beside this one.
      database.exec('PRAGMA journal_mode = DELETE')
      database.exec('PRAGMA synchronous = FULL')
      database.exec('BEGIN EXCLUSIVE')
      database.exec('CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID')
      const guard = new Guard(database, path)
      const version = guard.#meta('format')
      if (version > FORMAT_VERSION) throw newerVersion(path, version, FORMAT_VERSION)
      if (version === 0) guard.#note(FORMAT_VERSION)
      // The lock outlives the transaction.
      database.exec('COMMIT')
      return guard
    } catch (error) {
      database?.close()
      throw explained(error, path)
    }
  }

  /** What is still to be moved out of a database of the first format. */
  firstFormat(): FirstFormat | undefined {
    if (this.#meta('format') === FORMAT_VERSION) return undefined
    return { compacted: this.#meta('compacted'), revision: this.#meta('revision'), records: this.#records() }
  }

  /** All of the first format is on disk in the present one. */
  migrated(): void {
    this.#database.exec('BEGIN')
    this.#note(FORMAT_VERSION)
    this.#database.exec('DROP TABLE IF EXISTS changes')
    this.#database.exec('COMMIT')
    this.#database.exec('VACUUM')
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
  }

  *#records(): Generator<LogRecord, undefined> {
    const rows = this.#database.prepare('SELECT revision, key, value, expires_at_ms FROM changes ORDER BY revision').iterate()
    try {
      for (const row of rows) {
        const { revision, key, value, expires_at_ms } = row as unknown as FirstFormatRow
        yield { revision, key, value: value ?? undefined, ...(expires_at_ms !== null && { expiresAtMs: expires_at_ms }) }
      }
    } catch (error) {
      throw explained(error, this.#path)
    }
  }

  #meta(name: string): number {
    const row = this.#database.prepare('SELECT value FROM meta WHERE name = ?').get(name) as { value: number } | undefined
    return row?.value ?? 0
  }

  #note(version: number): void {
    this.#database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('format', ?)").run(version)
  }
}

interface FirstFormatRow {
  readonly revision: number
  readonly key: string
  readonly value: Uint8Array | null
  readonly expires_at_ms: number | null
}

function explained(error: unknown, path: string): Error {
  const message = error instanceof Error ? error.message : String(error)
  if (/database is locked|busy/i.test(message))
    return new Error(`another t8s server uses ${path}; stop it with 't8s down' or choose another --data-dir`, { cause: error })
  if (/not a database|malformed|corrupt/i.test(message)) {
    const way =
      "restore a snapshot into a new directory with 't8s snapshot restore FILE --data-dir DIRECTORY', or delete the cluster with 't8s reset --yes'"
    return new Error(`${path} is damaged (${message}); ${way}`, { cause: error })
  }
  return error instanceof Error ? error : new Error(message)
}
