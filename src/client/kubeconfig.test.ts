import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import {
  inlineKubeconfig,
  type Kubeconfig,
  mergeIntoKubeconfig,
  readKubeconfig,
  removeFromKubeconfig,
  writeKubeconfig,
} from './kubeconfig.ts'

const clusterOf = (name: string, ca: string): Kubeconfig =>
  inlineKubeconfig({ name, server: 'https://127.0.0.1:6443', ca, certificate: 'c', key: 'k' })

const namesIn = ({ clusters, users, contexts, 'current-context': current }: Kubeconfig): unknown => ({
  clusters: clusters?.map(({ name }) => name),
  users: users?.map(({ name }) => name),
  contexts: contexts?.map(({ name }) => name),
  current,
})

async function inFile(body: (path: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 't8s-kubeconfig-'))
  try {
    await body(join(directory, 'config'))
  } finally {
    rmSync(directory, { recursive: true })
  }
}

test('what was merged into a kubeconfig is taken out of it again, and nothing else is', () =>
  inFile(async (path) => {
    const mine = clusterOf('work', 'another authority')
    await writeKubeconfig(path, { ...mine, preferences: { colors: true } })
    const before = await readKubeconfig(path)
    const added = clusterOf('t8s', 'authority')
    await mergeIntoKubeconfig(path, added)
    const both = { clusters: ['work', 't8s'], users: ['work', 't8s'], contexts: ['work', 't8s'], current: 't8s' }
    assert.deepEqual(namesIn(await readKubeconfig(path)), both)
    await removeFromKubeconfig(path, added)
    assert.deepEqual(await readKubeconfig(path), { ...before, 'current-context': '' })
  }))

test('all contexts of a cluster go with it, also those that its owner added; users that others have stay', () =>
  inFile(async (path) => {
    const added = clusterOf('t8s', 'authority')
    const contextOf = (name: string, cluster: string, user: string) => ({ name, context: { cluster, user } })
    await writeKubeconfig(path, {
      ...added,
      clusters: [...added.clusters!, ...clusterOf('work', 'another authority').clusters!],
      users: [...added.users!, { name: 'ann', user: {} }, { name: 'unused', user: {} }],
      contexts: [...added.contexts!, contextOf('as-ann', 't8s', 'ann'), contextOf('work', 'work', 'ann')],
      'current-context': 'work',
    })
    await removeFromKubeconfig(path, added)
    const left = { clusters: ['work'], users: ['ann', 'unused'], contexts: ['work'], current: 'work' }
    assert.deepEqual(namesIn(await readKubeconfig(path)), left)
  }))

test('another cluster that has taken the name stays, and where there is no file none is made', () =>
  inFile(async (path) => {
    await removeFromKubeconfig(path, clusterOf('t8s', 'authority'))
    assert.equal(existsSync(path), false)
    const insecure = { name: 'lab', cluster: { server: 'https://127.0.0.1:1', 'insecure-skip-tls-verify': true } }
    const later = clusterOf('t8s', 'of a later cluster')
    await writeKubeconfig(path, { ...later, clusters: [...later.clusters!, insecure] })
    const before = await readKubeconfig(path)
    await removeFromKubeconfig(path, clusterOf('t8s', 'authority'))
    await removeFromKubeconfig(path, { clusters: [{ name: 't8s', cluster: { server: 'https://127.0.0.1:6443' } }] })
    assert.deepEqual(await readKubeconfig(path), before)
  }))
