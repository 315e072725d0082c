/** The embedded store on a real file system that fills up: a small tmpfs, mounted by the test and unmounted again. Needs root. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { configMaps } from '#api'
import { systemClock } from '#base'
import { openEmbeddedStore } from '#store'
import { startTestApiServer } from '#testing'

const DISK_MB = 48
const WAIT_MS = 60_000

test('a disk that fills up refuses what is created with 507, takes deletions, and recovers by itself', async () => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 't8s-test', directory])
  try {
    await filled(directory)
  } finally {
    execFileSync('umount', [directory])
    rmdirSync(directory)
  }
})

async function filled(directory: string): Promise<void> {
  const open = () => openEmbeddedStore({ directory: join(directory, 'store'), clock: systemClock })
  const kept: string[] = []
  {
    await using store = await open()
    await using api = await startTestApiServer({ clock: systemClock, store })
    const create = (name: string): Promise<unknown> =>
      api.client.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default' },
        data: { filler: 'x'.repeat(64 * 1024) },
      })
    // Somebody else takes most of it.
    writeFileSync(join(directory, 'other'), Buffer.alloc((DISK_MB / 2) * 1024 * 1024))
    const refusal = await (async (): Promise<{ status?: { code?: number; message?: string } }> => {
      for (let at = 0; ; at++) {
        try {
          await create(`m${at}`)
          kept.push(`m${at}`)
        } catch (error) {
          return error as { status?: { code?: number; message?: string } }
        }
      }
    })()
    assert.equal(refusal.status?.code, 507, JSON.stringify(refusal))
    assert.match(refusal.status!.message!, /^the disk of .*\/store is (almost )?full/)
    assert.match(store.problem()!, /full/)
    await api.client.delete(configMaps, `default/${kept.pop()}`)
    rmSync(join(directory, 'other'))
    const deadlineMs = performance.now() + WAIT_MS
    // It is looked at from time to time; nothing tells of space.
    while (store.problem() !== undefined && performance.now() < deadlineMs) await systemClock.sleep(200)
    assert.equal(store.problem(), undefined)
    await create('again')
    kept.push('again')
  }
  await using store = await open()
  const { entries } = await store.list('/registry/configmaps/default/')
  assert.deepEqual(
    entries.map(({ key }) => key.split('/').at(-1)!).filter((name) => name !== 'kube-root-ca.crt'),
    kept.toSorted(),
  )
}
