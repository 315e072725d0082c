import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import {
  type PersistentVolume,
  type PersistentVolumeClaim,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  runtimeClasses,
} from '#api'
import { hasEnded, NODE, type RealNode, STAY, shell } from '../real-node.ts'

const volumeMounts = [{ name: 'v', mountPath: '/v' }]
const claiming = (claimName: string, more: object = {}) => ({
  volumes: [{ name: 'v', persistentVolumeClaim: { claimName, ...more } }],
})

/** Claims, their volumes, and runtime classes. */
export function claimTests(given: () => RealNode): void {
  /** A claim and a volume that are for one another, but not bound yet. */
  async function pair(name: string, source: object): Promise<(owner?: object) => Promise<void>> {
    const { client } = given()
    const storage = '1Gi'
    const claim: PersistentVolumeClaim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: 'default' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, storageClassName: '', volumeName: name },
    }
    const { metadata } = await client.create(persistentVolumeClaims, claim)
    const volume = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        accessModes: ['ReadWriteOnce'],
        capacity: { storage },
        storageClassName: '',
        claimRef: { kind: 'PersistentVolumeClaim', namespace: 'default', name, uid: metadata!.uid },
        ...source,
      },
    } as PersistentVolume
    await client.create(persistentVolumes, volume)
    return async () => {
      const patch = { status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage } } }
      await client.patch(persistentVolumeClaims, `default/${name}`, patch, { type: 'merge', subresource: 'status' })
    }
  }

  const on = (node: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] }] },
  })

  it('a claim is waited for until it is bound; a local volume is given to the group of the pod', async () => {
    const node = given()
    const path = join(node.place.directory, 'local-disk')
    mkdirSync(path)
    writeFileSync(join(path, 'old'), 'kept\n', { mode: 0o600 })
    const bind = await pair('local', { local: { path }, nodeAffinity: on(NODE) })
    const spec = { restartPolicy: 'Never', securityContext: { runAsUser: 1000, fsGroup: 5678 }, ...claiming('local') }
    await node.client.create(
      pods,
      shell('claim', 'cat /v/old; echo new >/v/new; stat -c "%a %g" /v /v/old', { volumeMounts }, spec),
    )
    await node.untilEvent('claim', 'FailedMount', /^error processing PVC default\/local: PVC is not bound$/)
    await bind()
    await node.untilPod('claim', hasEnded)
    assert.equal(await node.logs('claim'), 'kept\n2775 5678\n660 5678\n')
    assert.equal(readFileSync(join(path, 'new'), 'utf8'), 'new\n')
  })

  it('a hostPath volume can be claimed read-only; a volume of another node can not be mounted', async () => {
    const node = given()
    const path = join(node.place.directory, 'claimed')
    const [bindHere, bindThere] = await Promise.all([
      pair('here', { hostPath: { path, type: 'DirectoryOrCreate' } }),
      pair('there', { local: { path: '/srv' }, nodeAffinity: on('elsewhere') }),
    ])
    await Promise.all([bindHere(), bindThere()])
    await node.run(
      shell('claim-read', 'touch /v/x', { volumeMounts }, { restartPolicy: 'Never', ...claiming('here', { readOnly: true }) }),
      hasEnded,
    )
    assert.match(await node.logs('claim-read'), /Read-only file system/)
    await node.client.create(pods, shell('claim-there', STAY, { volumeMounts }, claiming('there')))
    await node.untilEvent(
      'claim-there',
      'FailedMount',
      /^MountVolume\.NodeAffinity check failed for volume "there" : no matching NodeSelectorTerms$/,
    )
    await node.delete('claim-there', 0)
  })

  it('an ephemeral volume is the claim that was made for the pod, and no other', async () => {
    const node = given()
    const ephemeral = {
      volumeClaimTemplate: { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } },
    }
    const bind = await pair('ephemeral-v', {
      hostPath: { path: join(node.place.directory, 'ephemeral'), type: 'DirectoryOrCreate' },
    })
    await bind()
    const { metadata } = await node.client.create(
      pods,
      shell('ephemeral', STAY, { volumeMounts }, { volumes: [{ name: 'v', ephemeral }] }),
    )
    await node.untilEvent(
      'ephemeral',
      'FailedMount',
      /PVC default\/ephemeral-v was not created for pod default\/ephemeral \(pod is not owner\)$/,
    )
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'ephemeral', uid: metadata!.uid, controller: true }]
    await node.client.patch(persistentVolumeClaims, 'default/ephemeral-v', { metadata: { ownerReferences } }, { type: 'merge' })
    await node.untilPod('ephemeral', ({ status }) => status?.phase === 'Running')
    await node.delete('ephemeral')
  })

  it('a runtime class chooses the handler, and one that the runtime has not is told of', async () => {
    const node = given()
    for (const [name, handler] of [
      ['plain', 'runc'],
      ['exotic', 'no-such-handler'],
    ] as const)
      await node.client.create(runtimeClasses, {
        apiVersion: 'node.k8s.io/v1',
        kind: 'RuntimeClass',
        metadata: { name },
        handler,
      })
    await node.run(shell('class-plain', 'echo ran', {}, { restartPolicy: 'Never', runtimeClassName: 'plain' }), hasEnded)
    await node.client.create(pods, shell('class-exotic', STAY, {}, { runtimeClassName: 'exotic' }))
    await node.untilEvent(
      'class-exotic',
      'FailedCreatePodSandBox',
      /^Failed to create pod sandbox: .*no runtime for "no-such-handler" is configured/,
    )
    await node.delete('class-exotic', 0)
  })
}
