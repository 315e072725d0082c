import assert from 'node:assert/strict'
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  type Pod,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
} from '#api'
import { behaviors, type Scene } from './behavior.ts'
import { assertHolds, statusIsApart, supportsOperations } from './operations.ts'
import { refusal, until } from './waiting.ts'

const attachment = (name: string) => ({
  metadata: { name },
  spec: { attacher: 'attacher.example.com', nodeName: 'no-such-node', source: { persistentVolumeName: 'no-such-volume' } },
})

behaviors('storage', (behavior) => {
  behavior('[sig-storage] CSIInlineVolumes should run through the lifecycle of a CSIDriver [Conformance]', async (scene) => {
    await supportsOperations(scene, csiDrivers, {
      make: () => ({
        metadata: { generateName: 'inline-driver-' },
        spec: { volumeLifecycleModes: ['Persistent', 'Ephemeral'] },
      }),
    })
  })

  behavior(
    '[sig-storage] CSIInlineVolumes should support CSIVolumeSource in Pod API [Conformance]',
    async ({ client, namespace }) => {
      const volumes = [{ name: 'inline', csi: { driver: 'e2e.example.com' } }]
      const pod: Pod = {
        metadata: { name: 'inline', namespace, labels: { test: 'inline' } },
        spec: {
          containers: [{ name: 'main', image: 'pause:3', volumeMounts: [{ name: 'inline', mountPath: '/data' }] }],
          volumes,
          terminationGracePeriodSeconds: 0,
          // Nowhere to run: the API alone is looked at.
          nodeSelector: { nowhere: 'true' },
        },
      }
      await client.create(pods, pod)
      const fetched = await client.get(pods, `${namespace}/inline`)
      assertHolds(
        fetched.spec?.volumes?.find(({ name }) => name === 'inline'),
        volumes[0]!,
      )
      const patch = { metadata: { labels: { patched: 'true' } } }
      assert.equal(
        (await client.patch(pods, `${namespace}/inline`, patch, { type: 'strategic' })).metadata?.labels?.['patched'],
        'true',
      )
      await client.delete(pods, `${namespace}/inline`)
      await until(client, pods, `${namespace}/inline`, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-storage] CSINodes CSI Conformance should run through the lifecycle of a csinode [Conformance]',
    async (scene) => {
      await supportsOperations(scene, csiNodes, {
        make: () => ({
          metadata: { generateName: 'node-' },
          spec: { drivers: [{ name: 'example.com', nodeID: 'id', topologyKeys: [] }] },
        }),
      })
    },
  )

  behavior('[sig-storage] CSIStorageCapacity should support CSIStorageCapacities API operations [Conformance]', async (scene) => {
    await supportsOperations(scene, csiStorageCapacities, {
      make: () => ({ metadata: { generateName: 'capacity-' }, storageClassName: 'example', capacity: '1Gi' }),
      change: (draft) => void (draft.capacity = '2Gi'),
    })
  })

  behavior(
    '[sig-storage] StorageClasses CSI Conformance should run through the lifecycle of a StorageClass [Conformance]',
    async (scene) => {
      await supportsOperations(scene, storageClasses, {
        make: () => ({ metadata: { generateName: 'class-' }, provisioner: 'example.com/fake', reclaimPolicy: 'Delete' }),
        change: (draft) => void (draft.metadata!.labels!['updated'] = 'true'),
      })
    },
  )

  behavior(
    '[sig-storage] VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment [Conformance]',
    async (scene) => {
      await supportsOperations(scene, volumeAttachments, { make: (index) => attachment(`${scene.namespace}-${index}`) })
    },
  )

  behavior(
    '[sig-storage] VolumeAttachment Conformance should apply changes to a volumeattachment status [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const created = await client.create(volumeAttachments, attachment(namespace))
      assert.equal(created.status?.attached, false)
      await statusIsApart(scene, volumeAttachments, namespace, { attached: true })
      // The main resource leaves the status alone.
      const current = await client.get(volumeAttachments, namespace)
      await client.update(volumeAttachments, { ...current, status: { attached: false } })
      assert.equal((await client.get(volumeAttachments, namespace)).status?.attached, true)
      await client.delete(volumeAttachments, namespace)
      await refusal(client.get(volumeAttachments, namespace), 'NotFound')
    },
  )

  behavior(
    '[sig-storage] VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass [Conformance]',
    async (scene) => {
      await supportsOperations(scene, volumeAttributesClasses, {
        make: () => ({ metadata: { generateName: 'attributes-' }, driverName: 'example.com', parameters: { speed: 'fast' } }),
      })
    },
  )

  behavior(
    '[sig-storage] PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC [Conformance]',
    async (scene) => {
      const { client, namespace } = scene
      const { volume, claim } = await pair(scene)
      const patched = await client.patch(
        persistentVolumes,
        volume,
        { metadata: { labels: { [volume]: 'patched' } } },
        { type: 'merge' },
      )
      assert.equal(patched.metadata?.labels?.[volume], 'patched')
      await client.patch(persistentVolumeClaims, claim, { metadata: { labels: { [volume]: 'patched' } } }, { type: 'merge' })
      const current = await client.get(persistentVolumeClaims, claim)
      await client.update(persistentVolumeClaims, {
        ...current,
        metadata: { ...current.metadata, labels: { [volume]: 'updated' } },
      })
      const selection = { labelSelector: `${volume}=updated` }
      assert.equal((await client.list(persistentVolumeClaims, selection)).items.length, 1)
      await client.delete(persistentVolumeClaims, claim)
      await until(client, persistentVolumeClaims, claim, (each) => each === undefined)
      await client.delete(persistentVolumes, volume)
      await until(client, persistentVolumes, volume, (each) => each === undefined)
      // And again, as collections.
      await pair(scene)
      await client.deleteCollection(persistentVolumeClaims, { namespace })
      await until(client, persistentVolumeClaims, claim, (each) => each === undefined)
      await client.deleteCollection(persistentVolumes, { labelSelector: `behavior=${namespace}` })
      await until(client, persistentVolumes, volume, (each) => each === undefined)
    },
  )

  behavior(
    '[sig-storage] PersistentVolumes CSI Conformance should apply changes to a pv/pvc status [Conformance]',
    async (scene) => {
      const { client } = scene
      const { volume, claim } = await pair(scene)
      const condition = { type: 'StatusPatched', status: 'True' as const, reason: 'E2E', message: 'Set from a test' }
      await statusIsApart(scene, persistentVolumeClaims, claim, { conditions: [condition] })
      await statusIsApart(scene, persistentVolumes, volume, { message: 'StatusPatched', reason: 'E2E' })
      await client.delete(persistentVolumeClaims, claim)
      await client.delete(persistentVolumes, volume)
    },
  )
})

/** A volume and a claim that nothing binds: their class is nobody's. */
async function pair({ client, namespace }: Scene): Promise<{ readonly volume: string; readonly claim: string }> {
  const storageClassName = `${namespace}-class`
  const labels = { behavior: namespace }
  const capacity = { storage: '1Gi' }
  await client.create(persistentVolumes, {
    metadata: { name: namespace, labels },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity,
      storageClassName,
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'example.com', volumeHandle: 'handle' },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'nowhere', operator: 'Exists' }] }] } },
    },
  })
  await client.create(persistentVolumeClaims, {
    metadata: { name: 'claim', namespace, labels },
    // No volume has so much.
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } }, storageClassName },
  })
  return { volume: namespace, claim: `${namespace}/claim` }
}
