import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, clusterRoles, configMaps, type Deployment, deployments, pods, serviceAccounts, services } from '#api'
import type { KubernetesObject } from '#meta'
import { startTestApiServer } from '#testing'

const labels = { app: 'web' }
const web = (container: object = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', labels: {}, annotations: {} },
  spec: {
    paused: false,
    replicas: 0,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { nodeSelector: {}, containers: [{ name: 'web', image: 'web:1', env: [], ...container }] },
    },
  },
})

const fieldsOf = ({ metadata }: KubernetesObject): unknown => metadata!.managedFields![0]!.fieldsV1
const revisionOf = ({ metadata }: KubernetesObject): string => metadata!.resourceVersion!

test('every way of writing stores an object without what is empty, and with what is always there', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const created = await client.create(deployments, web())
  assert.deepEqual(Object.keys(created.metadata!).sort(), [
    ...['creationTimestamp', 'generation', 'managedFields', 'name', 'namespace', 'resourceVersion', 'uid'],
  ])
  const { paused, replicas, template } = created.spec!
  assert.deepEqual([paused, replicas, template.spec!.nodeSelector, created.status], [undefined, 0, undefined, {}])
  const container = template.spec!.containers[0]!
  assert.deepEqual([container.env, container.resources], [undefined, {}])

  const same = [
    await client.update(deployments, web()),
    await client.patch(deployments, 'default/web', { metadata: { labels: {} }, spec: { paused: false } }, { type: 'merge' }),
    await client.patch(deployments, 'default/web', web() as object, { type: 'strategic' }),
    await client.patch(deployments, 'default/web', [{ op: 'add', path: '/spec/template/spec/nodeSelector', value: {} }], {
      type: 'json',
    }),
  ]
  assert.deepEqual([...new Set(same.map(revisionOf))], [revisionOf(created)], 'none of them changes anything')
  assert.equal(same.at(-1)!.metadata!.generation, 1)

  const changed = await client.update(deployments, web({ stdin: true, command: ['a'] }))
  const changes = { spec: { template: { spec: { containers: [{ name: 'web', stdin: false, command: [] }] } } } }
  const restored = await client.patch(deployments, 'default/web', changes, { type: 'strategic' })
  assert.notEqual(revisionOf(changed), revisionOf(created))
  assert.deepEqual(restored.spec, created.spec)
})

test('structs and lists of other kinds are there before anyone fills them', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const role = await client.create(clusterRoles, { metadata: { name: 'empty' } })
  assert.deepEqual(role.rules, [])
  const service = await client.create(services, {
    metadata: { name: 's', namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  })
  assert.deepEqual([service.status, service.spec!.ports![0]!.targetPort], [{ loadBalancer: {} }, 80])
  const fieldRef = { resourceFieldRef: { resource: 'limits.cpu' } }
  const container = { name: 'a', image: 'a', env: [{ name: 'X', value: '', valueFrom: fieldRef }] }
  const metadata = { name: 'p', namespace: 'default' }
  await client.create(serviceAccounts, { metadata: { name: 'default', namespace: 'default' } })
  const pod = await client.create(pods, { metadata, spec: { automountServiceAccountToken: false, containers: [container] } })
  assert.deepEqual(pod.spec!.containers[0]!.env, [
    { name: 'X', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '0' } } },
  ])
  assert.equal(pod.spec!.automountServiceAccountToken, false)
})

test('an applier owns the empty value that it lists, although the object does not show it', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', labels: {} }, data: {} } as ConfigMap
  const apply = (object: object): Promise<ConfigMap> =>
    client.patch(configMaps, 'default/c', object, { type: 'apply', fieldManager: 'ci' })
  const applied = await apply(settings)
  assert.deepEqual([applied.metadata!.labels, applied.data], [undefined, undefined])
  assert.deepEqual(fieldsOf(applied), { 'f:metadata': { 'f:labels': {} }, 'f:data': {} })
  assert.equal(revisionOf(await apply(settings)), revisionOf(applied))
  const { metadata, ...rest } = settings
  const less = await apply({ ...rest, metadata: { name: metadata!.name! } })
  assert.deepEqual(fieldsOf(less), { 'f:data': {} })
})

test('who makes an object owns no list as a whole that upstream’s objects always have', async () => {
  await using api = await startTestApiServer()
  const created = await api.client.create(deployments, web({ ports: [{ containerPort: 80 }] }), { fieldManager: 'me' })
  const fields = fieldsOf(created) as { 'f:spec': { 'f:template': { 'f:spec': Record<string, Record<string, object>> } } }
  const containers = fields['f:spec']['f:template']['f:spec']['f:containers']!
  assert.deepEqual(Object.keys(containers), ['k:{"name":"web"}'])
  assert.ok('.' in (containers['k:{"name":"web"}'] as Record<string, Record<string, object>>)['f:ports']!)
})
