import assert from 'node:assert/strict'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { Machine } from './machine.ts'

const ROOT = join(import.meta.dirname, '../..')

test('a running cluster is saved, and comes back elsewhere with all it had', { timeout: 240_000 }, async (context) => {
  await using machine = new Machine('snap')
  const file = join(machine.directory, 'backup.tar')
  const restored = join(machine.directory, 'r')
  const t8s = (...words: string[]): Promise<string> => machine.exec(join(ROOT, 't8s'), ...words)
  await machine.t8s('up', '--runtime', 'simulated', '--nodes', '2')
  await machine.kubectl('create', 'configmap', 'kept', '--from-literal=a=b')
  await machine.kubectl('create', 'deployment', 'web', '--image=web:1', '--replicas=2')
  await machine.kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
  const token = await machine.kubectl('create', 'token', 'default')
  assert.match(await machine.t8s('snapshot', 'save', file), /^saved revision \d+ to .*backup\.tar \(\d+\.\d MB\)\n$/)
  assert.equal(statSync(file).mode & 0o777, 0o600)
  await machine.kubectl('delete', 'configmap', 'kept')

  await context.test('what would overwrite, or is none, is refused in a sentence', async () => {
    const refused = async (sentence: RegExp, ...words: string[]): Promise<void> => {
      await assert.rejects(t8s('snapshot', ...words), (error: Error & { stderr: string; code: number }) => {
        assert.match(error.stderr, sentence)
        return error.code === 1
      })
    }
    await refused(/backup\.tar is there already/, 'save', file, '--data-dir', machine.data)
    await refused(/is not empty; a snapshot is restored into a new directory/, 'restore', file, '--data-dir', machine.data)
    await refused(/there is no file/, 'restore', `${file}.missing`, '--data-dir', restored)
    const bytes = readFileSync(file)
    const damaged = join(machine.directory, 'damaged.tar')
    writeFileSync(damaged, bytes.subarray(0, 4096))
    await refused(/is no snapshot of t8s/, 'restore', damaged, '--data-dir', restored)
    const flipped = Buffer.from(bytes)
    flipped[bytes.length - 4096]! ^= 1
    writeFileSync(damaged, flipped)
    await refused(/damaged\.tar is damaged: store\/\S+ is not what was saved; use another snapshot/, 'status', damaged)
    writeFileSync(damaged, Buffer.from(bytes.toString('latin1').replace('"formatVersion":3', '"formatVersion":9'), 'latin1'))
    await refused(
      /was written by a newer version of t8s \(format 9, this one knows 3\); upgrade t8s/,
      'restore',
      damaged,
      '--data-dir',
      restored,
    )
  })

  await context.test('the restored cluster has the objects of that moment, and knows its old tokens', async () => {
    await machine.t8s('down')
    await t8s('snapshot', 'restore', file, '--data-dir', restored)
    await t8s('up', '--data-dir', restored)
    const kubectl = (...words: string[]): Promise<string> =>
      machine.exec('kubectl', '--kubeconfig', join(restored, 'kubeconfig'), ...words)
    assert.equal(await kubectl('get', 'configmap', 'kept', '-o', 'jsonpath={.data.a}'), 'b')
    await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s')
    const url = await kubectl('config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}')
    const who = await machine.exec(
      'kubectl',
      '--kubeconfig=/dev/null',
      '--insecure-skip-tls-verify',
      '--server',
      url,
      '--token',
      token.trim(),
      'auth',
      'whoami',
    )
    assert.match(who, /system:serviceaccount:default:default/)
    await t8s('reset', '--yes', '--data-dir', restored)
  })
})
