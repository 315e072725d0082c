import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ContentEntry, OrderedContents, Revision } from './store.ts'

/** What SQLite may keep of a spool in memory; the rest is in its file. */
const CACHE_KIB = 8 * 1024

/** Takes what a saved store tells, change by change. */
export interface ContentSink {
  /** In place of an older value of its key. */
  put(entry: ContentEntry): void
  delete(key: string): void
}

/**
 * Gathers the contents of a saved store in a file, since they may be larger than memory: changes go in, what is left of them comes out in order of revision. Nothing is promised of the
 * file when the process ends.
 */
export class ContentSpool implements ContentSink, OrderedContents, Disposable {
  readonly #database: DatabaseSync
  readonly #put: StatementSync
  readonly #delete: StatementSync
  #taken = 0
  #isOrdered = false
  revision: Revision = 0

  private constructor(database: DatabaseSync) {
    this.#database = database
    this.#put = database.prepare('INSERT OR REPLACE INTO entries (key, revision, taken, value, ttl) VALUES (?, ?, ?, ?, ?)')
    this.#delete = database.prepare('DELETE FROM entries WHERE key = ?')
  }

  /** Makes a spool of a file that is not there yet. */
  static async create(path: string): Promise<ContentSpool> {
    const { DatabaseSync } = await import('node:sqlite')
    const database = new DatabaseSync(path)
    database.exec(
      `PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA cache_size = -${CACHE_KIB}`,
    )
    database.exec('CREATE TABLE entries (key TEXT PRIMARY KEY, revision INTEGER, taken INTEGER, value BLOB, ttl REAL); BEGIN')
    return new ContentSpool(database)
  }

  put({ key, revision, value, ttlSeconds }: ContentEntry): void {
    this.#put.run(key, revision, this.#taken++, value, ttlSeconds ?? null)
  }

  delete(key: string): void {
    this.#delete.run(key)
  }

  get size(): number {
    const { size } = this.#database.prepare('SELECT count(*) AS size FROM entries').get() as { size: number }
    return size
  }

  /** In order of revision; what shares one in the order in which it came. To be asked for once all is there. */
  get entries(): Iterable<ContentEntry> {
    if (!this.#isOrdered) this.#database.exec('CREATE INDEX ordered ON entries (revision, taken)')
    this.#isOrdered = true
    return entriesOf(this.#database)
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close()
  }
}

function* entriesOf(database: DatabaseSync): Generator<ContentEntry, undefined> {
  for (const row of database.prepare('SELECT key, revision, value, ttl FROM entries ORDER BY revision, taken').iterate()) {
    const { key, revision, value, ttl } = row as unknown as Row
    yield { key, revision, value, ...(ttl !== null && { ttlSeconds: ttl }) }
  }
}

interface Row {
  readonly key: string
  readonly revision: number
  readonly value: Uint8Array
  readonly ttl: number | null
}
