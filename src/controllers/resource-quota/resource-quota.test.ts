import assert from 'node:assert/strict'
import test from 'node:test'
import {
  configMaps,
  namespaces,
  type Pod,
  persistentVolumeClaims,
  pods,
  priorityClasses,
  type ResourceDefinition,
  type ResourceQuota,
  type ResourceQuotaSpec,
  replicaSets,
  replicationControllers,
  resourceQuotas,
  secrets,
  services,
} from '#api'
import { isConflict, type KubernetesObject } from '#meta'
import { crdOf, establish, podOf, refusal, startAdmissionTest, startTestCluster, type TestCluster, TRANSPORTS } from '#testing'

/** A cluster with controllers, and in the namespace `work` a quota that has been counted. */
class Lab {
  readonly cluster: TestCluster

  constructor(cluster: TestCluster) {
    this.cluster = cluster
  }

  async quota(spec: ResourceQuotaSpec, name = 'q'): Promise<void> {
    await this.cluster.client.create(resourceQuotas, quotaOf(spec, name))
    await this.cluster.clock.advance(100)
  }

  async used(name = 'q'): Promise<Readonly<Record<string, string>>> {
    return (await this.cluster.client.get(resourceQuotas, `work/${name}`)).status?.used ?? {}
  }

  /** Creates it, sees it counted under `name`, deletes it, and sees it given back. */
  async life<T extends KubernetesObject>(resource: ResourceDefinition<T>, object: T, ...names: string[]): Promise<void> {
    const { client, clock } = this.cluster
    const before = await this.used()
    await client.create(resource, object)
    const counted = await this.used()
    for (const name of names) assert.equal(Number(counted[name]), Number(before[name]) + 1, name)
    await client.delete(resource, `work/${object.metadata?.name}`, { gracePeriodSeconds: 0, propagationPolicy: 'Background' })
    await clock.advance(100)
    assert.deepEqual(await this.used(), before)
  }
}

const quotaOf = (spec: ResourceQuotaSpec, name: string): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name, namespace: 'work', labels: { quota: name } },
  spec,
})

function quotaTest(name: string, body: (lab: Lab) => Promise<void>, transport = 'in process'): void {
  test(name, async () => {
    await using cluster = await startTestCluster({ transport })
    await cluster.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'work' } })
    await cluster.clock.advance(100)
    await body(new Lab(cluster))
  })
}

const compute = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}, spec: object = {}): Pod =>
  podOf(name, { containers: [{ name: 'c', image: 'example.com/c', resources: { requests, limits } }], ...spec })

const dataObject = (kind: string, name: string): KubernetesObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'work' },
})

quotaTest('behaviour ResourceQuota, object count quota, resourcequotas: the status is promptly calculated', async (lab) => {
  await lab.quota({ hard: { pods: '5', resourcequotas: '1', 'count/replicasets.apps': '5', secrets: '10', configmaps: '10' } })
  const { status } = await lab.cluster.client.get(resourceQuotas, 'work/q')
  assert.deepEqual(status?.hard, {
    pods: '5',
    resourcequotas: '1',
    'count/replicasets.apps': '5',
    secrets: '10',
    configmaps: '10',
  })
  assert.deepEqual(status?.used, { pods: '0', resourcequotas: '1', 'count/replicasets.apps': '0', secrets: '0', configmaps: '1' })
})

for (const transport of Object.keys(TRANSPORTS)) {
  quotaTest(
    `behaviour ResourceQuota, object count quota, configmap (${transport})`,
    (lab) =>
      lab.quota({ hard: { configmaps: '5' } }).then(() => lab.life(configMaps, dataObject('ConfigMap', 'a'), 'configmaps')),
    transport,
  )
}

quotaTest('behaviour ResourceQuota, object count quota, secret', async (lab) => {
  await lab.quota({ hard: { secrets: '1', 'count/secrets': '2' } })
  await lab.life(secrets, dataObject('Secret', 'a'), 'secrets', 'count/secrets')
  await lab.cluster.client.create(secrets, dataObject('Secret', 'a'))
  assert.equal(
    await refusal(lab.cluster.client.create(secrets, dataObject('Secret', 'b'))),
    'secrets "b" is forbidden: exceeded quota: q, requested: secrets=1, used: secrets=1, limited: secrets=1',
  )
})

const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }

quotaTest('behaviour ResourceQuota, object count quota, replicaSet', async (lab) => {
  await lab.quota({ hard: { 'count/replicasets.apps': '1' } })
  const spec = { replicas: 0, selector: { matchLabels: { app: 'a' } }, template }
  await lab.life(replicaSets, { ...dataObject('ReplicaSet', 'a'), apiVersion: 'apps/v1', spec }, 'count/replicasets.apps')
})

quotaTest('behaviour ResourceQuota, object count quota, replicationController', async (lab) => {
  await lab.quota({ hard: { replicationcontrollers: '1' } })
  const spec = { replicas: 0, selector: { app: 'a' }, template }
  await lab.life(replicationControllers, { ...dataObject('ReplicationController', 'a'), spec }, 'replicationcontrollers')
})

quotaTest('behaviour ResourceQuota, object count quota, service: node ports and load balancers count apart', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { services: '5', 'services.nodeports': '2', 'services.loadbalancers': '1' } })
  const service = (name: string, type: string, ports = 1): KubernetesObject & { spec: object } => ({
    ...dataObject('Service', name),
    spec: { type, ports: Array.from({ length: ports }, (_, index) => ({ name: `p${index}`, port: 80 + index })) },
  })
  await lab.life(services, service('plain', 'ClusterIP'), 'services')
  await client.create(services, service('front', 'NodePort', 2))
  assert.deepEqual(await lab.used(), { services: '1', 'services.nodeports': '2', 'services.loadbalancers': '0' })
  assert.equal(
    await refusal(client.create(services, service('more', 'LoadBalancer'))),
    'services "more" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=2, limited: services.nodeports=2',
  )
  // An update is charged by the difference.
  await client.patch(services, 'work/front', { spec: { type: 'ClusterIP' } }, { type: 'merge' })
  await clock.advance(100)
  assert.equal((await lab.used())['services.nodeports'], '0')
  await client.create(services, service('more', 'LoadBalancer'))
  assert.deepEqual(await lab.used(), { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '1' })
})

quotaTest('behaviour ResourceQuota, object count quota, pod: compute resources are charged, and given back', async (lab) => {
  const { client, clock } = lab.cluster
  const hard = { pods: '5', cpu: '1', memory: '500Mi', 'requests.ephemeral-storage': '1Gi', 'requests.example.com/gpu': '2' }
  await lab.quota({ hard: { ...hard, 'limits.cpu': '2' } })
  const gpu = { 'example.com/gpu': '2' }
  const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Mi', ...gpu }
  await client.create(pods, compute('a', requests, { cpu: '1', ...gpu }))
  const used = {
    pods: '1',
    cpu: '500m',
    memory: '252Mi',
    'requests.ephemeral-storage': '30Mi',
    'requests.example.com/gpu': '2',
    'limits.cpu': '1',
  }
  assert.deepEqual(await lab.used(), used)
  assert.equal(
    await refusal(client.create(pods, compute('b', { cpu: '600m', memory: '100Mi' }, { cpu: '1' }))),
    'pods "b" is forbidden: exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1',
  )
  assert.equal(
    await refusal(client.create(pods, compute('c', { cpu: '10m', memory: '10Mi', ...gpu }, { cpu: '1', ...gpu }))),
    'pods "c" is forbidden: exceeded quota: q, requested: requests.example.com/gpu=2, used: requests.example.com/gpu=2, limited: requests.example.com/gpu=2',
  )
  assert.equal(
    await refusal(client.create(pods, compute('d', { cpu: '1m' }))),
    'pods "d" is forbidden: failed quota: q: must specify limits.cpu for: c; memory for: c',
  )
  const change = { spec: { containers: [{ name: 'c', image: 'example.com/c', resources: { requests: { cpu: '100m' } } }] } }
  await assert.rejects(client.patch(pods, 'work/a', change, { type: 'strategic' }))
  assert.deepEqual(await lab.used(), used)
  await client.delete(pods, 'work/a', { gracePeriodSeconds: 0 })
  await clock.advance(100)
  assert.deepEqual(Object.values(await lab.used()), ['0', '0', '0', '0', '0', '0'])
})

quotaTest('behaviour ResourceQuota, update and delete', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { cpu: '1', memory: '500Mi' } })
  const quota = await client.get(resourceQuotas, 'work/q')
  await client.update(resourceQuotas, { ...quota, spec: { hard: { cpu: '2', memory: '1Gi' } } })
  await clock.advance(100)
  assert.deepEqual((await client.get(resourceQuotas, 'work/q')).status?.hard, { cpu: '2', memory: '1Gi' })
  await client.delete(resourceQuotas, 'work/q')
  assert.equal(await client.find(resourceQuotas, 'work/q'), undefined)
})

quotaTest('behaviour ResourceQuota, manage lifecycle of a ResourceQuota', async (lab) => {
  const { client } = lab.cluster
  await lab.quota({ hard: { cpu: '1' } }, 'kept')
  const { items } = await client.list(resourceQuotas, { labelSelector: 'quota=kept' })
  assert.equal(items.length, 1)
  const patched = await client.patch(
    resourceQuotas,
    'work/kept',
    { metadata: { labels: { 'work/kept': 'patched' } }, spec: { hard: { memory: '750Mi' } } },
    { type: 'strategic' },
  )
  assert.deepEqual(patched.spec?.hard, { cpu: '1', memory: '750Mi' })
  await client.deleteCollection(resourceQuotas, { namespace: 'work', labelSelector: 'work/kept=patched' })
  assert.deepEqual((await client.list(resourceQuotas, { namespace: 'work' })).items, [])
})

quotaTest('behaviour ResourceQuota, apply changes to a ResourceQuota status', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { cpu: '500m', memory: '500Mi' } })
  const quota = await client.get(resourceQuotas, 'work/q')
  await client.updateStatus(resourceQuotas, { ...quota, status: { ...quota.status, hard: { cpu: '1', memory: '1Gi' } } })
  // What somebody wrote there is put right by the controller.
  await clock.advance(100)
  assert.deepEqual((await client.get(resourceQuotas, 'work/q')).status?.hard, { cpu: '500m', memory: '500Mi' })
  const body = { status: { hard: { cpu: '2', memory: '2Gi' } } }
  const patched = await client.patch(resourceQuotas, 'work/q', body, { type: 'merge', subresource: 'status' })
  assert.deepEqual(patched.spec?.hard, { cpu: '500m', memory: '500Mi' })
})

quotaTest('behaviour ResourceQuota, quota scope, BestEffort and NotBestEffort scope', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { pods: '5' }, scopes: ['BestEffort'] }, 'best')
  await lab.quota({ hard: { pods: '5' }, scopes: ['NotBestEffort'] }, 'not')
  const used = async (): Promise<(string | undefined)[]> => [(await lab.used('best'))['pods'], (await lab.used('not'))['pods']]
  await client.create(pods, podOf('a'))
  assert.deepEqual(await used(), ['1', '0'])
  await client.delete(pods, 'work/a', { gracePeriodSeconds: 0 })
  await clock.advance(100)
  assert.deepEqual(await used(), ['0', '0'])
  await client.create(pods, compute('b', { cpu: '100m' }))
  assert.deepEqual(await used(), ['0', '1'])
})

quotaTest('behaviour ResourceQuota, quota scope, Terminating and NotTerminating scope', async (lab) => {
  const { client, clock } = lab.cluster
  const hard = { pods: '5', 'requests.cpu': '1', 'limits.memory': '1Gi' }
  await lab.quota({ hard, scopes: ['Terminating'] }, 'ends')
  await lab.quota({ hard, scopes: ['NotTerminating'] }, 'stays')
  const used = async (): Promise<string[]> => [
    ...Object.values(await lab.used('ends')),
    ...Object.values(await lab.used('stays')),
  ]
  await client.create(pods, compute('a', { cpu: '500m' }, { memory: '400Mi' }))
  assert.deepEqual(await used(), ['0', '0', '0', '1', '500m', '400Mi'])
  await client.delete(pods, 'work/a', { gracePeriodSeconds: 0 })
  await client.create(pods, compute('b', { cpu: '500m' }, { memory: '400Mi' }, { activeDeadlineSeconds: 3600 }))
  await clock.advance(100)
  assert.deepEqual(await used(), ['1', '500m', '400Mi', '0', '0', '0'])
})

quotaTest('scopes by priority class, affinity to other namespaces and volume attributes class', async (lab) => {
  const { client } = lab.cluster
  const inScope = (scopeName: string, operator: string, ...values: string[]): ResourceQuotaSpec['scopeSelector'] => ({
    matchExpressions: [{ scopeName, operator, ...(values.length > 0 && { values }) }],
  })
  for (const name of ['high', 'low']) {
    const meta = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name } }
    await client.create(priorityClasses, { ...meta, value: 10 })
  }
  const scopes = {
    in: inScope('PriorityClass', 'In', 'high'),
    'not-in': inScope('PriorityClass', 'NotIn', 'high'),
    exists: inScope('PriorityClass', 'Exists'),
    absent: inScope('PriorityClass', 'DoesNotExist'),
    cross: inScope('CrossNamespacePodAffinity', 'Exists'),
  }
  for (const [name, scopeSelector] of Object.entries(scopes))
    await lab.quota({ hard: { pods: '9' }, scopeSelector: scopeSelector! }, name)
  await lab.quota(
    { hard: { persistentvolumeclaims: '1' }, scopeSelector: inScope('VolumeAttributesClass', 'In', 'gold')! },
    'gold',
  )
  await client.create(pods, podOf('h', { priorityClassName: 'high' }))
  await client.create(pods, podOf('l', { priorityClassName: 'low' }))
  await client.create(pods, podOf('none'))
  const term = { topologyKey: 'zone', namespaceSelector: {} }
  await client.create(
    pods,
    podOf('x', { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } }),
  )
  const used = await Promise.all(Object.keys(scopes).map(async (name) => (await lab.used(name))['pods']))
  assert.deepEqual(used, ['1', '3', '2', '2', '1'])
  const claim = (name: string, volumeAttributesClassName?: string): Promise<unknown> =>
    client.create(persistentVolumeClaims, {
      ...dataObject('PersistentVolumeClaim', name),
      spec: {
        accessModes: ['ReadWriteOnce'],
        resources: { requests: { storage: '1Gi' } },
        ...(volumeAttributesClassName !== undefined && { volumeAttributesClassName }),
      },
    })
  await claim('a', 'gold')
  await claim('b')
  assert.match(
    await refusal(claim('c', 'gold')),
    /exceeded quota: gold, requested: persistentvolumeclaims=1, used: persistentvolumeclaims=1, limited: persistentvolumeclaims=1$/,
  )
})

quotaTest('storage is counted as a whole and for each class', async (lab) => {
  const { client } = lab.cluster
  const gold = 'gold.storageclass.storage.k8s.io/'
  await lab.quota({
    hard: { 'requests.storage': '10Gi', [`${gold}requests.storage`]: '3Gi', [`${gold}persistentvolumeclaims`]: '5' },
  })
  const claim = (name: string, storage: string, storageClassName: string): Promise<unknown> =>
    client.create(persistentVolumeClaims, {
      ...dataObject('PersistentVolumeClaim', name),
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } }, storageClassName },
    })
  await claim('a', '2Gi', 'gold')
  await claim('b', '4Gi', 'iron')
  assert.deepEqual(await lab.used(), {
    'requests.storage': '6Gi',
    [`${gold}requests.storage`]: '2Gi',
    [`${gold}persistentvolumeclaims`]: '1',
  })
  assert.match(
    await refusal(claim('c', '2Gi', 'gold')),
    /requested: gold\.storageclass\.storage\.k8s\.io\/requests\.storage=2Gi, used: .*=2Gi, limited: .*=3Gi$/,
  )
})

quotaTest('a hundred creates at once take exactly what there is', async (lab) => {
  const { client } = lab.cluster
  await lab.quota({ hard: { pods: '30', 'requests.cpu': '10' } })
  await lab.quota({ hard: { 'count/pods': '40' } }, 'other')
  const tries = Array.from({ length: 100 }, (_, index) => client.create(pods, compute(`p-${index}`, { cpu: '100m' })))
  const results = await Promise.allSettled(tries)
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 30)
  assert.equal((await client.list(pods, { namespace: 'work' })).items.length, 30)
  assert.deepEqual(await lab.used(), { pods: '30', 'requests.cpu': '3' })
  assert.deepEqual(await lab.used('other'), { 'count/pods': '30' })
})

quotaTest('creates and a writer of the quota that get in each other’s way lose nothing', async (lab) => {
  const { client } = lab.cluster
  await lab.quota({ hard: { configmaps: '50' } })
  const label = async (value: number): Promise<unknown> =>
    client.patch(resourceQuotas, 'work/q', { metadata: { labels: { round: String(value) } } }, { type: 'merge' })
  const writes = Array.from({ length: 40 }, (_, index) => client.create(configMaps, dataObject('ConfigMap', `c-${index}`)))
  const labels = Array.from({ length: 10 }, (_, index) => label(index).catch((error: unknown) => assert.ok(isConflict(error))))
  await Promise.all([...writes, ...labels])
  assert.equal((await lab.used())['configmaps'], '41')
})

quotaTest('objects of a custom kind are counted, also of one that was defined after the controller started', async (lab) => {
  const { client } = lab.cluster
  const [widgets] = await establish(client, crdOf())
  const widget = (name: string) => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name, namespace: 'work' } })
  await client.create(widgets!, widget('a'))
  await lab.quota({ hard: { 'count/widgets.example.com': '2' } })
  assert.deepEqual(await lab.used(), { 'count/widgets.example.com': '1' })
  await lab.life(widgets!, widget('b'), 'count/widgets.example.com')
  await client.create(widgets!, widget('b'))
  assert.equal(
    await refusal(client.create(widgets!, widget('c'))),
    'widgets.example.com "c" is forbidden: exceeded quota: q, requested: count/widgets.example.com=1, used: count/widgets.example.com=2, limited: count/widgets.example.com=2',
  )
})

quotaTest('a dry run is judged and not charged', async (lab) => {
  const { client } = lab.cluster
  await lab.quota({ hard: { 'count/secrets': '1' } })
  await client.create(secrets, dataObject('Secret', 'a'), { dryRun: true })
  assert.equal((await lab.used())['count/secrets'], '0')
  await client.create(secrets, dataObject('Secret', 'a'))
  assert.match(await refusal(client.create(secrets, dataObject('Secret', 'b'), { dryRun: true })), /exceeded quota/)
})

quotaTest('a pod that is over uses nothing but its place as an object', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { pods: '1', 'count/pods': '5', 'requests.cpu': '1' } })
  const pod = await client.create(pods, compute('a', { cpu: '1' }))
  await client.updateStatus(pods, { ...pod, status: { ...pod.status, phase: 'Succeeded' } })
  await clock.advance(100)
  assert.deepEqual(await lab.used(), { pods: '0', 'count/pods': '1', 'requests.cpu': '0' })
})

quotaTest('what was lost on the way is found by the count every five minutes', async (lab) => {
  const { client, clock } = lab.cluster
  await lab.quota({ hard: { configmaps: '5' } })
  const quota = await client.get(resourceQuotas, 'work/q')
  await client.updateStatus(resourceQuotas, { ...quota, status: { hard: { configmaps: '5' }, used: { configmaps: '4' } } })
  await clock.advance(1_000)
  assert.equal((await lab.used())['configmaps'], '4')
  await clock.advance(5 * 60_000)
  assert.equal((await lab.used())['configmaps'], '1')
})

test('a quota that nobody has counted yet lets nothing through that it limits', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const quota = await client.create(resourceQuotas, quotaOf({ hard: { secrets: '1' } }, 'q'))
  await client.updateStatus(resourceQuotas, { ...quota, status: { hard: { secrets: '1' } } })
  assert.equal(
    await refusal(client.create(secrets, dataObject('Secret', 'a'))),
    'secrets "a" is forbidden: status unknown for quota: q, resources: secrets',
  )
})
