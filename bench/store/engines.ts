import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { systemClock } from '#base'
import { openEmbeddedStore } from '#store'

/** What could have been below the index: a put resolves once it is on disk, and puts that come together share a write to disk. */
export interface Engine extends AsyncDisposable {
  put(key: string, value: Uint8Array): Promise<unknown>
  /** Everything that can be read after a start. */
  all(): Promise<ReadonlyMap<string, Uint8Array>>
}

export interface EngineDefinition {
  readonly name: string
  /** Its data is in the one directory, which may be there. Throws when what is there is damaged, if the engine notices. */
  open(directory: string): Promise<Engine>
  /** Files that hold data: others are made anew. */
  readonly files: RegExp
}

const log: EngineDefinition = {
  name: 'this log',
  files: /\.(log|checkpoint)$/,
  async open(directory) {
    const store = await openEmbeddedStore({ directory, clock: systemClock })
    return {
      put: (key, value) => store.put(key, value, { expected: 0 }),
      all: async () => new Map((await store.list('')).entries.map(({ key, value }) => [key, value])),
      [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
    }
  },
}

interface Waiting {
  readonly key: string
  readonly value: Uint8Array
  resolve(): void
  reject(error: unknown): void
}

/** Write-ahead mode, synced at each commit; writers of one turn share a transaction. On the caller's thread: the worker that the product had cost a message each way. */
const sqlite: EngineDefinition = {
  name: 'SQLite',
  files: /\.db(-wal)?$/,
  async open(directory) {
    mkdirSync(directory, { recursive: true })
    const database = new DatabaseSync(join(directory, 'candidate.db'))
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    database.exec('CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID')
    const insert = database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)')
    let waiting: Waiting[] = []
    const commit = (): void => {
      const together = waiting
      waiting = []
      try {
        database.exec('BEGIN')
        for (const { key, value } of together) insert.run(key, value)
        database.exec('COMMIT')
      } catch (error) {
        for (const { reject } of together) reject(error)
        return
      }
      for (const { resolve } of together) resolve()
    }
    return {
      put: (key, value) =>
        new Promise<void>((resolve, reject) => {
          if (waiting.push({ key, value, resolve, reject }) === 1) setImmediate(commit)
        }),
      async all() {
        const rows = database.prepare('SELECT key, value FROM entries').all() as unknown as { key: string; value: Uint8Array }[]
        return new Map(rows.map(({ key, value }) => [key, value]))
      },
      async [Symbol.asyncDispose]() {
        database.close()
      },
    }
  },
}

interface LmdbDatabase {
  put(key: string, value: Uint8Array): Promise<boolean>
  getRange(): Iterable<{ readonly key: string; readonly value: Uint8Array }>
  close(): Promise<void>
}

/** No dependency of this project: `npm install --prefix DIRECTORY lmdb@3` puts it where `--lmdb DIRECTORY` finds it. */
const lmdb = (installed: string): EngineDefinition => ({
  name: 'LMDB',
  files: /\.mdb$/,
  async open(directory) {
    mkdirSync(directory, { recursive: true })
    const module = (await import(pathToFileURL(join(installed, 'node_modules/lmdb/index.js')).href)) as {
      open(options: object): LmdbDatabase
    }
    // Otherwise it says that a write is done before it is on disk.
    const options = { overlappingSync: false, encoding: 'binary', compression: false }
    const database = module.open({ path: join(directory, 'candidate.mdb'), ...options })
    return {
      put: (key, value) => database.put(key, value),
      all: async () => new Map([...database.getRange()].map(({ key, value }) => [key, Buffer.from(value)])),
      [Symbol.asyncDispose]: () => database.close(),
    }
  },
})

/** The candidates at hand. */
export const engines = (lmdbDirectory: string | undefined): EngineDefinition[] => [
  log,
  sqlite,
  ...(lmdbDirectory === undefined ? [] : [lmdb(lmdbDirectory)]),
]

/** A value by which it is known to be whole, and its key's. */
export const valueFor = (key: string): Buffer => Buffer.alloc(2_048, key)

/** Names what should be there, a key a line, beside an engine's own files. */
export const EXPECTED = 'expected'

/** How many of `keys` are not there as they were written. */
export function missing(all: ReadonlyMap<string, Uint8Array>, keys: Iterable<string>): number {
  let count = 0
  for (const key of keys) if (!valueFor(key).equals(all.get(key) ?? new Uint8Array())) count++
  return count
}
