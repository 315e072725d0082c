import assert from 'node:assert/strict'
import test from 'node:test'
import { leases, type Node, namespaces, nodes, pods } from '#api'
import { formatTime } from '#meta'
import { startTestCluster, type TestCluster, TRANSPORTS } from '#testing'
import { evictionRate, zonesOf } from './node-zones.ts'

/** `healthy` nodes give a sign for ever; `lost` ones were Ready once. */
async function addNodes(cluster: TestCluster, zone: string, counts: { healthy: number; lost: number }): Promise<void> {
  const { client, clock } = cluster
  const names = Array.from({ length: counts.healthy + counts.lost }, (_, at) => [at < counts.healthy ? 'up' : 'lost', at])
  await Promise.all(
    names.map(async ([state, at]) => {
      const name = `${zone}-${state}-${at}`
      const now = formatTime(clock.now())
      const ready = { type: 'Ready', status: 'True', lastHeartbeatTime: now, lastTransitionTime: now }
      const node: Node = {
        apiVersion: 'v1',
        kind: 'Node',
        metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
        status: { conditions: [ready] },
      }
      const renewTime = '2030-01-01T00:00:00.000000Z'
      if (state === 'up')
        await client.create(leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace: 'kube-node-lease' },
          spec: { renewTime },
        })
      await client.create(nodes, node)
    }),
  )
}

async function tainted({ client }: TestCluster, effect: string): Promise<string[]> {
  const { items } = await client.list(nodes)
  return items
    .filter(({ spec }) =>
      spec?.taints?.some((taint) => taint.effect === effect && taint.key === 'node.kubernetes.io/unreachable'),
    )
    .map(({ metadata }) => metadata?.name ?? '')
}

for (const transport of Object.keys(TRANSPORTS)) {
  const behaviour = (name: string, body: (cluster: TestCluster) => Promise<void>): void => {
    test(`${transport}: ${name}`, async () => {
      await using cluster = await startTestCluster({ transport })
      await cluster.client
        .create(namespaces, {
          apiVersion: 'v1',
          kind: 'Namespace',
          metadata: { name: 'kube-node-lease' },
        })
        .catch(() => undefined)
      await body(cluster)
    })
  }

  behaviour('a cordoned node is tainted until it is uncordoned; taints of others stay', async (cluster) => {
    const { client, clock } = cluster
    await addNodes(cluster, 'a', { healthy: 1, lost: 0 })
    await clock.advance(100)
    const taintsOf = async (spec: Node['spec']): Promise<string[]> => {
      await client.patch(nodes, 'a-up-0', { spec }, { type: 'strategic' })
      await clock.advance(100)
      const { spec: now } = await client.get(nodes, 'a-up-0')
      return (now?.taints ?? []).map(({ key, effect }) => `${key}:${effect}`).sort()
    }
    const own = { key: 'mine', effect: 'NoSchedule' }
    assert.deepEqual(await taintsOf({ unschedulable: true, taints: [own] }), [
      'mine:NoSchedule',
      'node.kubernetes.io/unschedulable:NoSchedule',
    ])
    assert.deepEqual(await taintsOf({ unschedulable: false }), ['mine:NoSchedule'])
  })

  behaviour(
    'what a pod tolerates of a taint without a time counts from when it is seen, anew after the taint was off',
    async (cluster) => {
      const { client, clock } = cluster
      await addNodes(cluster, 'a', { healthy: 1, lost: 0 })
      await clock.advance(1_000)
      const taint = { key: 'mine', effect: 'NoExecute' }
      const tolerations = [{ ...taint, operator: 'Exists', tolerationSeconds: 30 }]
      await client.create(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'p', namespace: 'default' },
        spec: { nodeName: 'a-up-0', containers: [{ name: 'a', image: 'a' }], tolerations, terminationGracePeriodSeconds: 0 },
      })
      const after = async (ms: number, taints?: (typeof taint)[] | null): Promise<boolean> => {
        if (taints !== undefined) await client.patch(nodes, 'a-up-0', { spec: { taints } }, { type: 'merge' })
        await clock.advance(ms)
        const pod = await client.find(pods, 'default/p')
        return pod !== undefined && pod.metadata?.deletionTimestamp === undefined
      }
      assert.equal(await after(20_000, [taint]), true)
      assert.equal(await after(60_000, null), true)
      assert.equal(await after(29_000, [taint]), true)
      assert.equal(await after(2_000), false)
    },
  )

  behaviour('lost nodes of a zone that is well lose their pods one in ten seconds', async (cluster) => {
    await addNodes(cluster, 'a', { healthy: 5, lost: 3 })
    await cluster.clock.advance(50_000)
    assert.equal((await tainted(cluster, 'NoSchedule')).length, 3)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 1)
    await cluster.clock.advance(9_000)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 1)
    await cluster.clock.advance(1_000)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 2)
    await cluster.clock.advance(10_000)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 3)
  })

  behaviour('a small zone that is half down keeps its pods; nothing new comes', async (cluster) => {
    await addNodes(cluster, 'a', { healthy: 2, lost: 3 })
    await cluster.clock.advance(120_000)
    assert.equal((await tainted(cluster, 'NoSchedule')).length, 3)
    assert.deepEqual(await tainted(cluster, 'NoExecute'), [])
  })

  behaviour('when every zone is down nobody loses anything, and when one comes back the others do', async (cluster) => {
    await addNodes(cluster, 'a', { healthy: 0, lost: 2 })
    await addNodes(cluster, 'b', { healthy: 0, lost: 1 })
    await cluster.clock.advance(120_000)
    assert.equal((await tainted(cluster, 'NoSchedule')).length, 3)
    assert.deepEqual(await tainted(cluster, 'NoExecute'), [])
    await addNodes(cluster, 'c', { healthy: 1, lost: 0 })
    await cluster.clock.advance(0)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 2)
    await cluster.clock.advance(10_000)
    assert.equal((await tainted(cluster, 'NoExecute')).length, 3)
  })
}

test('a large zone that is half down loses pods at a tenth of the rate', async () => {
  const all = Array.from({ length: 60 }, (_, at): Node => ({ metadata: { name: `n${at}` } }))
  const rate = (lost: number): number =>
    evictionRate(
      zonesOf(all, ({ metadata }) => Number(metadata!.name!.slice(1)) >= lost),
      ':',
    )
  assert.deepEqual([rate(0), rate(32), rate(33), rate(59), rate(60)], [0.1, 0.1, 0.01, 0.01, 0])
})
