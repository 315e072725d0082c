import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import type { ContentEntry } from '#store'
import { contentsOf } from '../../src/cluster/local/restore-snapshot.ts'
import { ETCD_DATABASE, openSnapshot } from '../../src/cluster/local/snapshot-file.ts'
import { Machine } from './machine.ts'

const ROOT = join(import.meta.dirname, '../..')
const AHEAD = 1_000_000_000

/** Of what controllers write all the time, only that it is there. */
const RESTLESS =
  /^\/registry\/(leases|minions|events|endpointslices|services\/endpoints|flowschemas|prioritylevelconfigurations)\//

interface Contents {
  readonly revision: number
  readonly entries: readonly ContentEntry[]
}

const read = async (file: string): Promise<Contents> => {
  using snapshot = await openSnapshot(file)
  // Its files go when this returns.
  using contents = await contentsOf(snapshot, file)
  return { revision: contents.revision, entries: [...contents.entries] }
}

const valuesIn = ({ entries }: Contents): Map<string, string> =>
  new Map(entries.map(({ key, value, revision }) => [key, `${revision} ${Buffer.from(value).toString('base64')}`]))

test('a cluster moves from the embedded store to etcd and back', { timeout: 240_000 }, async (context) => {
  await using machine = new Machine('move')
  const at = (name: string): string => join(machine.directory, name)
  const t8s = (...words: string[]): Promise<string> => machine.exec(join(ROOT, 't8s'), ...words)
  const kubectl = (data: string, ...words: string[]): Promise<string> =>
    machine.exec('kubectl', '--kubeconfig', join(data, 'kubeconfig'), ...words)
  const versionOf = async (data: string, name: string): Promise<number> =>
    Number(await kubectl(data, 'get', 'configmap', name, '-o', 'jsonpath={.metadata.resourceVersion}'))
  await machine.t8s('up', '--runtime', 'simulated')
  await machine.kubectl('create', 'configmap', 'kept', '--from-literal=a=ü')
  await machine.kubectl('create', 'secret', 'generic', 'hidden', '--from-literal=a=b')
  await machine.kubectl('create', 'deployment', 'web', '--image=web:1', '--replicas=2')
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
  const version = await versionOf(machine.data, 'kept')
  await machine.t8s('snapshot', 'save', at('embedded.tar'))
  await machine.t8s('down')
  const before = await read(at('embedded.tar'))
  assert.ok(before.entries.some(({ key, ttlSeconds }) => key.startsWith('/registry/events/') && ttlSeconds! > 3000))

  await context.test('into etcd: every value byte for byte, at its revision; new revisions are far ahead', async () => {
    await t8s('snapshot', 'restore', at('embedded.tar'), '--data-dir', at('e'), '--cluster-init', '--name', 'one')
    await t8s('up', '--data-dir', at('e'))
    assert.equal(await versionOf(at('e'), 'kept'), version)
    await kubectl(at('e'), 'create', 'configmap', 'new')
    assert.ok((await versionOf(at('e'), 'new')) > before.revision + AHEAD)
    await kubectl(at('e'), 'rollout', 'status', 'deployment/web', '--timeout=60s')
    await t8s('snapshot', 'save', at('etcd.tar'), '--data-dir', at('e'))
    const after = await read(at('etcd.tar'))
    const values = valuesIn(after)
    let same = 0
    for (const [key, value] of valuesIn(before)) {
      assert.ok(values.has(key), key)
      if (RESTLESS.test(key)) continue
      if (values.get(key) === value) same++
      else assert.ok(Number(values.get(key)!.split(' ')[0]) > AHEAD, `${key} was written anew, not changed`)
    }
    assert.ok(same > 100, `${same}`)
    for (const { key, ttlSeconds } of after.entries)
      assert.equal(ttlSeconds !== undefined, /^\/registry\/events\//.test(key), key)
    context.diagnostic(`${before.entries.length} objects moved; ${same} of them stand byte for byte at the revision they had`)
  })

  await context.test('who watched the old store is told to list anew', async () => {
    const path = `/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=${version}`
    assert.match(await kubectl(at('e'), 'get', '--raw', path), /"code":410/)
  })

  await context.test('etcdctl reads our snapshot, and says the same of it', async () => {
    using snapshot = await openSnapshot(at('etcd.tar'))
    copyFileSync(join(snapshot.directory, ETCD_DATABASE), at('etcd.db'))
    const env = { ...process.env, ETCDCTL_API: '3' }
    const theirs = JSON.parse(
      execFileSync('etcdctl', ['snapshot', 'status', at('etcd.db'), '-w', 'json'], { env, encoding: 'utf8' }),
    )
    const ours = JSON.parse(await t8s('snapshot', 'status', at('etcd.tar'), '-o', 'json'))
    const { hash, revision, keys, bytes } = ours
    assert.deepEqual({ hash, revision, totalKey: keys, totalSize: bytes }, theirs)
    assert.match(
      await t8s('snapshot', 'status', at('embedded.tar')),
      /^embedded, revision \d+ of .*: \d+ keys, \d+\.\d MB; it is whole\n$/,
    )
  })

  await context.test('and back: as it was in etcd, and further ahead', async () => {
    await t8s('down', '--data-dir', at('e'))
    await t8s('snapshot', 'restore', at('etcd.tar'), '--data-dir', at('b'), '--store', 'embedded')
    await t8s('up', '--data-dir', at('b'))
    assert.equal(await versionOf(at('b'), 'kept'), version)
    assert.equal(await kubectl(at('b'), 'get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'ü')
    await kubectl(at('b'), 'create', 'configmap', 'newer')
    assert.ok((await versionOf(at('b'), 'newer')) > (await versionOf(at('b'), 'new')) + AHEAD)
    await kubectl(at('b'), 'rollout', 'status', 'deployment/web', '--timeout=60s')
    assert.equal(JSON.parse(readFileSync(join(at('b'), 'cluster.json'), 'utf8')).store, 'embedded')
    for (const name of ['e', 'b']) await t8s('reset', '--yes', '--data-dir', at(name))
  })
})
