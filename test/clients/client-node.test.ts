import assert from 'node:assert/strict'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import test from 'node:test'
import * as k8s from '@kubernetes/client-node'
import { systemClock } from '#base'
import { type Cluster, startCluster } from '#cluster'
import { openMemoryStore } from '#store'
import { crdOf } from '#testing'

const GROUP = { group: 'example.com', version: 'v1', namespace: 'default', plural: 'widgets' }
const patchAs = (strategy: k8s.PatchStrategy) => k8s.setHeaderOptions('content-type', strategy)
const configMap = (name: string, more: Partial<k8s.V1ConfigMap> = {}): k8s.V1ConfigMap => ({ metadata: { name }, ...more })
const pod = (name: string): k8s.V1Pod => ({
  metadata: { name, labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1', resources: { requests: { cpu: '0.5' } } }] },
})

function configOf(cluster: Cluster): k8s.KubeConfig {
  const config = new k8s.KubeConfig()
  config.loadFromString(cluster.kubeconfig)
  return config
}

/** The Status that a call is refused with. */
async function refused(call: Promise<unknown>): Promise<k8s.V1Status> {
  const error = await call.then(
    () => assert.fail('the call was accepted'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof k8s.ApiException, String(error))
  const status = (typeof error.body === 'string' ? JSON.parse(error.body) : error.body) as k8s.V1Status
  assert.equal(status.code, error.code)
  return status
}

/** Resolves with the first event of a watch that `holds`. */
async function seen(
  config: k8s.KubeConfig,
  path: string,
  holds: (type: string, object: k8s.V1Pod & k8s.V1Deployment) => boolean,
): Promise<string[]> {
  const types: string[] = []
  const found = Promise.withResolvers<void>()
  const controller = await new k8s.Watch(config).watch(
    path,
    { allowWatchBookmarks: true },
    (type, object) => {
      types.push(type)
      if (holds(type, object)) found.resolve()
    },
    (error) => found.reject(error),
  )
  await found.promise
  controller.abort()
  return types
}

test('the JavaScript client creates, reads, changes and deletes typed objects, and watches them run', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  const config = configOf(cluster)
  const [core, apps] = [config.makeApiClient(k8s.CoreV1Api), config.makeApiClient(k8s.AppsV1Api)]
  const created = await core.createNamespacedPod({ namespace: 'default', body: pod('one') })
  assert.ok(created.metadata?.creationTimestamp instanceof Date)
  assert.equal(created.spec?.containers[0]?.resources?.requests?.['cpu'], '500m')
  await seen(config, '/api/v1/namespaces/default/pods', (_, { status }) => status?.phase === 'Running')

  const body: k8s.V1Deployment = {
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { d: 'web' } },
      template: { metadata: { labels: { d: 'web' } }, spec: pod('').spec! },
    },
  }
  await apps.createNamespacedDeployment({ namespace: 'default', body })
  await seen(config, '/apis/apps/v1/deployments', (_, { status }) => status?.availableReplicas === 2)
  const scale = await apps.readNamespacedDeploymentScale({ name: 'web', namespace: 'default' })
  scale.spec!.replicas = 1
  assert.equal(
    (await apps.replaceNamespacedDeploymentScale({ name: 'web', namespace: 'default', body: scale })).spec?.replicas,
    1,
  )
  const live = await core.readNamespacedPod({ name: 'one', namespace: 'default' })
  live.metadata!.labels!['seen'] = 'yes'
  assert.equal(
    (await core.replaceNamespacedPod({ name: 'one', namespace: 'default', body: live })).metadata?.labels?.['seen'],
    'yes',
  )
  const deleted = await core.deleteNamespacedPod({ name: 'one', namespace: 'default', gracePeriodSeconds: 0 })
  assert.equal(deleted.metadata?.name, 'one')
  assert.ok(deleted.spec, 'a deleted pod is answered as it last was')
  assert.equal((await refused(core.readNamespacedPod({ name: 'one', namespace: 'default' }))).code, 404)
})

test('the JavaScript client patches in every way, applies, and pages through lists', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  const core = configOf(cluster).makeApiClient(k8s.CoreV1Api)
  const namespace = 'default'
  for (const name of ['a', 'b', 'c']) {
    await core.createNamespacedConfigMap({
      namespace,
      body: configMap(name, { metadata: { name, labels: { page: 'x' } }, data: { k: '1' } }),
    })
  }
  const patch = async (strategy: k8s.PatchStrategy, body: unknown, more: object = {}) =>
    (await core.patchNamespacedConfigMap({ name: 'a', namespace, body, ...more }, patchAs(strategy))).data
  assert.deepEqual(await patch(k8s.PatchStrategy.JsonPatch, [{ op: 'replace', path: '/data/k', value: '2' }]), { k: '2' })
  assert.deepEqual(await patch(k8s.PatchStrategy.MergePatch, { data: { k: null, m: '3' } }), { m: '3' })
  assert.deepEqual(await patch(k8s.PatchStrategy.StrategicMergePatch, { data: { s: '4' } }), { m: '3', s: '4' })
  const applied = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { s: '5' } }
  const apply = (force?: boolean) => patch(k8s.PatchStrategy.ServerSideApply, applied, { fieldManager: 'test', force })
  const conflict = await refused(apply())
  assert.equal(conflict.code, 409)
  assert.deepEqual(
    conflict.details?.causes?.map(({ reason, field }) => [reason, field]),
    [['FieldManagerConflict', '.data.s']],
  )
  assert.deepEqual(await apply(true), { m: '3', s: '5' })

  const names: string[] = []
  let page: k8s.V1ConfigMapList | undefined
  do {
    page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'page=x',
      limit: 2,
      _continue: page?.metadata?._continue,
    })
    names.push(page.items.map((item) => item.metadata!.name!).join())
  } while (page.metadata?._continue)
  assert.deepEqual(names, ['a,b', 'c'])
})

test('the JavaScript client reads refusals as Statuses with their causes', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  const core = configOf(cluster).makeApiClient(k8s.CoreV1Api)
  const namespace = 'default'
  const missing = await refused(core.readNamespacedConfigMap({ name: 'none', namespace }))
  assert.deepEqual([missing.code, missing.reason, missing.message], [404, 'NotFound', 'configmaps "none" not found'])
  const first = await core.createNamespacedConfigMap({ namespace, body: configMap('a') })
  assert.equal((await refused(core.createNamespacedConfigMap({ namespace, body: configMap('a') }))).reason, 'AlreadyExists')
  await core.replaceNamespacedConfigMap({ name: 'a', namespace, body: { ...first, data: { k: '1' } } })
  assert.equal((await refused(core.replaceNamespacedConfigMap({ name: 'a', namespace, body: first }))).reason, 'Conflict')
  const bad: k8s.V1Pod = {
    metadata: { name: 'Bad' },
    spec: { containers: [{ name: 'x', image: '', imagePullPolicy: 'Sometimes' }] },
  }
  const invalid = await refused(core.createNamespacedPod({ namespace, body: bad }))
  assert.equal(invalid.code, 422)
  const causes = invalid.details!.causes!.map(({ field, reason }) => `${field} ${reason}`)
  for (const cause of [
    'metadata.name FieldValueInvalid',
    'spec.containers[0].image FieldValueRequired',
    'spec.containers[0].imagePullPolicy FieldValueNotSupported',
  ])
    assert.ok(causes.includes(cause), causes.join())
})

test('the JavaScript client works with custom kinds, typed and by discovery', async () => {
  await using cluster = await startCluster({ nodes: 0 })
  const config = configOf(cluster)
  const extensions = config.makeApiClient(k8s.ApiextensionsV1Api)
  const custom = config.makeApiClient(k8s.CustomObjectsApi)
  const objects = k8s.KubernetesObjectApi.makeApiClient(config)
  const schema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { size: { type: 'integer', maximum: 9 } } } },
  } as const
  const crd = crdOf({ versions: [{ name: 'v1', subresources: { status: {} } }], schema })
  await extensions.createCustomResourceDefinition({ body: crd as unknown as k8s.V1CustomResourceDefinition })
  await seen(config, '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', (_, { status }) =>
    Boolean(status?.conditions?.some(({ type, status: value }) => type === 'Established' && value === 'True')),
  )
  const widget = {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'w', namespace: 'default' },
    spec: { size: 1 },
  }
  await custom.createNamespacedCustomObject({ ...GROUP, body: widget })
  const read = (await objects.read(widget)) as typeof widget
  assert.equal(read.spec.size, 1)
  const merged = await objects.patch(
    { ...widget, spec: { size: 2 } },
    undefined,
    undefined,
    undefined,
    undefined,
    k8s.PatchStrategy.MergePatch,
  )
  assert.equal((merged as typeof widget).spec.size, 2)
  const invalid = await refused(
    custom.replaceNamespacedCustomObject({ ...GROUP, name: 'w', body: { ...merged, spec: { size: 10 } } }),
  )
  assert.equal(invalid.details?.causes?.[0]?.message, 'Invalid value: 10: spec.size in body should be less than or equal to 9')
  const strategic = custom.patchNamespacedCustomObject(
    { ...GROUP, name: 'w', body: {} },
    patchAs(k8s.PatchStrategy.StrategicMergePatch),
  )
  assert.equal((await refused(strategic)).code, 415)
  await objects.delete(widget)
  assert.equal((await objects.list('example.com/v1', 'Widget', 'default')).items.length, 0)
})

test('an informer of the JavaScript client goes on after the server was restarted', async () => {
  await using store = openMemoryStore({ clock: systemClock })
  const first = await startCluster({ nodes: 0, store })
  const port = Number(new URL(first.url).port)
  const config = configOf(first)
  const namespace = 'default'
  const create = (name: string) =>
    config.makeApiClient(k8s.CoreV1Api).createNamespacedConfigMap({ namespace, body: configMap(name) })
  const told: string[] = []
  const informer = k8s.makeInformer(config, '/api/v1/namespaces/default/configmaps', () =>
    config.makeApiClient(k8s.CoreV1Api).listNamespacedConfigMap({ namespace }),
  )
  let changed = Promise.withResolvers<void>()
  for (const verb of ['add', 'update', 'delete'] as const) {
    informer.on(verb, ({ metadata }) => {
      if (metadata?.name === 'kube-root-ca.crt') return
      told.push(`${verb} ${metadata?.name}`)
      changed.resolve()
      changed = Promise.withResolvers()
    })
  }
  const untilTold = async (count: number): Promise<void> => {
    while (told.length < count) await changed.promise
  }
  try {
    await create('before')
    await informer.start()
    await create('between')
    await untilTold(2)
    const broken = new Promise<void>((resolve) => informer.on('error', () => resolve()))
    await first[Symbol.asyncDispose]()
    await broken
    await using second = await startCluster({ nodes: 0, store, port })
    // Each cluster in a process has certificates of its own; the informer asks its configuration anew with each connection.
    config.loadFromString(second.kubeconfig)
    await informer.start()
    await create('after')
    await config.makeApiClient(k8s.CoreV1Api).deleteNamespacedConfigMap({ name: 'before', namespace })
    await untilTold(4)
    assert.deepEqual(told, ['add before', 'add between', 'add after', 'delete before'])
    assert.deepEqual(
      informer
        .list(namespace)
        .map(({ metadata }) => metadata?.name)
        .filter((name) => name !== 'kube-root-ca.crt')
        .sort(),
      ['after', 'between'],
    )
    await informer.stop()
  } finally {
    await informer.stop()
  }
})

test('the JavaScript client is told that a simulated node streams nothing', async () => {
  await using cluster = await startCluster({ nodes: 1 })
  const config = configOf(cluster)
  await config.makeApiClient(k8s.CoreV1Api).createNamespacedPod({ namespace: 'default', body: pod('one') })
  await seen(config, '/api/v1/namespaces/default/pods', (_, { status }) => status?.phase === 'Running')
  const output = new PassThrough()
  for (const call of [
    () => new k8s.Log(config).log('default', 'one', 'web', output),
    () => new k8s.Exec(config).exec('default', 'one', 'web', ['ls'], output, output, null, false),
    () => new k8s.PortForward(config).portForward('default', 'one', [80], output, output, new PassThrough(), 0),
  ])
    await assert.rejects(call(), (error: { readonly message: string }) => /503/.test(error.message))
  output.end()
  await once(output.resume(), 'close')
})
