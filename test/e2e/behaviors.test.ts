/**
 * Behaviours of the conformance suite that need processes in pods, shown on a cluster whose nodes run containers, and compared with
 * docs/conformance.md. `T8S_BEHAVIOR_WRITE=1` writes what the run shows into it instead.
 */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import test from 'node:test'
import { buildNodeImage } from '../images/node.ts'
import { Machine } from './machine.ts'

test('what needs processes in pods is as docs/conformance.md says', { timeout: 300_000 }, async (context) => {
  await using machine = new Machine('behaviors')
  await machine.t8s('up')
  await machine.t8s('image', 'load', await buildNodeImage(machine.directory))
  const table = [process.execPath, '--conditions=source', 'tools/conformance-table.ts', '--containers']
  const kubeconfig = `T8S_BEHAVIOR_KUBECONFIG=${join(machine.data, 'kubeconfig')}`
  const check = process.env['T8S_BEHAVIOR_WRITE'] === undefined ? ['--check'] : []
  // Which is a run of tests of its own, and no part of this one.
  const shown = await machine.exec('env', '--unset=NODE_TEST_CONTEXT', kubeconfig, ...table, ...check).catch((error: unknown) => {
    context.diagnostic((error as { readonly stdout: string }).stdout)
    throw error
  })
  context.diagnostic(shown)
  assert.match(shown, /ServiceAccounts should mount an API token into pods/)
})
