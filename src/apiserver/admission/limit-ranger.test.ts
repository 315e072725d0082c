import assert from 'node:assert/strict'
import test from 'node:test'
import { type LimitRange, type LimitRangeItem, limitRanges, type Pod, persistentVolumeClaims, pods } from '#api'
import type { Client } from '#client'
import { makeNamespace, podOf, refusal, startAdmissionTest } from '#testing'

const rangeOf = (name: string, limits: LimitRangeItem[], namespace = 'work'): LimitRange => ({
  apiVersion: 'v1',
  kind: 'LimitRange',
  metadata: { name, namespace, labels: { range: name } },
  spec: { limits },
})

const withResources = (name: string, requests: Record<string, string>, limits: Record<string, string> = {}): Pod =>
  podOf(name, { containers: [{ name: 'main', image: 'example.com/main', resources: { requests, limits } }] })

test('behaviour LimitRange, resources: defaults are applied to pods, and what is out of bounds is refused', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  const amounts = (cpu: string, memory: string, storage: string): Record<string, string> => ({
    cpu,
    memory,
    'ephemeral-storage': storage,
  })
  const range = await client.create(
    limitRanges,
    rangeOf('limits', [
      {
        type: 'Container',
        min: amounts('50m', '100Mi', '100Gi'),
        max: amounts('500m', '500Mi', '500Gi'),
        default: amounts('500m', '500Mi', '500Gi'),
        defaultRequest: amounts('100m', '200Mi', '200Gi'),
      },
    ]),
  )
  const plain = await client.create(pods, podOf('plain'))
  assert.deepEqual(plain.spec?.containers[0]?.resources, {
    requests: amounts('100m', '200Mi', '200Gi'),
    limits: amounts('500m', '500Mi', '500Gi'),
  })
  assert.equal(
    plain.metadata?.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu, ephemeral-storage, memory request for container main; cpu, ephemeral-storage, memory limit for container main',
  )
  const partial = await client.create(pods, withResources('partial', { cpu: '300m' }, { memory: '300Mi' }))
  assert.deepEqual(partial.spec?.containers[0]?.resources?.requests, { ...amounts('300m', '300Mi', '200Gi') })
  assert.equal(
    await refusal(client.create(pods, withResources('small', amounts('10m', '50Mi', '50Gi')))),
    'pods "small" is forbidden: [minimum cpu usage per Container is 50m, but request is 10m, minimum ephemeral-storage usage per Container is 100Gi, but request is 50Gi, minimum memory usage per Container is 100Mi, but request is 50Mi]',
  )
  assert.equal(
    await refusal(client.create(pods, withResources('large', {}, { cpu: '600m' }))),
    'pods "large" is forbidden: [maximum cpu usage per Container is 500m, but limit is 600m]'.replace(/[[\]]/g, ''),
  )
  // An update holds from the next pod on.
  await client.update(limitRanges, {
    ...range,
    spec: { limits: [{ ...range.spec!.limits[0]!, min: amounts('49m', '49Mi', '49Gi') }] },
  })
  await client.create(pods, withResources('small', amounts('50m', '50Mi', '50Gi')))
  await client.delete(limitRanges, 'work/limits')
  await client.create(pods, withResources('large', amounts('600m', '600Mi', '600Gi')))
})

test('behaviour LimitRange, list, patch and delete a LimitRange by collection', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await makeNamespace(client, 'other')
  const limits = [{ type: 'Container', max: { cpu: '500m' } }]
  for (const namespace of ['work', 'other']) await client.create(limitRanges, rangeOf('both', limits, namespace))
  assert.equal((await client.list(limitRanges, { labelSelector: 'range=both' })).items.length, 2)
  const patched = await client.patch(
    limitRanges,
    'work/both',
    { metadata: { labels: { 'work/both': 'patched' } }, spec: { limits: [{ type: 'Container', max: { cpu: '400m' } }] } },
    { type: 'strategic' },
  )
  assert.equal(patched.spec?.limits[0]?.max?.['cpu'], '400m')
  await client.deleteCollection(limitRanges, { namespace: 'work', labelSelector: 'work/both=patched' })
  const left = await client.list(limitRanges, { labelSelector: 'range=both' })
  assert.deepEqual(
    left.items.map(({ metadata }) => metadata?.namespace),
    ['other'],
  )
})

const TABLE: readonly [name: string, item: LimitRangeItem, pod: Pod, said: string | undefined][] = [
  [
    'a container without a limit where there is a maximum',
    { type: 'Container', max: { 'example.com/x': '2' }, default: {}, defaultRequest: {} },
    withResources('p', {}),
    undefined,
  ],
  [
    'a pod without a limit where there is a maximum',
    { type: 'Pod', max: { cpu: '1' } },
    withResources('p', { cpu: '1' }),
    'maximum cpu usage per Pod is 1.  No limit is specified',
  ],
  [
    'a pod whose containers together are too many',
    { type: 'Pod', max: { memory: '1Gi' } },
    podOf('p', {
      containers: ['a', 'b'].map((name) => ({ name, image: name, resources: { limits: { memory: '600Mi' } } })),
    }),
    'maximum memory usage per Pod is 1Gi, but limit is 1200Mi',
  ],
  [
    'a pod below the minimum',
    { type: 'Pod', min: { cpu: '1' } },
    withResources('p', {}),
    'minimum cpu usage per Pod is 1.  No request is specified',
  ],
  [
    'a ratio that is too high',
    { type: 'Container', maxLimitRequestRatio: { cpu: '4' } },
    withResources('p', { cpu: '100m' }, { cpu: '500m' }),
    'cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000',
  ],
  [
    'a ratio of nothing',
    { type: 'Container', maxLimitRequestRatio: { cpu: '4' } },
    withResources('p', {}),
    'cpu max limit to request ratio per Container is 4, but no request is specified or request is 0',
  ],
  [
    'a ratio that is just right',
    { type: 'Container', maxLimitRequestRatio: { cpu: '1500m' } },
    withResources('p', { cpu: '200m' }, { cpu: '300m' }),
    undefined,
  ],
]

for (const [name, item, pod, said] of TABLE) {
  test(`limit ranges: ${name}`, async () => {
    await using api = await startAdmissionTest()
    await api.client.create(limitRanges, rangeOf('one', [item]))
    const made = api.client.create(pods, pod)
    if (said === undefined) await made
    else assert.equal(await refusal(made), `pods "p" is forbidden: ${said}`)
  })
}

test('limit ranges bound the storage that claims ask for', async () => {
  await using api = await startAdmissionTest()
  const { client } = api
  await client.create(
    limitRanges,
    rangeOf('storage', [{ type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '5Gi' } }]),
  )
  assert.equal(
    await refusal(claim(client, '10Gi')),
    'persistentvolumeclaims "data" is forbidden: maximum storage usage per PersistentVolumeClaim is 5Gi, but request is 10Gi',
  )
  assert.equal(
    await refusal(claim(client, '10Mi')),
    'persistentvolumeclaims "data" is forbidden: minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 10Mi',
  )
  await claim(client, '3Gi')
})

const claim = (client: Client, storage: string): Promise<unknown> =>
  client.create(persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data', namespace: 'work' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  })
