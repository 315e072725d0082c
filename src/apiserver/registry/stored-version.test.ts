import assert from 'node:assert/strict'
import test from 'node:test'
import {
  allResources,
  customResourceDefinitions,
  decodeProtobuf,
  encodeProtobuf,
  horizontalPodAutoscalersV1,
  type Ingress,
  ingresses,
  mutatingAdmissionPolicies,
  mutatingAdmissionPolicyBindings,
  olderVersions,
  priorityClasses,
  type ResourceDefinition,
  resourcesOffByDefault,
} from '#api'
import { settle, VirtualClock } from '#base'
import { apiVersionOf, type KubernetesObject } from '#meta'
import { openMemoryStore, type Store } from '#store'
import { ask, SharedStore, startTestApiServer } from '#testing'
import { storageKey } from '../storage-keys.ts'
import { decodeStored } from './object-version.ts'

const everything = [...allResources, ...resourcesOffByDefault.map(({ resource }) => resource)]
/** As it is in memory. */
const resourceOf = (kind: string): ResourceDefinition =>
  everything.find((each) => each.kind === kind && each.stored && each.storage === undefined)!

const keyOf = (resource: ResourceDefinition): string => storageKey(resource, 'default', 'old')
const jsonOf = (object: object): Uint8Array => Buffer.from(JSON.stringify(object))
const pathOf = (resource: ResourceDefinition, name = ''): string =>
  [
    resource.group === '' ? '/api' : '/apis',
    apiVersionOf(resource),
    ...(resource.scope === 'Namespaced' ? ['namespaces/default'] : []),
    resource.names.plural,
    ...(name === '' ? [] : [name]),
  ].join('/')

const storedIn = async (store: Store, key: string): Promise<KubernetesObject> => decodeStored((await store.get(key))!.value)

/** What is in every object of an older version that is read here, as far as its kind can't do without. */
const FIELDS: Readonly<Record<string, object>> = {
  CustomResourceDefinition: {
    spec: {
      group: 'example.com',
      scope: 'Cluster',
      version: 'v1',
      names: { plural: 'olds', kind: 'Old', singular: 'old', listKind: 'OldList' },
    },
  },
  APIService: { spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 } },
}

for (const form of ['json', 'protobuf'] as const) {
  test(`objects of every older version are shown in the one that is served: ${form}`, async () => {
    const clock = new VirtualClock()
    await using inner = openMemoryStore({ clock })
    const places = olderVersions
      .filter(([, kind]) => form === 'json' || !(kind in FIELDS))
      .map(([apiVersion, kind], index) => ({ apiVersion, kind, name: `old-${index}`, resource: resourceOf(kind) }))
    for (const { apiVersion, kind, name, resource } of places) {
      const metadata = { name, ...(resource.scope === 'Namespaced' && { namespace: 'default' }), labels: { is: name } }
      const object = { kind, apiVersion, metadata, ...FIELDS[kind] }
      const value = form === 'json' ? jsonOf(object) : encodeProtobuf(object)
      await inner.put(storageKey(resource, 'default', name), value, { expected: 0 })
    }
    await using api = await startTestApiServer({
      clock,
      store: new SharedStore(inner),
      runtimeConfig: { 'api/all': true },
      featureGates: { ClusterTrustBundle: true },
    })
    for (const { apiVersion, kind, name, resource } of places) {
      const title = `${apiVersion} ${kind}`
      const { code, object } = await ask(api, `GET ${pathOf(resource, name)}`)
      assert.equal(code, 200, title)
      const { apiVersion: shown, kind: same, metadata } = object as KubernetesObject
      assert.deepEqual([shown, same, metadata?.name], [apiVersionOf(resource), kind, name], title)
      const { items = [] } = (await ask(api, `GET ${pathOf(resource)}?labelSelector=is%3D${name}`)).object
      assert.equal(items.length, 1, title)
    }
  })
}

test('a change that another server made in an older version is seen, and the next write is of today', async () => {
  await using api = await startTestApiServer()
  const { client, store } = api
  const metadata = { name: 'old', namespace: 'default', uid: 'u' }
  const old = { kind: 'Ingress', apiVersion: 'networking.k8s.io/v1beta1', metadata }
  const key = keyOf(ingresses)
  const first = await store.put(key, encodeProtobuf({ ...old, spec: { backend: { serviceName: 'a', servicePort: 1 } } }), {
    expected: 0,
  })
  const seen: unknown[] = []
  const watching = (async () => {
    for await (const { type, object } of client.watch(ingresses, { namespace: 'default', resourceVersion: String(first) })) {
      seen.push([type, object.apiVersion, (object as Ingress).spec?.defaultBackend])
      if (seen.length === 3) break
    }
  })()
  await settle()
  await store.put(key, jsonOf({ ...old, spec: { backend: { serviceName: 'b', servicePort: 2 } } }), { expected: first })
  const current = await client.get(ingresses, 'default/old')
  // A write of what is there is how objects are migrated.
  const migrated = await client.update(ingresses, current)
  assert.notEqual(migrated.metadata?.resourceVersion, current.metadata?.resourceVersion)
  assert.deepEqual((await storedIn(store, key)).apiVersion, 'networking.k8s.io/v1')
  const again = await client.update(ingresses, migrated)
  assert.equal(again.metadata?.resourceVersion, migrated.metadata?.resourceVersion, 'one that is migrated stays as it is')
  await client.delete(ingresses, 'default/old')
  await watching
  const backend = { service: { name: 'b', port: { number: 2 } } }
  assert.deepEqual(seen, [
    ['MODIFIED', 'networking.k8s.io/v1', backend],
    ['MODIFIED', 'networking.k8s.io/v1', backend],
    ['DELETED', 'networking.k8s.io/v1', backend],
  ])
})

test('an older version that is written between a read and a write is a conflict, and no more', async () => {
  await using api = await startTestApiServer()
  const { client, store } = api
  const made = await client.create(priorityClasses, { metadata: { name: 'old' }, value: 7 })
  const { metadata } = await storedIn(store, keyOf(priorityClasses))
  const older = { kind: 'PriorityClass', apiVersion: 'scheduling.k8s.io/v1beta1', metadata, value: 7, description: 'theirs' }
  await store.put(keyOf(priorityClasses), jsonOf(older), { expected: Number(made.metadata?.resourceVersion) })
  const changed = await client.patch(priorityClasses, 'old', { metadata: { labels: { a: 'b' } } }, { type: 'merge' })
  assert.deepEqual([changed.description, changed.metadata?.labels], ['theirs', { a: 'b' }])
  assert.equal((await storedIn(store, keyOf(priorityClasses))).apiVersion, 'scheduling.k8s.io/v1')
})

test('an autoscaler that was stored in v1 is one of both versions', async () => {
  await using api = await startTestApiServer()
  const behavior = '{"ScaleUp":null,"ScaleDown":{"StabilizationWindowSeconds":60,"SelectPolicy":null,"Policies":null}}'
  const object = {
    kind: 'HorizontalPodAutoscaler',
    apiVersion: 'autoscaling/v1',
    metadata: {
      name: 'old',
      namespace: 'default',
      annotations: { keep: 'me', 'autoscaling.alpha.kubernetes.io/behavior': behavior },
    },
    spec: { scaleTargetRef: { kind: 'Deployment', name: 'web' }, maxReplicas: 3, targetCPUUtilizationPercentage: 50 },
    status: { currentReplicas: 1, desiredReplicas: 1 },
  }
  await api.store.put(keyOf(horizontalPodAutoscalersV1), encodeProtobuf(object), { expected: 0 })
  const newer = (await ask(api, 'GET /apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/old'))
    .object as unknown as {
    metadata: KubernetesObject['metadata']
    spec: { metrics: unknown; behavior: { scaleDown: { stabilizationWindowSeconds: number } }; minReplicas: number }
  }
  assert.deepEqual(newer.metadata?.annotations, { keep: 'me' })
  assert.deepEqual(newer.spec.metrics, [
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
  ])
  assert.deepEqual([newer.spec.minReplicas, newer.spec.behavior.scaleDown.stabilizationWindowSeconds], [1, 60])
  const older = await api.client.get(horizontalPodAutoscalersV1, 'default/old')
  assert.deepEqual([older.spec?.targetCPUUtilizationPercentage, older.metadata?.annotations?.['keep']], [50, 'me'])
})

test('a version that nobody knows stops reads of its resource, in the words of upstream', async () => {
  await using api = await startTestApiServer()
  const metadata = { name: 'old', namespace: 'default' }
  const unknown = { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v2beta2', metadata }
  await api.store.put(keyOf(horizontalPodAutoscalersV1), jsonOf(unknown), { expected: 0 })
  const { code, object } = await ask(api, 'GET /apis/autoscaling/v2/horizontalpodautoscalers')
  assert.equal(code, 500)
  assert.match(
    String((object as { message: string }).message),
    /no kind "HorizontalPodAutoscaler" is registered for version "autoscaling\/v2beta2" in scheme "pkg\/api\/legacyscheme\/scheme\.go:30"$/,
  )
  assert.equal((await ask(api, 'GET /api/v1/configmaps')).code, 200)
})

/** Stored otherwise than the first version that is served: what upstream's own test of every stored kind expects of 1.36 (kubernetes test/integration/etcd/data.go). */
const STORED_OTHERWISE = new Map([
  ['admissionregistration.k8s.io/v1 MutatingAdmissionPolicy', 'admissionregistration.k8s.io/v1beta1'],
  ['admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding', 'admissionregistration.k8s.io/v1beta1'],
  ['apiextensions.k8s.io/v1 CustomResourceDefinition', 'apiextensions.k8s.io/v1beta1'],
  ['autoscaling/v1 HorizontalPodAutoscaler', 'autoscaling/v2'],
  ['certificates.k8s.io/v1alpha1 ClusterTrustBundle', 'certificates.k8s.io/v1beta1'],
  ['events.k8s.io/v1 Event', 'v1'],
])

test('every kind is stored in the version in which upstream stores it', () => {
  const others = everything
    .filter(({ stored }) => stored)
    .map((resource) => {
      const { group, storage, storedAs, kind } = resource
      const inStore = apiVersionOf(storage ?? { group, version: storedAs?.version ?? resource.version })
      return [`${apiVersionOf(resource)} ${kind}`, inStore, apiVersionOf(resource)] as const
    })
    .filter(([, inStore, served]) => inStore !== served)
  assert.deepEqual(new Map(others.map(([title, inStore]) => [title, inStore])), STORED_OTHERWISE)
})

const policy = {
  matchConstraints: { resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }] },
  mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "remove", path: "/spec"}]' } }],
  reinvocationPolicy: 'Never',
}

test('what is stored in an older version is shown, changed and watched as what it is', async () => {
  await using api = await startTestApiServer({ storageForm: 'protobuf' })
  const { client, store } = api
  const made = await client.create(mutatingAdmissionPolicies, { metadata: { name: 'old' }, spec: policy } as never)
  assert.equal(made.apiVersion, 'admissionregistration.k8s.io/v1')
  const { value } = (await store.get(keyOf(mutatingAdmissionPolicies)))!
  assert.deepEqual(decodeProtobuf(value).apiVersion, 'admissionregistration.k8s.io/v1beta1')
  assert.deepEqual(await client.get(mutatingAdmissionPolicies, 'old'), made)
  const same = await client.update(mutatingAdmissionPolicies, made)
  assert.equal(same.metadata?.resourceVersion, made.metadata?.resourceVersion)

  await client.create(mutatingAdmissionPolicyBindings, { metadata: { name: 'old' }, spec: { policyName: 'old' } } as never)
  assert.equal((await storedIn(store, keyOf(mutatingAdmissionPolicyBindings))).apiVersion, 'admissionregistration.k8s.io/v1beta1')

  const schema = { openAPIV3Schema: { type: 'object' } }
  const names = { plural: 'widgets', kind: 'Widget' }
  const versions = [{ name: 'v1', served: true, storage: true, schema }]
  await client.create(customResourceDefinitions, {
    metadata: { name: 'widgets.example.com' },
    spec: { group: 'example.com', scope: 'Cluster', names, versions },
  } as never)
  await settle()
  const key = storageKey(customResourceDefinitions, undefined, 'widgets.example.com')
  const stored = (await storedIn(store, key)) as KubernetesObject & { spec: { validation: unknown; version: string } }
  assert.deepEqual(
    [stored.apiVersion, stored.spec.version, stored.spec.validation],
    ['apiextensions.k8s.io/v1beta1', 'v1', schema],
  )
  const shown = await client.get(customResourceDefinitions, 'widgets.example.com')
  assert.deepEqual([shown.apiVersion, shown.spec.versions], ['apiextensions.k8s.io/v1', versions])
  assert.equal((await ask(api, 'GET /apis/example.com/v1/widgets')).code, 200)
})
