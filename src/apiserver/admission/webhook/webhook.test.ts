import assert from 'node:assert/strict'
import test from 'node:test'
import {
  type ConfigMap,
  configMaps,
  mutatingWebhookConfigurations,
  namespaces,
  pods,
  validatingWebhookConfigurations,
} from '#api'
import type { Client } from '#client'
import { StatusError } from '#meta'
import {
  addData,
  deny,
  makeNamespace,
  mutating,
  patchAnswer,
  podOf,
  refusal,
  settings,
  startAdmissionTest,
  startWebhookLab,
  startWebhookServer,
  type TestApiServer,
  validating,
  type WebhookAnswer,
  webhookTo,
} from '#testing'
import type { AdmissionRequest } from './review.ts'

/** A bad configmap holds the key `webhook-e2e-test`, a bad pod has a container `webhook-disallow`. */
function judge({ object, kind }: AdmissionRequest): WebhookAnswer {
  if (kind.kind === 'ConfigMap')
    return (object as ConfigMap).data?.['bad'] ? deny('the configmap contains unwanted key and value') : { allowed: true }
  const names = (object as { spec?: { containers?: { name: string }[] } }).spec?.containers?.map(({ name }) => name) ?? []
  return names.includes('disallow') ? deny('the pod contains unwanted container name') : { allowed: true }
}

test('behaviour Admission webhook, deny create: pods and configmaps, by create, update and patch', async () => {
  await using lab = await startWebhookLab(judge)
  const { client, server } = lab
  const rules = [{ operations: ['CREATE', 'UPDATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods', 'configmaps'] }]
  const namespaceSelector = { matchExpressions: [{ key: 'skip', operator: 'NotIn', values: ['yes'] }] }
  await validating(client, 'deny', webhookTo(server, '/always', { rules, namespaceSelector }))
  assert.equal(
    await refusal(client.create(configMaps, settings('a', { bad: '1' }))),
    'admission webhook "always.hooks.example" denied the request: the configmap contains unwanted key and value',
  )
  assert.equal(
    await refusal(client.create(pods, podOf('p', { containers: [{ name: 'disallow', image: 'i' }] }))),
    'admission webhook "always.hooks.example" denied the request: the pod contains unwanted container name',
  )
  const good = await client.create(configMaps, settings('a', { good: '1' }))
  assert.match(await refusal(client.update(configMaps, { ...good, data: { bad: '1' } })), /denied the request/)
  assert.match(await refusal(client.patch(configMaps, 'work/a', { data: { bad: '1' } }, { type: 'merge' })), /denied the request/)
  await makeNamespace(client, 'skipped', { skip: 'yes' })
  await client.create(configMaps, settings('a', { bad: '1' }, { namespace: 'skipped' }))
})

test('behaviour Admission webhook, fail closed: a webhook that can’t be called refuses everything', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { client, server } = lab
  const hook = webhookTo(server, '/closed')
  await validating(client, 'closed', { ...hook, clientConfig: { url: hook.clientConfig.url! }, failurePolicy: 'Fail' })
  const made = client.create(configMaps, settings('a'))
  const message = `Internal error occurred: failed calling webhook "closed.hooks.example": failed to call webhook: Post "${server.url}/closed?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`
  await assert.rejects(made, (error: StatusError) => error.code === 500 && error.message === message)
  assert.equal(server.requests.length, 0)
})

test('behaviour Admission webhook, honor timeout', async () => {
  const waiting: (() => void)[] = []
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { client, api } = lab
  await using slow = await startWebhookServer(
    () => new Promise<WebhookAnswer>((resolve) => waiting.push(() => resolve({ allowed: true }))),
  )
  for (const [timeoutSeconds, failurePolicy, fails] of [
    [1, 'Fail', true],
    [1, 'Ignore', false],
    [10, 'Fail', false],
  ] as const) {
    const name = `slow-${timeoutSeconds}-${failurePolicy.toLowerCase()}`
    await validating(client, name, webhookTo(slow, '/slow', { timeoutSeconds, failurePolicy }))
    const made = client.create(configMaps, settings(name))
    made.catch(() => undefined)
    await slow.received(slow.requests.length + 1)
    // The webhook takes five seconds.
    await api.clock.advance(5_000)
    for (const answer of waiting.splice(0)) answer()
    if (fails) {
      assert.equal(
        await refusal(made),
        `Internal error occurred: failed calling webhook "slow.hooks.example": failed to call webhook: Post "${slow.url}/slow?timeout=1s": context deadline exceeded`,
      )
    } else await made
    await client.delete(validatingWebhookConfigurations, name)
  }
})

test('behaviour Admission webhook, ordered mutation: the second webhook sees what the first added', async () => {
  await using lab = await startWebhookLab(({ object }, path) => {
    const data = (object as ConfigMap).data ?? {}
    if (path.startsWith('/first') && data['start']) return addData('stage-1')
    if (path.startsWith('/second') && data['stage-1']) return addData('stage-2')
    return { allowed: true }
  })
  const { client, server } = lab
  await mutating(client, 'ordered', webhookTo(server, '/first'), webhookTo(server, '/second'))
  const made = await client.create(configMaps, settings('a', { start: 'yes' }))
  assert.deepEqual(made.data, { start: 'yes', 'stage-1': 'yes', 'stage-2': 'yes' })
})

test('behaviour Admission webhook, mutation with defaulting: an init container that was added is defaulted', async () => {
  const container = { name: 'added', image: 'example.com/init' }
  await using lab = await startWebhookLab(() => patchAnswer([{ op: 'add', path: '/spec/initContainers', value: [container] }]))
  const { client, server } = lab
  const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }]
  await mutating(client, 'add', webhookTo(server, '/pods', { rules }))
  const { spec } = await client.create(pods, podOf('p'))
  assert.equal(spec?.initContainers?.[0]?.name, 'added')
  assert.equal(spec?.initContainers?.[0]?.terminationMessagePolicy, 'File')
  // In-tree plugins run again after a webhook's change, so that the service account's token is there too.
  assert.ok(spec?.initContainers?.[0]?.volumeMounts?.some(({ mountPath }) => mountPath.includes('serviceaccount')))
})

for (const kind of ['mutating', 'validating'] as const) {
  const resource = kind === 'mutating' ? mutatingWebhookConfigurations : validatingWebhookConfigurations
  const register = kind === 'mutating' ? mutating : validating
  const answer = () => (kind === 'mutating' ? addData('touched') : deny('no'))
  const isTouched = async (client: Client, name: string): Promise<boolean> => {
    try {
      return (await client.create(configMaps, settings(name, {}))).data?.['touched'] !== undefined
    } catch (error) {
      if (error instanceof StatusError && /denied the request: no$/.test(error.message)) return true
      throw error
    }
  }

  test(`behaviour Admission webhook, update ${kind} webhook: a change takes effect at once`, async () => {
    await using lab = await startWebhookLab(answer)
    const { client, server } = lab
    await register(client, 'changing', webhookTo(server, '/x'))
    assert.equal(await isTouched(client, 'a'), true)
    const current = await client.get(resource as typeof mutatingWebhookConfigurations, 'changing')
    const webhooks = current.webhooks!.map((each) => ({ ...each, rules: [{ ...each.rules![0]!, operations: ['UPDATE'] }] }))
    await client.update(resource as typeof mutatingWebhookConfigurations, { ...current, webhooks })
    assert.equal(await isTouched(client, 'b'), false)
    const patch = [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] }]
    await client.patch(resource as typeof mutatingWebhookConfigurations, 'changing', patch, { type: 'json' })
    assert.equal(await isTouched(client, 'c'), true)
  })

  test(`behaviour Admission webhook, list ${kind} webhooks: a collection is deleted and asks no more`, async () => {
    await using lab = await startWebhookLab(answer)
    const { client, server } = lab
    for (let index = 0; index < 10; index++) await register(client, `one-${index}`, webhookTo(server, `/${index}`))
    const typed = resource as typeof mutatingWebhookConfigurations
    assert.equal((await client.list(typed, { labelSelector: 'test=yes' })).items.length, 10)
    assert.equal(await isTouched(client, 'a'), true)
    await client.deleteCollection(typed, { labelSelector: 'test=yes' })
    assert.equal(await isTouched(client, 'b'), false)
  })
}

test('behaviour Admission webhook, admission control not allowed on webhook configuration objects', async () => {
  await using lab = await startWebhookLab(() => deny('nobody may touch these'))
  const { client, server } = lab
  const everything = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }]
  await validating(client, 'lock', webhookTo(server, '/lock', { rules: everything }))
  await mutating(client, 'lock', webhookTo(server, '/lock', { rules: everything }))
  await validating(client, 'free', webhookTo(server, '/free'))
  for (const name of ['free', 'lock']) await client.delete(validatingWebhookConfigurations, name)
  await client.delete(mutatingWebhookConfigurations, 'lock')
  assert.equal(server.requests.length, 0)
})

test('behaviour Admission webhook, discovery document: webhook resources are in it', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const read = async (path: string): Promise<Record<string, never>> => {
    const { body } = await lab.client.request({ method: 'GET', path })
    return (
      body.kind === 'object' ? body.object : JSON.parse(Buffer.from((body as { bytes: Uint8Array }).bytes).toString())
    ) as Record<string, never>
  }
  const groups = (await read('/apis'))['groups'] as unknown as { name: string; versions: { version: string }[] }[]
  assert.ok(groups.find(({ name }) => name === 'admissionregistration.k8s.io')?.versions.some(({ version }) => version === 'v1'))
  const { resources } = (await read('/apis/admissionregistration.k8s.io/v1')) as unknown as { resources: { name: string }[] }
  const names = resources.map(({ name }) => name)
  assert.ok(names.includes('mutatingwebhookconfigurations') && names.includes('validatingwebhookconfigurations'))
})

test('behaviour Admission webhook, deny attach: connecting to a pod’s streams can be refused', async () => {
  await using lab = await startWebhookLab(({ kind, object }) =>
    deny(`attaching is not allowed: ${kind.kind} ${(object as { container?: string }).container}`),
  )
  const { client, server } = lab
  const rules = [
    {
      operations: ['CONNECT'],
      apiGroups: [''],
      apiVersions: ['v1'],
      resources: ['pods/attach', 'pods/exec', 'pods/portforward', '*/proxy'],
    },
  ]
  await validating(client, 'deny', webhookTo(server, '/attach', { rules }))
  await client.create(pods, podOf('p'))
  const connect = (subresource: string): Promise<string> =>
    refusal(
      client.request({
        method: 'POST',
        path: `/api/v1/namespaces/work/pods/p/${subresource}`,
        query: new URLSearchParams({ stdin: 'true', container: 'main' }),
      }),
    )
  assert.equal(
    await connect('attach'),
    'admission webhook "attach.hooks.example" denied the request: attaching is not allowed: PodAttachOptions main',
  )
  assert.match(await connect('exec'), /PodExecOptions main$/)
  assert.match(await connect('portforward'), /PodPortForwardOptions undefined$/)
  assert.match(await connect('proxy'), /PodProxyOptions undefined$/)
  const [attach] = server.requests
  assert.deepEqual(
    [attach?.operation, attach?.subResource, attach?.name, attach?.object],
    ['CONNECT', 'attach', 'p', { apiVersion: 'v1', kind: 'PodAttachOptions', stdin: true, container: 'main' }],
  )
})

test('a delete shows the webhook what is deleted, and can be refused', async () => {
  await using lab = await startWebhookLab(({ oldObject }) =>
    (oldObject as ConfigMap).data?.['keep'] ? deny('kept') : { allowed: true },
  )
  const { client, server } = lab
  const rules = [{ operations: ['DELETE'], apiGroups: [''], apiVersions: ['*'], resources: ['*'] }]
  await validating(client, 'keep', webhookTo(server, '/keep', { rules }))
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
  await mutating(
    client,
    'see',
    webhookTo(server, '/see?who=me', { name: 'see.hooks.example', admissionReviewVersions: ['v1beta1', 'v1'] }),
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
  assert.deepEqual(server.paths, ['/see?who=me&timeout=10s'])
  assert.equal(await client.find(configMaps, 'work/a'), undefined)
})

test('rules: versions are converted for a webhook that knows another one, unless it wants only its own', async () => {
  await using lab = await startWebhookLab(() => ({ allowed: true }))
  const { client, server } = lab
  const rules = [
    { operations: ['CREATE'], apiGroups: ['autoscaling'], apiVersions: ['v1'], resources: ['horizontalpodautoscalers'] },
  ]
  await validating(client, 'any', webhookTo(server, '/equivalent', { rules }))
  await validating(client, 'own', webhookTo(server, '/exact', { rules, matchPolicy: 'Exact' }))
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
  await validating(
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
  await mutating(
    client,
    'twice',
    webhookTo(server, '/eager', { reinvocationPolicy: 'IfNeeded' }),
    webhookTo(server, '/once'),
    webhookTo(server, '/late', { reinvocationPolicy: 'IfNeeded' }),
  )
  await client.create(configMaps, settings('a', {}))
  assert.deepEqual(
    server.paths.map((path) => path.slice(1, path.indexOf('?'))),
    ['eager', 'once', 'late', 'eager'],
  )
  assert.deepEqual((server.requests.at(-1)!.object as ConfigMap).data, { late: 'yes' })
})

test('a webhook’s change is validated, and can’t move the object or rob its owners', async () => {
  let operations: object[] = []
  await using lab = await startWebhookLab(() => patchAnswer(operations))
  const { client, server } = lab
  await mutating(client, 'bad', webhookTo(server, '/bad'))
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
  assert.match(await refusal(client.create(configMaps, settings('a'))), /^Internal error occurred: /)
  operations = [{ op: 'test', path: '/data/x', value: '1' }]
  assert.match(await refusal(client.create(configMaps, settings('a'))), /^Internal error occurred: /)
  operations = [
    { op: 'replace', path: '/metadata/uid', value: 'mine' },
    { op: 'add', path: '/metadata/managedFields', value: [{ manager: 'nobody' }] },
    { op: 'add', path: '/unheardOf', value: true },
    { op: 'add', path: '/data/more', value: 'yes' },
  ]
  const { metadata, data, ...rest } = await client.create(configMaps, settings('a', {}), { fieldManager: 'me' })
  assert.notEqual(metadata?.uid, 'mine')
  assert.deepEqual(
    metadata?.managedFields?.map(({ manager }) => manager),
    ['me'],
  )
  assert.deepEqual([data, Object.keys(rest)], [{ more: 'yes' }, ['kind', 'apiVersion']])
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
  await validating(client, 'talk', webhookTo(server, '/talk'))
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
