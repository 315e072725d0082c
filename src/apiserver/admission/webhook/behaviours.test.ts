import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps, mutatingWebhookConfigurations, pods, validatingWebhookConfigurations } from '#api'
import type { Client } from '#client'
import { StatusError } from '#meta'
import {
  addData,
  type CustomObject,
  crdOf,
  deny,
  establish,
  makeNamespace,
  mutatingWebhooks,
  patchAnswer,
  podOf,
  refusal,
  settings,
  startWebhookLab,
  startWebhookServer,
  validatingWebhooks,
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
  await validatingWebhooks(client, 'deny', webhookTo(server, '/always', { rules, namespaceSelector }))
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
  await validatingWebhooks(client, 'closed', { ...hook, clientConfig: { url: hook.clientConfig.url! }, failurePolicy: 'Fail' })
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
    await validatingWebhooks(client, name, webhookTo(slow, '/slow', { timeoutSeconds, failurePolicy }))
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
  await mutatingWebhooks(client, 'ordered', webhookTo(server, '/first'), webhookTo(server, '/second'))
  const made = await client.create(configMaps, settings('a', { start: 'yes' }))
  assert.deepEqual(made.data, { start: 'yes', 'stage-1': 'yes', 'stage-2': 'yes' })
})

test('behaviour Admission webhook, mutation with defaulting: an init container that was added is defaulted', async () => {
  const container = { name: 'added', image: 'example.com/init' }
  await using lab = await startWebhookLab(() => patchAnswer([{ op: 'add', path: '/spec/initContainers', value: [container] }]))
  const { client, server } = lab
  const rules = [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }]
  await mutatingWebhooks(client, 'add', webhookTo(server, '/pods', { rules }))
  const { spec } = await client.create(pods, podOf('p'))
  assert.equal(spec?.initContainers?.[0]?.name, 'added')
  assert.equal(spec?.initContainers?.[0]?.terminationMessagePolicy, 'File')
  // In-tree plugins run again after a webhook's change, so that the service account's token is there too.
  assert.ok(spec?.initContainers?.[0]?.volumeMounts?.some(({ mountPath }) => mountPath.includes('serviceaccount')))
})

for (const kind of ['mutating', 'validating'] as const) {
  const resource = kind === 'mutating' ? mutatingWebhookConfigurations : validatingWebhookConfigurations
  const register = kind === 'mutating' ? mutatingWebhooks : validatingWebhooks
  const answer = () => (kind === 'mutating' ? addData('touched') : deny('no'))
  const isTouched = async (client: Client, name: string): Promise<boolean> => {
    try {
      return (await client.create(configMaps, settings(name, { own: 'x' }))).data?.['touched'] !== undefined
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
  await validatingWebhooks(client, 'lock', webhookTo(server, '/lock', { rules: everything }))
  await mutatingWebhooks(client, 'lock', webhookTo(server, '/lock', { rules: everything }))
  await validatingWebhooks(client, 'free', webhookTo(server, '/free'))
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
  await validatingWebhooks(client, 'deny', webhookTo(server, '/attach', { rules }))
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

const widgetRules = (...operations: string[]) => [
  { operations, apiGroups: ['example.com'], apiVersions: ['*'], resources: ['widgets'] },
]
const widget = (version: string, data: Record<string, string>): CustomObject => ({
  apiVersion: `example.com/${version}`,
  kind: 'Widget',
  metadata: { name: 'w', namespace: 'work' },
  data,
})

test('behaviour Admission webhook, deny custom resource create and delete', async () => {
  await using lab = await startWebhookLab(({ object, oldObject }) => {
    const { data } = (object ?? oldObject) as unknown as { data: Record<string, string> }
    return data['bad'] ? deny('the custom resource contains unwanted data') : { allowed: true }
  })
  const { client, server } = lab
  const [widgets] = await establish(client, crdOf())
  await client.create(widgets!, widget('v1', { good: '1' }))
  const rules = widgetRules('CREATE', 'UPDATE', 'DELETE')
  await validatingWebhooks(client, 'deny', webhookTo(server, '/cr', { rules }))
  await client.create(widgets!, { ...widget('v1', {}), metadata: { name: 'x', namespace: 'work' } })
  const denied = 'admission webhook "cr.hooks.example" denied the request: the custom resource contains unwanted data'
  const bad = { ...widget('v1', { bad: '1' }), metadata: { name: 'y', namespace: 'work' } }
  assert.equal(await refusal(client.create(widgets!, bad)), denied)
  assert.equal(await refusal(client.patch(widgets!, 'work/w', { data: { bad: '1' } }, { type: 'merge' })), denied)
  await client.patch(
    validatingWebhookConfigurations,
    'deny',
    [{ op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['DELETE'] }],
    { type: 'json' },
  )
  await client.create(widgets!, bad)
  assert.equal(await refusal(client.delete(widgets!, 'work/y')), denied)
  await client.patch(widgets!, 'work/y', { data: { bad: null } }, { type: 'merge' })
  await client.delete(widgets!, 'work/y')
})

test('behaviour Admission webhook, deny custom resource definition', async () => {
  await using lab = await startWebhookLab(() => deny('the crd contains unwanted label'))
  const { client, server } = lab
  const rules = [
    { operations: ['CREATE'], apiGroups: ['apiextensions.k8s.io'], apiVersions: ['*'], resources: ['customresourcedefinitions'] },
  ]
  await validatingWebhooks(client, 'deny', webhookTo(server, '/crd', { rules }))
  assert.match(await refusal(establish(client, crdOf())), /denied the request: the crd contains unwanted label$/)
})

test('behaviour Admission webhook, mutate custom resource, with pruning of what its schema does not know', async () => {
  await using lab = await startWebhookLab((_request, path) => addData(path.startsWith('/known') ? 'known' : 'unknown'))
  const { client, server } = lab
  const text = { type: 'string' } as const
  const data = { type: 'object', properties: { known: text, own: text } } as const
  const [widgets] = await establish(client, crdOf({ schema: { type: 'object', properties: { data } } }))
  await mutatingWebhooks(
    client,
    'prune',
    webhookTo(server, '/known', { rules: widgetRules('CREATE') }),
    webhookTo(server, '/unknown', { rules: widgetRules('CREATE') }),
  )
  const made = await client.create(widgets!, widget('v1', { own: '1' }))
  assert.deepEqual(made['data'], { own: '1', known: 'yes' })
})

test('behaviour Admission webhook, mutate custom resource with different stored version', async () => {
  await using lab = await startWebhookLab(({ kind, object }) => {
    assert.equal(object?.apiVersion, `example.com/${kind.version}`)
    return patchAnswer([{ op: 'add', path: '/data/touched', value: kind.version }])
  })
  const { client, server } = lab
  const crd = crdOf({ versions: [{ name: 'v1' }, { name: 'v2' }] })
  const [first, second] = await establish(client, crd)
  // A webhook that knows only v1 is shown v1, whatever was asked for and whatever is stored.
  const rules = [{ operations: ['CREATE', 'UPDATE'], apiGroups: ['example.com'], apiVersions: ['v1'], resources: ['widgets'] }]
  await mutatingWebhooks(client, 'touch', webhookTo(server, '/touch', { rules }))
  assert.deepEqual((await client.create(first!, widget('v1', { a: '1' })))['data'], { a: '1', touched: 'v1' })
  const swap = crd.spec.versions.map(({ name }, index) => ({
    op: 'replace',
    path: `/spec/versions/${index}/storage`,
    value: name === 'v2',
  }))
  const { customResourceDefinitions } = await import('#api')
  await client.patch(customResourceDefinitions, 'widgets.example.com', swap, { type: 'json' })
  const patched = await client.patch(second!, 'work/w', { data: { b: '2' } }, { type: 'merge' })
  assert.equal(patched.apiVersion, 'example.com/v2')
  assert.deepEqual(patched['data'], { a: '1', b: '2', touched: 'v1' })
})
