import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { systemClock } from '#base'
import { storeConformance } from './conformance.ts'
import { openEmbeddedStore } from './embedded/index.ts'
import { openMemoryStore } from './memory/index.ts'

function temporary(): AsyncDisposable & { readonly directory: string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-store-'))
  return { directory, [Symbol.asyncDispose]: async () => rmSync(directory, { recursive: true }) }
}

storeConformance('memory', async () => ({ open: async (clock) => openMemoryStore({ clock }), async [Symbol.asyncDispose]() {} }))

storeConformance('embedded', async () => {
  const place = temporary()
  const open = (clock: typeof systemClock) => openEmbeddedStore({ directory: join(place.directory, 'store'), clock })
  return { open, reopen: open, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
})

test('embedded: a second server on the same directory is told what to do', async () => {
  await using place = temporary()
  await using _first = await openEmbeddedStore({ directory: place.directory, clock: systemClock })
  await assert.rejects(
    openEmbeddedStore({ directory: place.directory, clock: systemClock }),
    /another t8s server uses .*'t8s down'/,
  )
  assert.equal(statSync(join(place.directory, 'store.db')).mode & 0o777, 0o600)
})

test('embedded: a damaged file is named, not opened', async () => {
  await using place = temporary()
  writeFileSync(join(place.directory, 'store.db'), 'x'.repeat(8192))
  await assert.rejects(openEmbeddedStore({ directory: place.directory, clock: systemClock }), /store\.db is damaged/)
})

test('embedded: a file of a newer version is refused', async () => {
  await using place = temporary()
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(join(place.directory, 'store.db'))
  database.exec("CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER) WITHOUT ROWID; INSERT INTO meta VALUES ('format', 99)")
  database.close()
  await assert.rejects(
    openEmbeddedStore({ directory: place.directory, clock: systemClock }),
    /newer version of t8s \(format 99, this one knows 2\)/,
  )
})
