import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { VirtualClock } from '#base'
import { Compacted } from '../store.ts'
import { writeFirstFormat } from './first-format.ts'
import { openEmbeddedStore } from './index.ts'

test('contents of another store are there at their revisions, and what comes next is far ahead', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-first-'))
  const clock = new VirtualClock()
  try {
    const entries = [
      { key: '/registry/a', value: Buffer.from('a'), revision: 5, ttlSeconds: 60 },
      { key: '/registry/b', value: Buffer.from([0, 255]), revision: 7 },
    ]
    await writeFirstFormat(directory, { revision: 9, entries }, { bump: 1000, clock })
    assert.equal(statSync(join(directory, 'store.db')).mode & 0o777, 0o600)
    await using store = await openEmbeddedStore({ directory, clock })
    const { revision, entries: found } = await store.list('/registry/')
    assert.equal(revision, 1009)
    assert.deepEqual(
      found.map(({ key, revision, value }) => [key, revision, Buffer.from(value).toString('hex')]),
      [
        ['/registry/a', 5, '61'],
        ['/registry/b', 7, '00ff'],
      ],
    )
    await assert.rejects(async () => {
      for await (const _ of store.watch('/registry/', 7, new AbortController().signal)) break
    }, Compacted)
    assert.equal(await store.put('/registry/b', Buffer.from('c'), { expected: 7 }), 1010)
    // It lives as long as it had still to live, to the second.
    await clock.advance(59_000)
    assert.equal((await store.list('/registry/')).entries.length, 2)
    await clock.advance(2_000)
    for await (const change of store.watch('/registry/', 1010, new AbortController().signal)) if (change.type === 'delete') break
    assert.deepEqual(
      (await store.list('/registry/')).entries.map(({ key }) => key),
      ['/registry/b'],
    )
  } finally {
    rmSync(directory, { recursive: true })
  }
})
