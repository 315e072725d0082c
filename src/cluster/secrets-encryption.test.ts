import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { openEncryption } from '#apiserver'
import { nullLog, systemClock, systemRandom, VirtualClock } from '#base'
import { openMemoryStore, type Store } from '#store'
import { openPki } from './pki-directory.ts'
import { ENCRYPTION_FILE, keepEncryption } from './secrets-encryption.ts'

const SECRET = '/registry/secrets/default/one'

function temporary(): Disposable & { readonly directory: string; readonly file: string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-key-'))
  return { directory, file: join(directory, ENCRYPTION_FILE), [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

const keep = (directory: string, store: Store) =>
  keepEncryption(directory, { store, prefix: undefined, random: systemRandom, log: nullLog })

test('a new cluster has a key for its secrets of its own, which its owner alone can read', async () => {
  using one = temporary()
  using other = temporary()
  for (const { directory } of [one, other]) await openPki(directory, { clock: systemClock, random: systemRandom })
  assert.equal(statSync(one.file).mode & 0o777, 0o600)
  assert.notEqual(readFileSync(one.file, 'utf8'), readFileSync(other.file, 'utf8'))
  const clock = new VirtualClock()
  await using inner = openMemoryStore({ clock })
  const options = await keep(one.directory, inner)
  await using encryption = await openEncryption(options!, { clock, log: nullLog })
  await encryption.over(inner).put(SECRET, Buffer.from('{}'), { expected: 0 })
  assert.match(Buffer.from((await inner.get(SECRET))!.value).toString('latin1'), /^k8s:enc:secretbox:v1:t8s-[a-z0-9]{8}:/)
  assert.deepEqual(await keep(one.directory, inner), options)
})

test('a cluster of before gets a key; one whose store others share does not, since they would not know it', async () => {
  using place = temporary()
  await using store = openMemoryStore({ clock: new VirtualClock() })
  await store.put(SECRET, Buffer.from('{}'), { expected: 0 })
  const shared = new Proxy(store, {
    get: (target, name) => (name === 'isShared' ? true : (Reflect.get(target, name, target) as () => unknown).bind(target)),
  })
  assert.equal(await keep(place.directory, shared), undefined)
  assert.equal((await keep(place.directory, store))?.file, place.file)
})

test('a cluster whose secrets are encrypted does not go on with a new key when its own is gone', async () => {
  using place = temporary()
  await using store = openMemoryStore({ clock: new VirtualClock() })
  await store.put(SECRET, Buffer.from('k8s:enc:secretbox:v1:t8s-abc:x'), { expected: 0 })
  await assert.rejects(
    keep(place.directory, store),
    /the secrets of this cluster are encrypted, and their key .* is gone; copy it from a snapshot/,
  )
})
