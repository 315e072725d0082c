import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { VirtualClock } from '#base'
import { Compacted, type Store } from '../store.ts'
import { openEmbeddedStore } from './index.ts'

/** Written by the version of t8s that had the first format: its store.db after two compactions' worth of changes, closed. */
const FIRST = join(import.meta.dirname, 'formats/1.db')
/** Written by the first version that had the second: what a store of the same changes held, still open. */
const SECOND = join(import.meta.dirname, 'formats/2')

const temporary = (): Disposable & { readonly directory: string } => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-test-'))
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

async function checked(store: Store, clock: VirtualClock): Promise<void> {
  const { entries, revision } = await store.list('/')
  assert.deepEqual(
    entries.map(({ key, value, revision: at }) => [key, Buffer.from(value).toString('latin1'), at]),
    [
      ['/registry/configmaps/default/a', 'three', 6],
      ['/registry/events/default/e', 'event', 5],
      ['/registry/secrets/ü', '\0\xff\x01', 9],
    ],
  )
  assert.equal(revision, 9)
  // History since the compaction at 4 came along.
  assert.equal(Buffer.from((await store.get('/registry/configmaps/default/a', 4))!.value).toString(), 'two')
  assert.equal(Buffer.from((await store.get('/registry/configmaps/default/late', 7))!.value).toString(), 'y')
  await assert.rejects(store.get('/registry/configmaps/default/a', 3), Compacted)
  assert.equal(await store.put('/new', Buffer.from('z'), { expected: 0 }), 10)
  await clock.advance(3_600_000)
  while ((await store.get('/registry/events/default/e')) !== undefined) await clock.advance(0)
}

test('a directory of the first format is moved to the present one, once, with its history', async () => {
  using place = temporary()
  copyFileSync(FIRST, join(place.directory, 'store.db'))
  // What an attempt that was cut off may have left.
  writeFileSync(join(place.directory, '00000000.checkpoint'), 'half')
  writeFileSync(join(place.directory, '00000000.log.new'), 'half')
  {
    const clock = new VirtualClock()
    await using store = await openEmbeddedStore({ directory: place.directory, clock })
    await checked(store, clock)
  }
  assert.deepEqual(readdirSync(place.directory).sort(), ['00000000.checkpoint', '00000000.log', 'store.db'])
  assert.equal(statSync(join(place.directory, '00000000.checkpoint')).mode & 0o777, 0o600)
  await using again = await openEmbeddedStore({ directory: place.directory, clock: new VirtualClock() })
  assert.deepEqual([again.revision, (await again.list('/')).entries.length], [11, 3])
})

test('a server of the first format refuses a directory of the present one', async () => {
  using place = temporary()
  await (await openEmbeddedStore({ directory: place.directory, clock: new VirtualClock() }))[Symbol.asyncDispose]()
  const { DatabaseSync } = await import('node:sqlite')
  using database = new DatabaseSync(join(place.directory, 'store.db'))
  // What it looks at.
  assert.deepEqual({ ...database.prepare("SELECT value FROM meta WHERE name = 'format'").get() }, { value: 2 })
})

test('files of the second format are read as they were written', async () => {
  using place = temporary()
  for (const name of readdirSync(SECOND)) {
    const bytes = readFileSync(join(SECOND, name))
    // The zeros that follow are not kept in the repository.
    writeFileSync(join(place.directory, name), name.endsWith('.log') ? Buffer.concat([bytes], 64 * 1024) : bytes)
  }
  const clock = new VirtualClock()
  await using store = await openEmbeddedStore({ directory: place.directory, clock })
  await checked(store, clock)
})
