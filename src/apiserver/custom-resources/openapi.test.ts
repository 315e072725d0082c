import assert from 'node:assert/strict'
import test from 'node:test'
import { customResourceDefinitions } from '#api'
import type { Client } from '#client'
import { crdOf, establish, startTestApiServer } from '#testing'

type Json = Record<string, never>

async function read(client: Client, path: string): Promise<Json> {
  const { body } = await client.request({ method: 'GET', path, headers: { accept: 'application/json' } })
  assert.ok(body.kind === 'bytes' || body.kind === 'object')
  return JSON.parse(Buffer.from(body.kind === 'bytes' ? body.bytes : body.bytes()).toString()) as Json
}

const v2 = async (client: Client): Promise<Record<string, Json>> => (await read(client, '/openapi/v2'))['definitions']!
const v3 = async (client: Client, version = 'v1', group = 'example.com'): Promise<Record<string, Json>> =>
  ((await read(client, `/openapi/v3/apis/${group}/${version}`)) as unknown as { components: { schemas: Record<string, Json> } })
    .components.schemas
const published = async (client: Client): Promise<string[]> =>
  Object.keys((await read(client, '/openapi/v3'))['paths']!).filter((path) => path.includes('example.com'))

const string = { type: 'string' }
const object = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
const OPEN = { 'x-kubernetes-preserve-unknown-fields': true }

test('CustomResourcePublishOpenAPI works for CRD with validation schema', async () => {
  await using api = await startTestApiServer()
  const bars = {
    type: 'array',
    description: 'List of Bars.',
    items: object({ name: string, age: { type: 'integer', minimum: 0 } }, { required: ['name'] }),
  }
  const schema = object(
    { spec: object({ bars, maybe: { type: 'string', nullable: true } }, { description: 'Specification' }) },
    { description: 'A widget.' },
  )
  await establish(api.client, crdOf({ schema }))
  const old = (await v2(api.client))['com.example.v1.Widget'] as unknown as {
    description: string
    properties: Record<string, unknown>
  }
  assert.equal(old.description, 'A widget.')
  assert.deepEqual(Object.keys(old.properties).sort(), ['apiVersion', 'kind', 'metadata', 'spec'])
  assert.equal(
    (old.properties['metadata'] as { $ref: string }).$ref,
    '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
  )
  const spec = old.properties['spec'] as { properties: { bars: { items: object }; maybe: object } }
  assert.deepEqual(
    spec.properties.bars.items,
    object({ name: string, age: { type: 'integer', minimum: 0 } }, { required: ['name'] }),
  )
  // Old kubectl knows no null, so it is told nothing of such a field.
  assert.deepEqual(spec.properties.maybe, {})
  const full = (await v3(api.client))['com.example.v1.Widget'] as unknown as typeof old
  assert.deepEqual((full.properties['spec'] as typeof spec).properties.maybe, { type: 'string', nullable: true })
  assert.deepEqual((full as unknown as Json)['x-kubernetes-group-version-kind'], [
    { group: 'example.com', kind: 'Widget', version: 'v1' },
  ])
  assert.ok('com.example.v1.WidgetList' in (await v3(api.client)))
})

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md'
type Told = Readonly<Record<string, { readonly description: string; readonly required?: string[]; readonly properties: Told }>>

test('custom objects, objects inside them and lists of them are explained as upstream does, in both documents', async () => {
  await using api = await startTestApiServer()
  const template = object({ spec: object({}) }, { 'x-kubernetes-embedded-resource': true, required: ['spec'] })
  await establish(api.client, crdOf({ schema: object({ template }) }))
  for (const definitions of [await v2(api.client), await v3(api.client)]) {
    const { 'com.example.v1.Widget': widget, 'com.example.v1.WidgetList': list } = definitions as unknown as Told
    const metadata = `Standard object's metadata. More info: ${CONVENTIONS}#metadata`
    assert.equal(widget!.properties['metadata']!.description, metadata)
    assert.match(widget!.properties['kind']!.description, /^Kind is a string value representing the REST resource/)
    const { properties, required } = widget!.properties['template']!
    assert.deepEqual(required, ['spec', 'kind', 'apiVersion'])
    assert.equal(properties['metadata']!.description, metadata)
    assert.match(properties['apiVersion']!.description, /^apiVersion defines the versioned schema .*\. More info: .*#resources$/)
    assert.match(properties['kind']!.description, /^kind is a string value representing the type of this object\. In CamelCase\./)
    const told = Object.entries(list!.properties).map(([name, each]) => [name, each.description])
    assert.equal(list!.description, 'WidgetList is a list of Widget')
    assert.deepEqual(Object.fromEntries(told), {
      apiVersion: widget!.properties['apiVersion']!.description,
      items: `List of widgets. More info: ${CONVENTIONS}`,
      kind: widget!.properties['kind']!.description,
      metadata: `Standard list metadata. More info: ${CONVENTIONS}#types-kinds`,
    })
  }
})

test('custom kinds publish no strategic merge patch, so that kubectl applies them with merge patches', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf())
  interface Paths {
    readonly [path: string]: {
      readonly patch: { readonly consumes: string[]; readonly requestBody: { readonly content: object } }
    }
  }
  const expected = ['application/json-patch+json', 'application/merge-patch+json', 'application/apply-patch+yaml']
  const path = '/apis/example.com/v1/namespaces/{namespace}/widgets/{name}'
  const old = (await read(api.client, '/openapi/v2'))['paths'] as unknown as Paths
  assert.deepEqual(old[path]!.patch.consumes, expected)
  const full = (await read(api.client, '/openapi/v3/apis/example.com/v1'))['paths'] as unknown as Paths
  assert.deepEqual(Object.keys(full[path]!.patch.requestBody.content), expected)
})

type Operation = Readonly<
  Record<'description' | 'operationId' | 'tags' | 'responses' | 'x-kubernetes-group-version-kind', object>
> & {
  readonly requestBody?: { readonly content: object }
}
type Item = Readonly<Record<'get' | 'post' | 'patch' | 'delete', Operation>> & {
  readonly parameters: readonly { readonly name: string }[]
}

test('what can be done with custom objects is told as by upstream, whose server of them is another one', async () => {
  await using api = await startTestApiServer()
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }
  const schema = object({ spec: object({ color: string, replicas: { type: 'integer' } }) })
  const version = { name: 'v1', subresources: { scale }, selectableFields: [{ jsonPath: '.spec.color' }] }
  await establish(api.client, crdOf({ group: 'my-group.example.com', kind: 'Apple', schema, versions: [version] }))
  const document = await read(api.client, '/openapi/v3/apis/my-group.example.com/v1')
  assert.deepEqual(document['info'], { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' })
  assert.deepEqual(Object.keys(document).sort(), ['components', 'info', 'openapi', 'paths'])
  assert.deepEqual(Object.keys(document['components']!), ['schemas'])
  const paths = document['paths'] as unknown as Readonly<Record<string, Item>>
  const items = '/apis/my-group.example.com/v1/namespaces/{namespace}/apples'
  const expected = ['/apis/my-group.example.com/v1/apples', items, `${items}/{name}`, `${items}/{name}/scale`]
  assert.deepEqual(Object.keys(paths).sort(), expected)
  const { get, post, delete: deletion } = paths[items]!
  assert.equal(get.description, 'list objects of kind Apple')
  assert.equal(get.operationId, 'listMyGroupExampleComV1NamespacedApple')
  assert.deepEqual(get.tags, ['myGroupExampleCom_v1'])
  assert.equal(post.description, 'create an Apple')
  assert.deepEqual(Object.keys(post.requestBody!.content), ['application/json', 'application/yaml'])
  assert.equal(deletion.operationId, 'deleteMyGroupExampleComV1CollectionNamespacedApple')
  assert.equal(deletion.requestBody, undefined)
  const { patch, parameters } = paths[`${items}/{name}`]!
  assert.deepEqual(Object.keys(patch.responses), ['200', '401'])
  assert.deepEqual(
    parameters.map(({ name }) => name),
    ['name', 'namespace', 'pretty'],
  )
  const gvk = { group: 'my-group.example.com', version: 'v1', kind: 'Apple' }
  assert.deepEqual(paths[`${items}/{name}/scale`]!.get['x-kubernetes-group-version-kind'], gvk)
  for (const schemas of [await v2(api.client), await v3(api.client, 'v1', 'my-group.example.com')]) {
    for (const kind of ['Apple', 'AppleList'])
      assert.deepEqual(schemas[`com.example.my-group.v1.${kind}`]!['x-kubernetes-selectable-fields'], [
        { fieldPath: 'spec.color' },
      ])
  }
})

test('CustomResourcePublishOpenAPI works for CRD without validation schema', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ schema: object({ spec: { type: 'object', ...OPEN } }) }))
  const widget = (await v2(api.client))['com.example.v1.Widget'] as unknown as { properties: { spec: object } }
  // Of what keeps anything kubectl is told no type.
  assert.deepEqual(widget.properties.spec, OPEN)
})

test('CustomResourcePublishOpenAPI works for CRD preserving unknown fields at the schema root', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ schema: object({ spec: object({ a: string }) }, OPEN) }))
  const widget = (await v2(api.client))['com.example.v1.Widget']
  assert.deepEqual(Object.keys(widget!).sort(), ['type', 'x-kubernetes-group-version-kind'])
  assert.ok('properties' in (await v3(api.client))['com.example.v1.Widget']!)
})

test('CustomResourcePublishOpenAPI works for CRD preserving unknown fields in an embedded object', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ schema: object({ spec: object({ inner: object({ a: string }, OPEN) }) }) }))
  const widget = (await v2(api.client))['com.example.v1.Widget'] as unknown as {
    properties: { spec: { properties: { inner: object } } }
  }
  assert.deepEqual(widget.properties.spec.properties.inner, OPEN)
})

test('CustomResourcePublishOpenAPI works for multiple CRDs of different groups', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ group: 'a.example.com' }))
  await establish(api.client, crdOf({ group: 'b.example.com' }))
  const definitions = await v2(api.client)
  assert.ok('com.example.a.v1.Widget' in definitions && 'com.example.b.v1.Widget' in definitions)
})

test('CustomResourcePublishOpenAPI works for multiple CRDs of same group but different versions', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ versions: [{ name: 'v1' }, { name: 'v2' }] }))
  assert.deepEqual((await published(api.client)).sort(), ['apis/example.com/v1', 'apis/example.com/v2'])
  await establish(api.client, crdOf({ kind: 'Gadget', versions: [{ name: 'v3' }] }))
  assert.ok('com.example.v3.Gadget' in (await v2(api.client)))
})

test('CustomResourcePublishOpenAPI works for multiple CRDs of same group and version but different kinds', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf())
  await establish(api.client, crdOf({ kind: 'Gadget' }))
  const schemas = await v3(api.client)
  assert.ok('com.example.v1.Widget' in schemas && 'com.example.v1.Gadget' in schemas)
})

const renamed = async (client: Client, change: (version: { name: string; served: boolean }) => object): Promise<void> => {
  const crd = await client.get(customResourceDefinitions, 'widgets.example.com')
  const versions = crd.spec.versions.map((version) => ({ ...version, ...change(version) }))
  await client.update(customResourceDefinitions, { ...crd, spec: { ...crd.spec, versions } })
}

test('CustomResourcePublishOpenAPI updates the published spec when one version gets renamed', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ versions: [{ name: 'v1' }, { name: 'v2' }] }))
  const hashOf = async (): Promise<string> => {
    const paths = (await read(api.client, '/openapi/v3'))['paths'] as unknown as Record<string, { serverRelativeURL: string }>
    return paths['apis/example.com/v1']!.serverRelativeURL
  }
  const before = await hashOf()
  await renamed(api.client, ({ name }) => (name === 'v2' ? { name: 'v4' } : {}))
  assert.deepEqual((await published(api.client)).sort(), ['apis/example.com/v1', 'apis/example.com/v4'])
  const definitions = await v2(api.client)
  assert.ok('com.example.v4.Widget' in definitions && !('com.example.v2.Widget' in definitions))
  // What did not change keeps its address.
  assert.equal(await hashOf(), before)
})

test('CustomResourcePublishOpenAPI removes definition from spec when one version gets changed to not be served', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf({ versions: [{ name: 'v1' }, { name: 'v2' }] }))
  await renamed(api.client, ({ name }) => (name === 'v2' ? { served: false } : {}))
  assert.deepEqual(await published(api.client), ['apis/example.com/v1'])
  assert.ok(!('com.example.v2.Widget' in (await v2(api.client))))
})
