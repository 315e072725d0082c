import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps, namespaces, pods, services, validatingWebhookConfigurations } from '#api'
import type { StatusError } from '#meta'
import {
  addData,
  deny,
  mutatingWebhooks,
  patchAnswer,
  podOf,
  refusal,
  settings,
  startAdmissionTest,
  startWebhookLab,
  type TestApiServer,
  validatingWebhooks,
  webhookTo,
} from '#testing'

test('a delete shows the webhook what is deleted, and can be refused', async () => {
  await using lab = await startWebhookLab(({ oldObject }) =>
    (oldObject as ConfigMap).data?.['keep'] ? deny('kept') : { allowed: true },
  )
  const { client, server } = lab
  const rules = [{ operations: ['DELETE'], apiGroups: [''], apiVersions: ['*'], resources: ['*'] }]
  await validatingWebhooks(client, 'keep', webhookTo(server, '/keep', { rules }))
  await client.create(configMaps, settings('a', { keep: 'yes' }))
  await client.create(configMaps, settings('b'))
  assert.match(await refusal(client.delete(configMaps, 'work/a')), /denied the request: kept$/)
  await client.delete(configMaps, 'work/b', { gracePeriodSeconds: 5, propagationPolicy: 'Orphan' })
  const last = server.requests.at(-1)!
  assert.equal(last.object, null)
  assert.deepEqual(last.options, {
    kind: 'DeleteOptions',
    apiVersion: 'meta.k8s.io/v1',
    gracePeriodSeconds: 5,
    propagationPolicy: 'Orphan',
  })
})

test('what a webhook is told: who, what, where, and in which version', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { api, client, server } = lab
  await mutatingWebhooks(
    client,
    'see',
    webhookTo(server, '/see', { name: 'see.hooks.example', admissionReviewVersions: ['v1beta1', 'v1'] }),
  )
  const extra = { scopes: ['a', 'b'] }
  const user = api.clientFor({ username: 'ann', uid: '7', groups: ['system:masters'], extra })
  await user.create(configMaps, settings('a', { x: '1' }), { fieldManager: 'me', dryRun: true })
  const [seen] = server.requests
  const { uid, object, ...rest } = seen!
  assert.match(uid, /^[\da-f-]{36}$/)
  assert.deepEqual((object as ConfigMap).data, { x: '1' })
  assert.deepEqual(rest, {
    kind: { group: '', version: 'v1', kind: 'ConfigMap' },
    resource: { group: '', version: 'v1', resource: 'configmaps' },
    requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
    requestResource: { group: '', version: 'v1', resource: 'configmaps' },
    name: 'a',
    namespace: 'work',
    operation: 'CREATE',
    userInfo: { username: 'ann', uid: '7', groups: ['system:masters', 'system:authenticated'], extra },
    oldObject: null,
    dryRun: true,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', dryRun: ['All'], fieldManager: 'me' },
  })
  assert.deepEqual(server.paths, ['/see?timeout=10s'])
  assert.equal(await client.find(configMaps, 'work/a'), undefined)
})

test('rules: versions are converted for a webhook that knows another one, unless it wants only its own', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { client, server } = lab
  const rules = [
    { operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] },
  ]
  await validatingWebhooks(client, 'any', webhookTo(server, '/equivalent', { rules }))
  await validatingWebhooks(client, 'own', webhookTo(server, '/exact', { rules, matchPolicy: 'Exact' }))
  const { horizontalPodAutoscalers } = await import('#api')
  const metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 40 } } }]
  await client.create(horizontalPodAutoscalers, {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'h', namespace: 'work' },
    spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' }, metrics },
  })
  const [seen, ...more] = server.requests
  assert.equal(more.length, 0)
  assert.deepEqual([seen?.kind.version, seen?.requestKind.version, seen?.resource.version], ['v1', 'v2', 'v1'])
  const shown = seen?.object as unknown as { apiVersion: string; spec: { targetCPUUtilizationPercentage: number } }
  assert.deepEqual([shown.apiVersion, shown.spec.targetCPUUtilizationPercentage], ['autoscaling/v1', 40])
})

test('rules: scope, subresources and selectors', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { client, server } = lab
  const rule = (resources: string[], scope: string) => [
    { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources, scope },
  ]
  await validatingWebhooks(
    client,
    'many',
    webhookTo(server, '/cluster', { rules: rule(['*'], 'Cluster') }),
    webhookTo(server, '/status', { rules: rule(['pods/*'], 'Namespaced') }),
    webhookTo(server, '/labelled', { rules: rule(['*/*'], '*'), objectSelector: { matchLabels: { seen: 'yes' } } }),
    webhookTo(server, '/own', { rules: rule(['namespaces'], '*'), namespaceSelector: { matchLabels: { own: 'yes' } } }),
  )
  const asked = async (act: () => Promise<unknown>): Promise<string[]> => {
    const before = server.paths.length
    await act()
    return server.paths
      .slice(before)
      .map((path) => path.replace('?timeout=10s', ''))
      .sort()
  }
  const namespace = (name: string, labels: Record<string, string>) => () =>
    client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
  assert.deepEqual(await asked(namespace('x', {})), ['/cluster'])
  assert.deepEqual(await asked(namespace('y', { own: 'yes', seen: 'yes' })), ['/cluster', '/labelled', '/own'])
  assert.deepEqual(await asked(() => client.create(pods, podOf('p'))), ['/status'])
  const pod = await client.get(pods, 'work/p')
  assert.deepEqual(await asked(() => client.updateStatus(pods, { ...pod, status: { ...pod.status, message: 'm' } })), ['/status'])
  assert.deepEqual(await asked(() => client.create(configMaps, settings('c', {}, { labels: { seen: 'yes' } }))), ['/labelled'])
  // Losing the label is a change of something that had it.
  assert.deepEqual(await asked(() => client.patch(configMaps, 'work/c', { metadata: { labels: null } }, { type: 'merge' })), [
    '/labelled',
  ])
})

test('a webhook is asked again when a later one changed the object, if it wants to be', async () => {
  await using lab = await startWebhookLab((_request, path) => (path.startsWith('/late') ? addData('late') : { allowed: true }))
  const { client, server } = lab
  await mutatingWebhooks(
    client,
    'twice',
    webhookTo(server, '/eager', { reinvocationPolicy: 'IfNeeded' }),
    webhookTo(server, '/once'),
    webhookTo(server, '/late', { reinvocationPolicy: 'IfNeeded' }),
  )
  await client.create(configMaps, settings('a', { own: 'x' }))
  assert.deepEqual(
    server.paths.map((path) => path.slice(1, path.indexOf('?'))),
    ['eager', 'once', 'late', 'eager'],
  )
  assert.deepEqual((server.requests.at(-1)!.object as ConfigMap).data, { own: 'x', late: 'yes' })
})

test('a webhook’s change is validated, and can’t move the object or rob its owners', async () => {
  let operations: object[] = []
  await using lab = await startWebhookLab(() => patchAnswer(operations))
  const { client, server } = lab
  await mutatingWebhooks(client, 'bad', webhookTo(server, '/bad'))
  operations = [{ op: 'add', path: '/metadata/labels', value: { 'not ok': 'x' } }]
  assert.match(
    await refusal(client.create(configMaps, settings('a'))),
    /^ConfigMap "a" is invalid: metadata.labels: Invalid value: "not ok"/,
  )
  operations = [{ op: 'replace', path: '/metadata/namespace', value: 'kube-system' }]
  assert.equal(
    await refusal(client.create(configMaps, settings('a'))),
    'the namespace of the provided object does not match the namespace sent on the request',
  )
  operations = [{ op: 'replace', path: '/data', value: 7 }]
  assert.match(await refusal(client.create(configMaps, settings('a', { x: '2' }))), /^Internal error occurred: /)
  operations = [{ op: 'test', path: '/data/x', value: '1' }]
  assert.match(await refusal(client.create(configMaps, settings('a', { x: '2' }))), /^Internal error occurred: /)
  operations = [
    { op: 'replace', path: '/metadata/uid', value: 'mine' },
    { op: 'add', path: '/metadata/managedFields', value: [{ manager: 'nobody' }] },
    { op: 'add', path: '/unheardOf', value: true },
    { op: 'add', path: '/data/more', value: 'yes' },
  ]
  const { metadata, data, ...rest } = await client.create(configMaps, settings('a', { own: 'x' }), { fieldManager: 'me' })
  assert.notEqual(metadata?.uid, 'mine')
  assert.deepEqual(
    metadata?.managedFields?.map(({ manager }) => manager),
    ['me'],
  )
  assert.deepEqual([data, Object.keys(rest)], [{ own: 'x', more: 'yes' }, ['kind', 'apiVersion']])
})

test('warnings and statuses of a webhook come through', async () => {
  await using lab = await startWebhookLab(({ object }) =>
    (object as ConfigMap).data?.['bad']
      ? {
          allowed: false,
          status: { code: 418, reason: 'Teapot', details: { causes: [{ message: 'short', field: 'data.bad' }] } },
        }
      : { allowed: true, warnings: ['mind "the" gap', 'second'] },
  )
  const { client, server } = lab
  await validatingWebhooks(client, 'talk', webhookTo(server, '/talk'))
  const body = { kind: 'object', object: settings('a') } as const
  const headers = { 'content-type': 'application/json' }
  const response = await client.request({ method: 'POST', path: '/api/v1/namespaces/work/configmaps', headers, body })
  assert.equal(response.headers['warning'], '299 - "mind \\"the\\" gap", 299 - "second"')
  await assert.rejects(client.create(configMaps, settings('b', { bad: '1' })), (error: StatusError) => {
    assert.deepEqual([error.code, error.reason], [418, 'Teapot'])
    assert.equal(error.message, 'admission webhook "talk.hooks.example" denied the request: Teapot')
    assert.deepEqual(error.status.details?.causes, [{ message: 'short', field: 'data.bad' }])
    return true
  })
})

test('a webhook behind a Service is found by it, and must be who the Service’s name says', async () => {
  await using lab = await startWebhookLab(() => deny('by service'))
  const { client, server } = lab
  const service = { namespace: 'work', name: 'hook', path: '/judge', port: server.port }
  const clientConfig = { service, caBundle: server.caBundle }
  await validatingWebhooks(client, 'svc', webhookTo(server, '/svc', { clientConfig }))
  const create = (): Promise<string> => refusal(client.create(configMaps, settings('a')))
  const about = `Internal error occurred: failed calling webhook "svc.hooks.example": failed to call webhook: Post "https://hook.work.svc:${server.port}/judge?timeout=10s": `
  assert.equal(await create(), `${about}service "hook" not found`)
  const spec = { type: 'ClusterIP', ports: [{ port: server.port }] }
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name: 'hook', namespace: 'work' }, spec })
  assert.equal(await create(), `${about}no endpoints available for service "hook"`)
  await client.delete(services, 'work/hook')
  for (const name of ['hook', 'other']) {
    const external = { type: 'ExternalName', externalName: 'localhost' }
    await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'work' }, spec: external })
  }
  assert.equal(await create(), 'admission webhook "svc.hooks.example" denied the request: by service')
  assert.deepEqual(server.paths, ['/judge?timeout=10s'])
  await client.patch(
    validatingWebhookConfigurations,
    'svc',
    [{ op: 'replace', path: '/webhooks/0/clientConfig/service/name', value: 'other' }],
    { type: 'json' },
  )
  assert.match(await create(), /x509: certificate is valid for hook.work.svc, not other.work.svc$/)
})

test('in-process functions judge and change like webhooks do', async () => {
  await using api: TestApiServer = await startAdmissionTest({
    admission: {
      functions: [
        {
          name: 'stamp.example.com',
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
          handle: ({ object }) => ({ patch: [{ op: 'add', path: '/metadata/labels', value: { by: object?.metadata?.name } }] }),
        },
        {
          name: 'judge.example.com',
          type: 'validating',
          objectSelector: { matchLabels: { by: 'bad' } },
          handle: ({ object }) => ({ allowed: false, status: { message: `${object?.metadata?.labels?.['by']} is refused` } }),
        },
        {
          name: 'broken.example.com',
          failurePolicy: 'Ignore',
          handle: () => {
            throw new Error('broken')
          },
        },
      ],
    },
  })
  const { client } = api
  const made = await client.create(configMaps, settings('good'))
  assert.deepEqual(made.metadata?.labels, { by: 'good' })
  assert.equal(
    await refusal(client.create(configMaps, settings('bad'))),
    'admission webhook "judge.example.com" denied the request: bad is refused',
  )
})
