import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { systemClock } from '#base'
import { EMBEDDED_STORE_FILE, openEmbeddedStore } from './index.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('a snapshot of an open store holds all of one moment, at the same revisions', async () => {
  const root = mkdtempSync(join(tmpdir(), 't8s-test-'))
  const copied = join(root, 'copy')
  try {
    {
      await using store = await openEmbeddedStore({ directory: join(root, 'store'), clock: systemClock })
      // Not awaited: what was asked for before the snapshot is in it.
      const writes = Array.from({ length: 50 }, (_, at) => store.put(`/k/${at}`, bytes(`v${at}`), { expected: 0 }))
      const file = join(root, 'copy.db')
      await store.snapshot!(file)
      await Promise.all(writes)
      await store.put('/k/after', bytes('later'), { expected: 0 })
      await assert.rejects(store.snapshot!(file), /could not be copied to .*copy\.db/)
      // One copy that failed is no failure of the store.
      await store.put('/k/still', bytes('here'), { expected: 0 })
      mkdirSync(copied)
      renameSync(file, join(copied, EMBEDDED_STORE_FILE))
    }
    await using restored = await openEmbeddedStore({ directory: copied, clock: systemClock })
    const { entries, revision } = await restored.list('/k/')
    assert.equal(entries.length, 50)
    assert.equal(revision, 50)
    assert.equal(await restored.put('/k/new', bytes('x'), { expected: 0 }), 51)
  } finally {
    rmSync(root, { recursive: true })
  }
})
