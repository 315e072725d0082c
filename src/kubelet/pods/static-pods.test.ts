import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import type { Pod } from '#api'
import { nullLog, VirtualClock } from '#base'
import { CONFIG_HASH, isStaticPod, StaticPods } from './static-pods.ts'

test('manifests become pods of the node, and what is no pod is left out', async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-static-'))
  context.after(() => rmSync(directory, { recursive: true }))
  const spec = { containers: [{ name: 'main', image: 'busybox:1' }] }
  writeFileSync(
    join(directory, 'a.yaml'),
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers: [{name: main, image: busybox:1}]\n',
  )
  writeFileSync(
    join(directory, 'b.json'),
    JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'b', namespace: 'x' }, spec }),
  )
  writeFileSync(join(directory, 'c.yaml'), 'kind: [')
  writeFileSync(join(directory, 'd.yaml'), 'apiVersion: v1\nkind: Service\nmetadata: {name: d}\n')
  const found: Pod[] = []
  using pods = new StaticPods({ directory, nodeName: 'node-1', clock: new VirtualClock(), log: nullLog }, (_, after) =>
    found.push(after!),
  )
  await pods.start()
  assert.deepEqual(found.map(({ metadata }) => `${metadata?.namespace}/${metadata?.name}`).sort(), [
    'default/a-node-1',
    'x/b-node-1',
  ])
  for (const pod of found) {
    assert.ok(isStaticPod(pod))
    assert.match(pod.metadata?.annotations?.[CONFIG_HASH] ?? '', /^[0-9a-f]{32}$/)
    assert.equal(pod.spec?.nodeName, 'node-1')
  }
})
