import assert from 'node:assert/strict'
import test from 'node:test'
import { clusterRoleBindings, clusterRoles, configMaps, namespaces, type Pod, pods, services } from '#api'
import { podOf, refusal, startAdmissionTest } from '#testing'
import { admissionPlugins, selectPlugins } from './index.ts'

test('plugins are turned on and off by name, and run in their own order', () => {
  const names = (enable: string[], disable: string[]): string[] =>
    selectPlugins(admissionPlugins, { enable, disable }).map(({ name }) => name)
  assert.ok(!names([], []).includes('AlwaysPullImages'))
  assert.ok(!names([], ['LimitRanger']).includes('LimitRanger'))
  const some = names(['PodNodeSelector', 'AlwaysPullImages'], [])
  assert.ok(some.indexOf('AlwaysPullImages') < some.indexOf('PodNodeSelector'))
  assert.throws(() => names(['Nonsense'], []), { message: 'enable-admission-plugins plugin "Nonsense" is unknown' })
  assert.throws(() => names(['LimitRanger'], ['LimitRanger']), {
    message: '"LimitRanger" in enable-admission-plugins and disable-admission-plugins overlapped',
  })
})

test('AlwaysPullImages, ExtendedResourceToleration and PodNodeSelector change pods where they are on', async () => {
  await using api = await startAdmissionTest({
    admission: { enable: ['AlwaysPullImages', 'ExtendedResourceToleration', 'PodNodeSelector'] },
  })
  const { client } = api
  const annotations = { 'scheduler.alpha.kubernetes.io/node-selector': 'env=test,disk=ssd' }
  await client.patch(namespaces, 'work', { metadata: { annotations } }, { type: 'merge' })
  const resources = { limits: { 'example.com/gpu': '1' } }
  const { spec } = await client.create(
    pods,
    podOf('a', { containers: [{ name: 'main', image: 'x:1', imagePullPolicy: 'Never', resources }] }),
  )
  assert.equal(spec?.containers[0]?.imagePullPolicy, 'Always')
  assert.deepEqual(spec?.nodeSelector, { env: 'test', disk: 'ssd' })
  assert.deepEqual(
    spec?.tolerations?.find(({ key }) => key === 'example.com/gpu'),
    {
      key: 'example.com/gpu',
      operator: 'Exists',
      effect: 'NoSchedule',
    },
  )
  assert.equal(
    await refusal(client.create(pods, podOf('b', { nodeSelector: { env: 'live' } }))),
    'pods "b" is forbidden: pod node label selector conflicts with its namespace node label selector',
  )
})

test('PodTolerationRestriction gives a namespace its tolerations and refuses others', async () => {
  await using api = await startAdmissionTest({
    admission: { enable: ['PodTolerationRestriction'], disable: ['DefaultTolerationSeconds'] },
  })
  const { client } = api
  const toleration = { key: 'team', operator: 'Equal', value: 'a', effect: 'NoSchedule' }
  const annotations = {
    'scheduler.alpha.kubernetes.io/defaultTolerations': JSON.stringify([toleration]),
    'scheduler.alpha.kubernetes.io/tolerationsWhitelist': JSON.stringify([{ key: 'team', operator: 'Exists' }]),
  }
  await client.patch(namespaces, 'work', { metadata: { annotations } }, { type: 'merge' })
  assert.deepEqual((await client.create(pods, podOf('a'))).spec?.tolerations, [toleration])
  assert.equal(
    await refusal(client.create(pods, podOf('b', { tolerations: [{ operator: 'Exists' }] }))),
    'pods "b" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
  )
})

test('DenyServiceExternalIPs, LimitPodHardAntiAffinityTopology and AlwaysDeny refuse where they are on', async () => {
  await using api = await startAdmissionTest({
    admission: { enable: ['DenyServiceExternalIPs', 'LimitPodHardAntiAffinityTopology', 'NamespaceAutoProvision'] },
  })
  const { client } = api
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', namespace: 'work' },
    spec: { ports: [{ port: 80 }], externalIPs: ['1.2.3.4'] },
  }
  assert.equal(
    await refusal(client.create(services, service)),
    'services "web" is forbidden: Use of external IPs is denied by admission control.',
  )
  const term = { topologyKey: 'zone', labelSelector: {} }
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } }
  assert.equal(
    await refusal(client.create(pods, podOf('a', { affinity } as Partial<NonNullable<Pod['spec']>>))),
    'pods "a" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  )
  await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'unheard-of' } })
  assert.ok(await client.find(namespaces, 'unheard-of'))
})

test('OwnerReferencesPermissionEnforcement: who sets owners must be able to delete, and to hold up, what they own', async () => {
  await using api = await startAdmissionTest({ admission: { enable: ['OwnerReferencesPermissionEnforcement'] } })
  const { client } = api
  const group = 'rbac.authorization.k8s.io'
  const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['create', 'patch', 'get'] }]
  await client.create(clusterRoles, { apiVersion: `${group}/v1`, kind: 'ClusterRole', metadata: { name: 'r' }, rules })
  await client.create(clusterRoleBindings, {
    apiVersion: `${group}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: 'r' },
    roleRef: { apiGroup: group, kind: 'ClusterRole', name: 'r' },
    subjects: [{ apiGroup: group, kind: 'User', name: 'u' }],
  })
  const user = api.clientFor({ username: 'u', groups: ['system:authenticated'] })
  const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'x' }
  const make = (name: string, ownerReferences: object[]): Promise<unknown> =>
    user.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'work', ownerReferences } as never,
    })
  await make('a', [owner])
  assert.match(
    await refusal(make('b', [{ ...owner, blockOwnerDeletion: true }])),
    /"b" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: /,
  )
  assert.match(
    await refusal(
      user.patch(configMaps, 'work/a', { metadata: { ownerReferences: [{ ...owner, uid: 'y' }] } }, { type: 'merge' }),
    ),
    /"a" is forbidden: cannot set an ownerRef on a resource you can't delete: /,
  )
})
