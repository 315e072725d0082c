import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { promisify } from 'node:util'
import { startCluster } from '#cluster'

const run = promisify(execFile)
/** Debian's interpreter, which has Debian's packages, whatever the PATH begins with. */
const PYTHON = '/usr/bin/python3'

test('the Python client works with typed objects, watches and custom kinds', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  const directory = mkdtempSync(join(tmpdir(), 't8s-python-'))
  try {
    const kubeconfig = join(directory, 'kubeconfig')
    writeFileSync(kubeconfig, cluster.kubeconfig, { mode: 0o600 })
    const environment = { HOME: directory, KUBECONFIG: kubeconfig, PYTHONDONTWRITEBYTECODE: '1' }
    const { stdout } = await run(PYTHON, [join(import.meta.dirname, 'client.py')], { env: environment })
    const { status, ...seen } = JSON.parse(stdout) as { status: { spec: object; status: object } }
    assert.deepEqual([status.spec, status.status], [{ size: 2, tags: ['a', 'b'] }, { size: 4 }])
    const below = 'spec.size in body should be less than or equal to 9'
    assert.deepEqual(seen, {
      created: ['IfNotPresent', '500m'],
      watch: 'ADDED',
      again: [409, 'AlreadyExists', 'pods "one" already exists'],
      missing: [404, 'NotFound', 'pods "none" not found'],
      labels: { c: 'd', e: 'f' },
      deleted: 'one',
      pages: [1, null, 1, null],
      scaled: 3,
      gone: 'Success',
      default: 1,
      merged: 2,
      applied: ['a', 'b'],
      scale: 2,
      invalid: [422, 'Invalid', `Widget.example.com "w" is invalid: spec.size: Invalid value: 10: ${below}`],
      listed: ['w'],
      added: 'ADDED',
      'custom gone': 'Success',
    })
  } finally {
    rmSync(directory, { recursive: true })
  }
})
