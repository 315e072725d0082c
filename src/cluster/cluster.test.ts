import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, type Deployment, deployments, namespaces, pods, replicaSets, serviceAccounts } from '#api'
import { VirtualClock } from '#base'
import { startCluster } from './cluster.ts'

const deployment = (replicas: number, image = 'web:1'): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image }] } },
  },
})

test('a deployment runs on the nodes of a cluster, rolls over and goes with its pods', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 2, clock, seed: 5 })
  const { client } = cluster
  await clock.advance(5_000)
  await client.create(deployments, deployment(4))
  await clock.advance(10_000)
  const running = await client.list(pods, { namespace: 'default', labelSelector: 'app=web' })
  assert.equal(running.items.length, 4)
  assert.deepEqual([...new Set(running.items.map(({ spec }) => spec?.nodeName))].sort(), ['node-1', 'node-2'])
  assert.ok(running.items.every(({ status }) => status?.phase === 'Running'))

  const live = await client.get(deployments, 'default/web')
  await client.update(deployments, { ...live, spec: { ...live.spec!, template: deployment(4, 'web:2').spec!.template } })
  await clock.advance(60_000)
  const rolled = await client.get(deployments, 'default/web')
  assert.equal(rolled.status?.updatedReplicas, 4)
  assert.equal(rolled.status?.conditions?.find(({ type }) => type === 'Progressing')?.reason, 'NewReplicaSetAvailable')
  const sets = await client.list(replicaSets, { namespace: 'default' })
  assert.deepEqual(sets.items.map(({ spec }) => spec?.replicas).sort(), [0, 4])

  await client.delete(deployments, 'default/web')
  await clock.advance(60_000)
  assert.equal((await client.list(pods, { namespace: 'default' })).items.length, 0)
  assert.equal((await client.list(replicaSets, { namespace: 'default' })).items.length, 0)
})

test('a namespace gets its service account, and goes with everything in it', async () => {
  const clock = new VirtualClock()
  await using cluster = await startCluster({ nodes: 0, clock, seed: 6 })
  const { client } = cluster
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } })
  await clock.advance(1_000)
  assert.ok(await client.find(serviceAccounts, 'work/default'))
  await client.delete(namespaces, 'work')
  await clock.advance(10_000)
  assert.equal(await client.find(namespaces, 'work'), undefined)
  assert.equal(await client.find(serviceAccounts, 'work/default'), undefined)
})

test('admission functions judge and change what is written, as webhooks do', async () => {
  const seen: string[] = []
  await using cluster = await startCluster({
    nodes: 0,
    clock: new VirtualClock(),
    admission: [
      ({ operation, kind, name, namespace, userInfo }) => {
        if (kind.kind !== 'ConfigMap' || namespace !== 'default' || name === 'kube-root-ca.crt') return undefined
        seen.push(`${operation} ${name} by ${userInfo.username}`)
        return name === 'bad'
          ? { allowed: false, status: { message: 'no' } }
          : { patch: [{ op: 'add', path: '/data', value: { a: 'b' } }] }
      },
    ],
  })
  const make = (name: string) =>
    cluster.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } })
  assert.deepEqual((await make('good')).data, { a: 'b' })
  await assert.rejects(make('bad'), { message: 'admission webhook "function-0.t8s.local" denied the request: no' })
  assert.deepEqual(seen, ['CREATE good by kubernetes-admin', 'CREATE bad by kubernetes-admin'])
})

test('authorizer functions decide before rules do, as webhooks do', async () => {
  await using cluster = await startCluster({
    nodes: 0,
    clock: new VirtualClock(),
    authorizers: [
      ({ user, resourceAttributes }) => {
        if (resourceAttributes?.resource !== 'configmaps') return undefined
        if (user === 'ann') return { allowed: true }
        return user === 'system:kube-scheduler' ? { denied: true, reason: 'not yours' } : undefined
      },
    ],
  })
  const as = (username: string) => cluster.clientFor({ username, groups: ['system:authenticated'] })
  await as('ann').list(configMaps)
  await assert.rejects(as('ann').list(pods), /User "ann" cannot list resource "pods" in API group "" at the cluster scope$/)
  await as('system:kube-scheduler').list(pods)
  await assert.rejects(as('system:kube-scheduler').list(configMaps), /at the cluster scope: not yours$/)
})
