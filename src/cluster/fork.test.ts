import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, type Deployment, deployments, pods } from '#api'
import { VirtualClock } from '#base'
import { openMemoryStore } from '#store'
import { startCluster } from './cluster.ts'

const OBJECTS = 10_000

const deployment = (replicas: number): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})

test('a fork of a cluster has its ten thousand objects, runs on by itself, and leaves the cluster alone', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  for (let at = 0; at < OBJECTS; at++) {
    const metadata = { name: `m${at}`, namespace: 'default', uid: `u${at}`, creationTimestamp: '2026-01-01T00:00:00Z' }
    const value = Buffer.from(JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { at: `${at}` } }))
    await store.put(`/registry/configmaps/default/m${at}`, value, { expected: 0 })
  }
  await using cluster = await startCluster({ nodes: 1, clock, seed: 5, store })
  await clock.advance(5_000)
  await cluster.client.create(deployments, deployment(2))
  await clock.advance(10_000)
  const before = await cluster.client.list(configMaps, { namespace: 'default' })
  assert.ok(before.items.length > OBJECTS)

  const forkClock = new VirtualClock(clock.now())
  await using fork = await cluster.fork({ clock: forkClock, seed: 6 })
  const same = await fork.client.list(configMaps, { namespace: 'default' })
  assert.deepEqual(
    same.items.map(({ metadata }) => [metadata?.name, metadata?.uid, metadata?.resourceVersion]),
    before.items.map(({ metadata }) => [metadata?.name, metadata?.uid, metadata?.resourceVersion]),
  )
  await fork.client.delete(configMaps, 'default/m7')
  const live = await fork.client.get(deployments, 'default/web')
  await fork.client.update(deployments, { ...live, spec: { ...live.spec!, replicas: 4 } })
  await forkClock.advance(30_000)
  const running = await fork.client.list(pods, { namespace: 'default', labelSelector: 'app=web' })
  assert.deepEqual([running.items.length, running.items.filter(({ status }) => status?.phase === 'Running').length], [4, 4])

  await clock.advance(30_000)
  assert.ok(await cluster.client.find(configMaps, 'default/m7'))
  assert.equal((await cluster.client.list(pods, { namespace: 'default', labelSelector: 'app=web' })).items.length, 2)
  await cluster.client.delete(deployments, 'default/web')
  await clock.advance(30_000)
  await forkClock.advance(30_000)
  assert.equal((await fork.client.get(deployments, 'default/web')).status?.readyReplicas, 4)
})
