import assert from 'node:assert/strict'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { nodes, pods } from '#api'
import { isReady, NODE, type RealNode, STAY } from '../real-node.ts'

const manifest = (word: string): string => `
apiVersion: v1
kind: Pod
metadata: { name: local, labels: { word: ${word} } }
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: main
    image: t8s.local/busybox:1
    command: [sh, -c, 'echo ${word}; ${STAY}']
`

/** Pods from the node's own manifests. */
export function staticPodTests(given: () => RealNode): void {
  it('a manifest becomes a pod that the API shows, follows its file, and comes back when its copy is deleted', async () => {
    const node = given()
    const name = `local-${NODE}`
    const file = join(node.place.directory, 'manifests/local.yaml')
    const write = (text: string): void => {
      writeFileSync(join(node.place.directory, 'local.tmp'), text)
      renameSync(join(node.place.directory, 'local.tmp'), file)
    }
    write(manifest('one'))
    const first = await node.untilPod(name, isReady)
    const { annotations = {}, ownerReferences, labels } = first.metadata!
    assert.equal(annotations['kubernetes.io/config.source'], 'file')
    assert.match(annotations['kubernetes.io/config.hash']!, /^[0-9a-f]{32}$/)
    assert.equal(annotations['kubernetes.io/config.mirror'], annotations['kubernetes.io/config.hash'])
    assert.match(annotations['kubernetes.io/config.seen']!, /^\d{4}-/)
    assert.deepEqual(labels, { word: 'one' })
    const { metadata } = await node.client.get(nodes, NODE)
    assert.deepEqual(ownerReferences, [{ apiVersion: 'v1', kind: 'Node', name: NODE, uid: metadata!.uid, controller: true }])
    assert.ok(first.spec?.tolerations?.some(({ operator, effect }) => operator === 'Exists' && effect === 'NoExecute'))
    assert.equal(await node.logs(name), 'one\n')

    await node.client.delete(pods, `default/${name}`)
    const again = await node.untilPod(name, (pod) => isReady(pod) && pod.metadata?.uid !== first.metadata?.uid)
    const id = again.status?.containerStatuses?.[0]?.containerID
    assert.equal(id, first.status?.containerStatuses?.[0]?.containerID, 'the container goes on')

    write('this is no pod')
    write(manifest('two'))
    await node.untilPod(name, (pod) => isReady(pod) && pod.metadata?.labels?.['word'] === 'two')
    assert.equal(await node.logs(name), 'two\n')
    rmSync(file)
    await node.until(pods, `default/${name}`, (pod) => pod === undefined)
    assert.deepEqual(await node.runtime.listPodSandboxes({ labels: { 'io.kubernetes.pod.name': name } }), [])
  })
}
