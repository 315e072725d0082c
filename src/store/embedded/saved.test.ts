import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { VirtualClock } from '#base'
import { ContentSpool } from '../content-spool.ts'
import { FILE, openEmbeddedStore } from './index.ts'
import { readSavedStore } from './saved.ts'

test('a saved store is told record by record, and what is left of it comes out in order of revision', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-saved-'))
  const clock = new VirtualClock()
  try {
    {
      await using store = await openEmbeddedStore({ directory: join(directory, 'store'), clock })
      for (let index = 1; index <= 40; index++)
        await store.put(`/k${index % 20}`, Buffer.alloc(60_000, index), { expected: Math.max(0, index - 20), ttlSeconds: 60 })
      await store.delete('/k7', 27)
      await store.snapshot!(join(directory, FILE))
    }
    {
      using spool = await ContentSpool.create(join(directory, 'spool'))
      assert.equal(await readSavedStore(directory, spool, clock), 41)
      const left = [...spool.entries].map(({ key, revision, value, ttlSeconds }) => [key, revision, value[0], ttlSeconds])
      const expected = Array.from({ length: 20 }, (_, index) => index + 21).filter((revision) => revision !== 27)
      assert.deepEqual(
        left,
        expected.map((revision) => [`/k${revision % 20}`, revision, revision, 60]),
      )
      assert.equal(spool.size, 19)
    }
    // What comes before the place of the damage is told by then: it is not all read first.
    const path = join(directory, FILE)
    truncateSync(path, statSync(path).size - 100_000)
    let told = 0
    await assert.rejects(readSavedStore(directory, { put: () => void told++, delete() {} }, clock), /cut off/)
    assert.ok(told > 20, `${told} were told`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})
