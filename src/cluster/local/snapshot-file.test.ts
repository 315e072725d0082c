import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { packTar } from 'modern-tar'
import { seededRandom, systemClock } from '#base'
import { openEmbeddedStore } from '#store'
import { CONFIG_DEFAULTS } from './config.ts'
import { restoreSnapshot } from './restore-snapshot.ts'
import { snapshotStatus } from './snapshot.ts'
import { openSnapshot, type Parts, writeSnapshot } from './snapshot-file.ts'

const FIRST_STORE = join(import.meta.dirname, '../../store/embedded/formats/1.db')
const AHEAD = 1_000_000_000
const CLUSTER = { ...CONFIG_DEFAULTS, id: '01234567', runtime: 'simulated', advertiseAddress: '127.0.0.1' }

function temporary(): Disposable & { at(name: string): string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-snapshots-'))
  return { at: (name) => join(directory, name), [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

const common: Parts = new Map([
  ['cluster.json', Buffer.from(JSON.stringify(CLUSTER))],
  ['pki/sa.key', Buffer.from('key')],
  ['pki/sa.pub', Buffer.from('pub')],
])

const tar = async (files: readonly (readonly [string, Uint8Array])[]): Promise<Uint8Array> =>
  packTar(files.map(([name, body]) => ({ header: { name, size: body.length, type: 'file' as const }, body })))

async function store(directory: string): Promise<string> {
  await using opened = await openEmbeddedStore({ directory, clock: systemClock })
  await opened.put('/registry/configmaps/default/a', Buffer.from('one'), { expected: 0 })
  await opened.put('/registry/configmaps/default/b', Buffer.alloc(300_000, 7), { expected: 0 })
  await opened.snapshot!(`${directory}.checkpoint`)
  return `${directory}.checkpoint`
}

const options = { name: 'one', etcdClientPort: 1, etcdPeerPort: 2, install: false, progress() {} } as const

const restored = async (file: string, data: string): Promise<{ keys: [string, number][]; next: number }> => {
  await restoreSnapshot(data, file, { ...options, store: 'embedded' })
  assert.equal(readFileSync(join(data, 'pki/sa.key'), 'utf8'), 'key')
  assert.equal(statSync(join(data, 'pki/sa.key')).mode & 0o777, 0o600)
  await using opened = await openEmbeddedStore({ directory: join(data, 'store'), clock: systemClock })
  const { entries } = await opened.list('/registry/configmaps/')
  return {
    keys: entries.map(({ key, revision }) => [key, revision]),
    next: await opened.put('/registry/new', Buffer.from('z'), { expected: 0 }),
  }
}

test('a snapshot is written and taken apart piece by piece, and what was in it is restored at its revisions', async () => {
  using place = temporary()
  const copy = await store(place.at('store'))
  const parts = new Map([...common, ['store/00000000.checkpoint', { file: copy }] as const])
  const bytes = await writeSnapshot(place.at('s.tar'), { takenAt: 'now', revision: 2, backend: 'embedded' }, parts)
  assert.equal(statSync(place.at('s.tar')).mode & 0o777, 0o600)
  assert.equal(statSync(place.at('s.tar')).size, bytes)
  const { keys, bytes: stored } = await snapshotStatus(place.at('s.tar'))
  assert.deepEqual([keys, stored], [2, statSync(copy).size])
  let directory = ''
  {
    using snapshot = await openSnapshot(place.at('s.tar'))
    directory = snapshot.directory
    assert.deepEqual(snapshot.names, [...parts.keys()])
    assert.ok(readFileSync(join(directory, 'store/00000000.checkpoint')).equals(readFileSync(copy)))
    assert.equal(statSync(directory).mode & 0o777, 0o700)
  }
  assert.ok(!existsSync(directory), 'keys are left nowhere')
  assert.deepEqual(await restored(place.at('s.tar'), place.at('data')), {
    keys: [
      ['/registry/configmaps/default/a', 1],
      ['/registry/configmaps/default/b', 2],
    ],
    next: 2 + AHEAD + 1,
  })
})

test('snapshots of the first format are restored, with a database of SQLite in them', async () => {
  using place = temporary()
  const manifest = { formatVersion: 1, takenAt: '2026-01-01T00:00:00Z', revision: 9 }
  const files = [
    ['t8s-snapshot.json', Buffer.from(JSON.stringify(manifest))] as const,
    ...([...common] as [string, Uint8Array][]),
    ['store/store.db', readFileSync(FIRST_STORE)] as const,
  ]
  writeFileSync(place.at('first.tar'), await tar(files))
  assert.equal((await snapshotStatus(place.at('first.tar'))).backend, 'embedded')
  assert.deepEqual(await restored(place.at('first.tar'), place.at('data')), {
    keys: [['/registry/configmaps/default/a', 6]],
    next: 9 + AHEAD + 1,
  })
})

test('a snapshot that is cut off or changed anywhere is refused or whole, and leaves nothing behind', async (context) => {
  using place = temporary()
  const parts = new Map([...common, ['store/00000000.checkpoint', { file: await store(place.at('store')) }] as const])
  await writeSnapshot(place.at('s.tar'), { takenAt: 'now', revision: 2, backend: 'embedded' }, parts)
  const whole = readFileSync(place.at('s.tar'))
  const random = seededRandom(7)
  let [refused, kept] = [0, 0]
  for (let trial = 0; trial < 120; trial++) {
    const bytes = Buffer.from(whole)
    bytes[random.int(trial % 3 === 0 ? 4_096 : bytes.length)]! ^= 1 << random.int(8)
    const cut = trial % 2 === 0 ? bytes : whole.subarray(0, random.int(whole.length - 1_024))
    writeFileSync(place.at('damaged.tar'), cut)
    try {
      using snapshot = await openSnapshot(place.at('damaged.tar'))
      // What tar itself does not need may have changed.
      for (const name of parts.keys()) {
        const part = parts.get(name)!
        const expected = part instanceof Uint8Array ? part : readFileSync(part.file)
        assert.ok(readFileSync(join(snapshot.directory, name)).equals(expected), name)
      }
      kept++
    } catch (error) {
      assert.match((error as Error).message, /is no snapshot of t8s: |is damaged: |was written by a newer version of t8s/)
      refused++
    }
  }
  context.diagnostic(`${refused} refused, ${kept} whole`)
  assert.ok(refused > 100 && kept < 20)
})

test('what is not of our making is written nowhere', async () => {
  using place = temporary()
  const manifest = ['t8s-snapshot.json', Buffer.from(JSON.stringify({ formatVersion: 3, takenAt: '', revision: 1 }))] as const
  for (const name of ['../evil', 'pki/../../evil', '/tmp/t8s-evil', 'store/x.checkpoint/y']) {
    writeFileSync(place.at('evil.tar'), await tar([manifest, [name, Buffer.from('x')]]))
    await assert.rejects(openSnapshot(place.at('evil.tar')), /is no snapshot of t8s: it holds /)
  }
  writeFileSync(
    place.at('twice.tar'),
    await tar([manifest, ['cluster.json', Buffer.from('1')], ['cluster.json', Buffer.from('2')]]),
  )
  await assert.rejects(openSnapshot(place.at('twice.tar')), /it holds cluster\.json twice/)
  writeFileSync(place.at('text.tar'), await tar([['t8s-snapshot.json', Buffer.from('{')]]))
  await assert.rejects(openSnapshot(place.at('text.tar')), /t8s-snapshot\.json is no JSON/)
  assert.deepEqual(readdirSync(place.at('')).sort(), ['evil.tar', 'text.tar', 'twice.tar'])
})
