import assert from 'node:assert/strict'
import test from 'node:test'
import { customResourceDefinitions } from '#api'
import type { Client } from '#client'
import { StatusError } from '#meta'
import { ask, type CustomObject, clientKinds, crdOf, establish, startTestApiServer, untilCrd } from '#testing'

const SPEC = {
  type: 'object',
  properties: {
    spec: { type: 'object', properties: { color: { type: 'string' }, replicas: { type: 'integer' } } },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
  },
}

const widget = (name: string, fields: object = {}): CustomObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  ...fields,
})

const conditionsOf = (crd: { status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] } }) =>
  Object.fromEntries((crd.status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]))

async function json(client: Client, path: string, accept?: string): Promise<Record<string, never>> {
  const response = await client.request({ method: 'GET', path, ...(accept && { headers: { accept } }) })
  assert.ok(response.body.kind === 'object' || response.body.kind === 'bytes')
  const { body } = response
  return JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : body.bytes()).toString()) as Record<string, never>
}

test('CustomResourceDefinition resources Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const [widgets] = await establish(client, crdOf({ schema: SPEC }))
  const crd = await client.get(customResourceDefinitions, 'widgets.example.com')
  assert.deepEqual(crd.status?.acceptedNames, {
    plural: 'widgets',
    singular: 'widget',
    kind: 'Widget',
    listKind: 'WidgetList',
  })
  assert.deepEqual(crd.status?.storedVersions, ['v1'])
  assert.deepEqual(conditionsOf(crd), { NamesAccepted: 'True NoConflicts', Established: 'True InitialNamesAccepted' })

  const created = await client.create(widgets!, widget('a', { spec: { color: 'red', extra: true } }))
  assert.equal(created.metadata?.generation, 1)
  assert.deepEqual(created['spec'], { color: 'red' })
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  await assert.rejects(
    (async () => {
      // The definition goes after its objects.
      for await (const { type } of client.watch(customResourceDefinitions, {
        fieldSelector: 'metadata.name=widgets.example.com',
      }))
        if (type === 'DELETED') break
      await client.get(widgets!, 'default/a')
    })(),
    (error) => error instanceof StatusError && error.status.code === 404,
  )
  assert.deepEqual((await api.store.list('/registry/example.com/')).entries, [])
})

test('objects of custom kinds, and their definitions, are only replaced by who has read them', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const [widgets] = await establish(client, crdOf({ schema: SPEC }))
  const created = await client.create(widgets!, widget('a'))
  const rule = 'metadata.resourceVersion: Invalid value: 0: must be specified for an update'
  await assert.rejects(client.update(widgets!, widget('a', { spec: { color: 'red' } })), {
    message: `widgets.example.com "a" is invalid: ${rule}`,
  })
  await client.update(widgets!, { ...created, spec: { color: 'red' } } as CustomObject)
  await assert.rejects(client.update(customResourceDefinitions, crdOf({ schema: SPEC })), {
    message: `customresourcedefinitions.apiextensions.k8s.io "widgets.example.com" is invalid: ${rule}`,
  })
})

test('a definition that is deleted lets its objects finish and takes no new ones', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const [widgets] = await establish(client, crdOf())
  const shownVerbs = async (): Promise<string[]> => {
    const shown = await ask(api, 'GET /apis/example.com/v1')
    const [listed] = (shown.object as unknown as { resources: { verbs: string[] }[] }).resources
    return listed!.verbs
  }
  // In upstream's order, as nothing sorts them there.
  assert.deepEqual(await shownVerbs(), ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'])
  await client.create(widgets!, { ...widget('a'), metadata: { ...widget('a').metadata, finalizers: ['example.com/wait'] } })
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  const deleting = await untilCrd(client, crdOf(), (crd) =>
    Boolean(conditionsOf(crd)['Terminating'] === 'True InstanceDeletionInProgress'),
  )
  assert.deepEqual(deleting.metadata?.finalizers, ['customresourcecleanup.apiextensions.k8s.io'])
  await assert.rejects(client.create(widgets!, widget('b')), (error) => {
    assert.ok(error instanceof StatusError)
    assert.equal(error.status.code, 403)
    const why = 'create not allowed while custom resource definition is terminating'
    assert.equal(error.message, `widgets.example.com "b" is forbidden: ${why}`)
    return true
  })
  assert.deepEqual(await shownVerbs(), ['delete', 'deletecollection', 'get', 'list', 'watch'])
  const gone = (async () => {
    for await (const { type } of client.watch(customResourceDefinitions, { fieldSelector: 'metadata.name=widgets.example.com' }))
      if (type === 'DELETED') return
  })()
  await client.patch(widgets!, 'default/a', { metadata: { finalizers: null } }, { type: 'merge' })
  await gone
})

test('names that another definition of the group has are not accepted until it gives them up', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await establish(client, crdOf({ names: { shortNames: ['w'] } }))
  const second = crdOf({ kind: 'Wagon', names: { shortNames: ['w'], singular: 'widget' } })
  await client.create(customResourceDefinitions, second)
  const refused = await untilCrd(client, second, ({ status }) => Boolean(status?.conditions?.length))
  assert.deepEqual(conditionsOf(refused), { NamesAccepted: 'False ShortNamesConflict', Established: 'False NotAccepted' })
  assert.equal(refused.status?.conditions?.find(({ type }) => type === 'NamesAccepted')?.message, '"w" is already in use')
  assert.equal(refused.status?.acceptedNames?.plural, 'wagons')
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  const accepted = await untilCrd(client, second, (crd) => conditionsOf(crd)['Established'] === 'True InitialNamesAccepted')
  assert.deepEqual(accepted.status?.acceptedNames?.shortNames, ['w'])
})

test('CustomResourceDefinition resources Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await establish(client, crdOf())
  const crd = await client.get(customResourceDefinitions, 'widgets.example.com')
  const condition = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from a test' }
  const status = { ...crd.status, conditions: [...(crd.status?.conditions ?? []), condition] }
  const updated = await client.updateStatus(customResourceDefinitions, { ...crd, status })
  assert.equal(conditionsOf(updated)['StatusUpdate'], 'True E2E')
  const patched = await client.patch(
    customResourceDefinitions,
    'widgets.example.com',
    { status: { conditions: [{ type: 'StatusPatch', status: 'True', reason: 'E2E', message: '' }] } },
    { type: 'merge', subresource: 'status' },
  )
  assert.equal(conditionsOf(patched)['StatusPatch'], 'True E2E')
})

test('CustomResourceDefinition resources Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  for (const kind of ['Alpha', 'Beta', 'Gamma']) {
    const crd = crdOf({ kind })
    await establish(client, { ...crd, metadata: { ...crd.metadata, labels: { run: kind === 'Gamma' ? 'no' : 'yes' } } })
  }
  const names = async (labelSelector: string): Promise<unknown[]> =>
    (await client.list(customResourceDefinitions, { labelSelector })).items.map(({ metadata }) => metadata?.name)
  assert.deepEqual(await names('run=yes'), ['alphas.example.com', 'betas.example.com'])
  await client.deleteCollection(customResourceDefinitions, { labelSelector: 'run=yes' })
  for await (const _ of client.watch(customResourceDefinitions, { labelSelector: 'run=yes' }))
    if ((await names('run=yes')).length === 0) break
  assert.deepEqual(await names(''), ['gammas.example.com'])
})

test('CustomResourceDefinition Watch watch on custom resource definition objects', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const [widgets] = await establish(client, crdOf({ scope: 'Cluster' }))
  const seen: string[] = []
  const watching = (async () => {
    for await (const { type, object } of client.watch(widgets!)) seen.push(`${type} ${object.metadata?.name}`)
  })()
  const cluster = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one' } }
  await client.create(widgets!, cluster)
  await client.patch(widgets!, 'one', { num: { num1: 9007199254740991 } }, { type: 'merge' })
  await client.delete(widgets!, 'one')
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  // The end of the kind is the end of its watches.
  await watching
  assert.deepEqual(seen, ['ADDED one', 'MODIFIED one', 'DELETED one'])
})

test('CustomResourceDefinition resources should include custom resource definition resources in discovery documents', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const own = (await json(client, '/apis/apiextensions.k8s.io/v1')) as unknown as { resources: { name: string }[] }
  assert.ok(own.resources.some(({ name }) => name === 'customresourcedefinitions'))
  await establish(client, crdOf({ versions: [{ name: 'v1beta1' }, { name: 'v1', storage: true }, { name: 'v2alpha1' }] }))
  const group = (await json(client, '/apis/example.com')) as unknown as {
    versions: { version: string }[]
    preferredVersion: { version: string }
  }
  assert.deepEqual(
    group.versions.map(({ version }) => version),
    ['v1', 'v1beta1', 'v2alpha1'],
  )
  assert.equal(group.preferredVersion.version, 'v1')
  const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const all = (await json(client, '/apis', aggregated)) as unknown as { items: { metadata: { name: string } }[] }
  assert.ok(all.items.some(({ metadata }) => metadata.name === 'example.com'))
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  for await (const { type } of client.watch(customResourceDefinitions)) if (type === 'DELETED') break
  const later = (await json(client, '/apis', aggregated)) as unknown as { items: { metadata: { name: string } }[] }
  assert.ok(!later.items.some(({ metadata }) => metadata.name === 'example.com'))
})

test('a server that starts again serves what was established before it says it is ready', async () => {
  await using api = await startTestApiServer()
  const crd = crdOf({ schema: SPEC })
  const [widgets] = await establish(api.client, crd)
  await api.client.create(widgets!, widget('kept', { spec: { color: 'red' } }))
  await using again = await startTestApiServer({ store: api.store })
  const found = await again.client.get(clientKinds({ ...crd, status: {} })[0]!, 'default/kept')
  assert.deepEqual(found['spec'], { color: 'red' })
})

test('status and scale subresources of a custom kind, and which writes count as a new generation', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const scale = {
    specReplicasPath: '.spec.replicas',
    statusReplicasPath: '.status.replicas',
    labelSelectorPath: '.status.selector',
  }
  const [widgets] = await establish(
    client,
    crdOf({ schema: SPEC, versions: [{ name: 'v1', subresources: { status: {}, scale } }] }),
  )
  const created = await client.create(widgets!, widget('a', { spec: { replicas: 2 }, status: { replicas: 7 } }))
  assert.equal(created['status'], undefined)
  const withStatus = await client.updateStatus(widgets!, {
    ...created,
    metadata: { ...created.metadata, labels: { ignored: 'yes' } },
    spec: { replicas: 9 },
    status: { replicas: 1, selector: 'app=a' },
  })
  assert.deepEqual([withStatus['spec'], withStatus['status']], [{ replicas: 2 }, { replicas: 1, selector: 'app=a' }])
  assert.equal(withStatus.metadata?.labels, undefined)
  assert.equal(withStatus.metadata?.generation, 1)
  const path = '/apis/example.com/v1/namespaces/default/widgets/a/scale'
  const read = (await json(client, path)) as unknown as { spec: object; status: object }
  assert.deepEqual([read.spec, read.status], [{ replicas: 2 }, { replicas: 1, selector: 'app=a' }])
  await client.request({
    method: 'PATCH',
    path,
    headers: { 'content-type': 'application/merge-patch+json' },
    body: { kind: 'object', object: { spec: { replicas: 5 } } },
  })
  const scaled = await client.get(widgets!, 'default/a')
  assert.deepEqual([scaled['spec'], scaled.metadata?.generation], [{ replicas: 5 }, 2])
})

test('without the status subresource a status is a field like any other', async () => {
  await using api = await startTestApiServer()
  const [widgets] = await establish(api.client, crdOf({ schema: SPEC }))
  const created = await api.client.create(widgets!, widget('a', { status: { replicas: 1 } }))
  assert.deepEqual(created['status'], { replicas: 1 })
  const updated = await api.client.update(widgets!, { ...created, status: { replicas: 2 } })
  assert.equal(updated.metadata?.generation, 2)
})

const pathWords = (path: string): string => `Custom resource definition column (in JSONPath format): ${path}`

test('printer columns of a custom kind', async () => {
  await using api = await startTestApiServer()
  const additionalPrinterColumns = [
    { name: 'Color', type: 'string', jsonPath: '.spec.color', description: 'what it looks like' },
    { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas', priority: 1 },
    { name: 'Born', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ]
  const [widgets] = await establish(api.client, crdOf({ schema: SPEC, versions: [{ name: 'v1', additionalPrinterColumns }] }))
  await api.client.create(widgets!, widget('a', { spec: { color: 'red' } }))
  const table = (await json(
    api.client,
    '/apis/example.com/v1/namespaces/default/widgets',
    'application/json;as=Table;v=v1;g=meta.k8s.io',
  )) as unknown as { columnDefinitions: object[]; rows: { cells: unknown[] }[] }
  assert.deepEqual(table.columnDefinitions.slice(1), [
    { name: 'Color', type: 'string', format: '', description: 'what it looks like', priority: 0 },
    { name: 'Replicas', type: 'integer', format: '', description: pathWords('.spec.replicas'), priority: 1 },
    { name: 'Born', type: 'date', format: '', description: pathWords('.metadata.creationTimestamp'), priority: 0 },
  ])
  assert.deepEqual(table.rows[0]?.cells, ['a', 'red', null, '0s'])
})
