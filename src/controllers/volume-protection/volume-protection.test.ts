import assert from 'node:assert/strict'
import test from 'node:test'
import { namespaces, persistentVolumeClaims, persistentVolumes, pods, volumeAttributesClasses } from '#api'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'data', namespace: 'work' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeAttributesClassName: 'fast' },
}

const user = (nodeName: string | undefined) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'user', namespace: 'work' },
  spec: {
    ...(nodeName !== undefined && { nodeName }),
    containers: [{ name: 'a', image: 'a' }],
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }],
  },
})

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } })
      await cluster.clock.advance(100)
      await body(cluster)
    })
  }

  behaviour('a claim that a scheduled pod uses goes with the pod', async ({ client, clock }) => {
    await client.create(persistentVolumeClaims, claim)
    await client.create(pods, user('somewhere'))
    await client.delete(persistentVolumeClaims, 'work/data')
    await clock.advance(5_000)
    assert.ok((await client.get(persistentVolumeClaims, 'work/data')).metadata?.deletionTimestamp)
    await client.delete(pods, 'work/user', { gracePeriodSeconds: 0 })
    await clock.advance(100)
    assert.equal(await client.find(persistentVolumeClaims, 'work/data'), undefined)
  })

  behaviour('a claim that only a pod without a node names goes at once', async ({ client, clock }) => {
    await client.create(persistentVolumeClaims, claim)
    await client.create(pods, user(undefined))
    await client.delete(persistentVolumeClaims, 'work/data')
    await clock.advance(100)
    assert.equal(await client.find(persistentVolumeClaims, 'work/data'), undefined)
  })

  behaviour('a bound volume stays until it is released', async ({ client, clock }) => {
    const volume = await client.create(persistentVolumes, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'disk' },
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
    })
    await client.updateStatus(persistentVolumes, { ...volume, status: { phase: 'Bound' } })
    await client.delete(persistentVolumes, 'disk')
    await clock.advance(100)
    const held = await client.get(persistentVolumes, 'disk')
    await client.updateStatus(persistentVolumes, { ...held, status: { phase: 'Released' } })
    await clock.advance(100)
    assert.equal(await client.find(persistentVolumes, 'disk'), undefined)
  })

  behaviour('a class of volume attributes stays while a claim names it', async ({ client, clock }) => {
    const fast = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttributesClass',
      metadata: { name: 'fast' },
      driverName: 'd.io',
    }
    await client.create(volumeAttributesClasses, { ...fast, parameters: { iops: '1' } })
    await client.create(persistentVolumeClaims, claim)
    await client.delete(volumeAttributesClasses, 'fast')
    await clock.advance(100)
    assert.ok(await client.find(volumeAttributesClasses, 'fast'))
    await client.delete(persistentVolumeClaims, 'work/data')
    await clock.advance(100)
    assert.equal(await client.find(volumeAttributesClasses, 'fast'), undefined)
  })
}
