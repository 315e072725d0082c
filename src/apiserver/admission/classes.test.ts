import assert from 'node:assert/strict'
import test from 'node:test'
import {
  ingressClasses,
  ingresses,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  priorityClasses,
  runtimeClasses,
  storageClasses,
} from '#api'
import type { Client } from '#client'
import { podOf, refusal, startAdmissionTest } from '#testing'

const claim = (client: Client, name: string, spec: object = {}): ReturnType<typeof persistentVolumeClaimOf> =>
  persistentVolumeClaimOf(client, name, spec)

const persistentVolumeClaimOf = (client: Client, name: string, spec: object) =>
  client.create(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'work' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  })

const storageClass = (client: Client, name: string, isDefault: boolean, allowVolumeExpansion = false): Promise<unknown> =>
  client.create(storageClasses, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name, annotations: { 'storageclass.kubernetes.io/is-default-class': String(isDefault) } },
    provisioner: 'example.com/disk',
    allowVolumeExpansion,
  })

test('a claim without a class gets the newest default; one with the empty class gets none', async () => {
  await using api = await startAdmissionTest()
  const { client, clock } = api
  assert.equal((await claim(client, 'early')).spec?.storageClassName, undefined)
  await storageClass(client, 'old', true)
  await clock.advance(1_000)
  await storageClass(client, 'new', true)
  await storageClass(client, 'plain', false)
  assert.equal((await claim(client, 'unnamed')).spec?.storageClassName, 'new')
  assert.equal((await claim(client, 'empty', { storageClassName: '' })).spec?.storageClassName, '')
  assert.equal((await claim(client, 'named', { storageClassName: 'plain' })).spec?.storageClassName, 'plain')
})

test('an ingress without a class gets the default one', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const annotations = { 'ingressclass.kubernetes.io/is-default-class': 'true' }
  await client.create(ingressClasses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IngressClass',
    metadata: { name: 'front', annotations },
    spec: { controller: 'example.com/front' },
  })
  const ingress = (name: string, spec: object, own: Record<string, string> = {}) =>
    client.create(ingresses, {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name, namespace: 'work', annotations: own },
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } }, ...spec },
    })
  assert.equal((await ingress('a', {})).spec?.ingressClassName, 'front')
  assert.equal((await ingress('b', { ingressClassName: 'other' })).spec?.ingressClassName, 'other')
  assert.equal((await ingress('c', {}, { 'kubernetes.io/ingress.class': 'other' })).spec?.ingressClassName, undefined)
})

test('a runtime class brings its overhead, its nodes and its tolerations', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await client.create(runtimeClasses, {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'sandbox' },
    handler: 'sandbox',
    overhead: { podFixed: { cpu: '10m', memory: '1Mi' } },
    scheduling: { nodeSelector: { sandbox: 'yes' }, tolerations: [{ key: 'sandbox', operator: 'Exists' }] },
  })
  const { spec } = await client.create(pods, podOf('a', { runtimeClassName: 'sandbox', nodeSelector: { disk: 'ssd' } }))
  assert.deepEqual(spec?.overhead, { cpu: '10m', memory: '1Mi' })
  assert.deepEqual(spec?.nodeSelector, { disk: 'ssd', sandbox: 'yes' })
  assert.ok(spec?.tolerations?.some(({ key }) => key === 'sandbox'))
  const create = (spec: object): Promise<string> => refusal(client.create(pods, podOf('b', spec)))
  assert.equal(
    await create({ runtimeClassName: 'nobody' }),
    'pods "b" is forbidden: pod rejected: RuntimeClass "nobody" not found',
  )
  assert.equal(
    await create({ runtimeClassName: 'sandbox', overhead: { cpu: '1' } }),
    `pods "b" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead`,
  )
  assert.equal(
    await create({ overhead: { cpu: '1' } }),
    'pods "b" is forbidden: pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
  )
  assert.equal(
    await create({ runtimeClassName: 'sandbox', nodeSelector: { sandbox: 'no' } }),
    'pods "b" is forbidden: conflict: runtimeClass.Scheduling.NodeSelector[sandbox] = yes; pod.Spec.NodeSelector[sandbox] = no',
  )
})

test('a claim grows only when it is bound and its class lets it', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await storageClass(client, 'fixed', false)
  await storageClass(client, 'elastic', false, true)
  const grow = (name: string): Promise<unknown> =>
    client.patch(
      persistentVolumeClaims,
      `work/${name}`,
      { spec: { resources: { requests: { storage: '2Gi' } } } },
      { type: 'merge' },
    )
  for (const name of ['fixed', 'elastic']) await claim(client, name, { storageClassName: name, volumeName: `v-${name}` })
  const unbound = /Only bound persistent volume claims can be expanded|spec is immutable after creation/
  assert.match(await refusal(grow('elastic')), unbound)
  for (const name of ['fixed', 'elastic']) {
    const bound = await client.get(persistentVolumeClaims, `work/${name}`)
    await client.updateStatus(persistentVolumeClaims, { ...bound, status: { phase: 'Bound', capacity: { storage: '1Gi' } } })
  }
  assert.equal(
    await refusal(grow('fixed')),
    'persistentvolumeclaims "fixed" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
  )
  await grow('elastic')
})

test('claims and volumes are created with their protection', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  assert.deepEqual((await claim(client, 'a')).metadata?.finalizers, ['kubernetes.io/pvc-protection'])
  const volume = await client.create(persistentVolumes, {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'v' },
    spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/data' } },
  })
  assert.deepEqual(volume.metadata?.finalizers, ['kubernetes.io/pv-protection'])
})

test('a pod says no other preemption policy than its class, and only one class is the default', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const make = (name: string, extra: object): Promise<unknown> =>
    client.create(priorityClasses, {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: { name },
      value: 10,
      ...extra,
    })
  await make('polite', { preemptionPolicy: 'Never' })
  const { spec } = await client.create(pods, podOf('a', { priorityClassName: 'polite' }))
  assert.deepEqual([spec?.priority, spec?.preemptionPolicy], [10, 'Never'])
  assert.equal(
    await refusal(client.create(pods, podOf('b', { priorityClassName: 'polite', preemptionPolicy: 'PreemptLowerPriority' }))),
    'pods "b" is forbidden: the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name',
  )
  await make('usual', { globalDefault: true })
  assert.equal(
    await refusal(make('more', { globalDefault: true })),
    'priorityclasses.scheduling.k8s.io "more" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
  )
})

test('a pod that is bound learns the zone of its node', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const labels = { 'topology.kubernetes.io/zone': 'a', 'topology.kubernetes.io/region': 'r', rack: '1' }
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n', labels } })
  await client.create(pods, podOf('p'))
  const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'p' }, target: { kind: 'Node', name: 'n' } }
  await client.createSubresource(pods as never, 'work/p', 'binding', binding)
  const { metadata, spec } = await client.get(pods, 'work/p')
  assert.equal(spec?.nodeName, 'n')
  assert.deepEqual(metadata?.labels, { 'topology.kubernetes.io/zone': 'a', 'topology.kubernetes.io/region': 'r' })
})
