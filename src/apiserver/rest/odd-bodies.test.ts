import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'
const WIDGETS = '/apis/example.com/v1/namespaces/default/widgets'
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'

async function refusal(api: TestApiServer, request: string, body: unknown, type = 'application/json'): Promise<string> {
  const { code, object } = await ask(api, request, { body, headers: { 'content-type': type } })
  return `${code} ${object.message}`
}

const MERGE = 'application/merge-patch+json'

const schema = {
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        color: { type: 'string' },
        size: { type: 'string', nullable: true },
        shape: { type: 'string', default: 'round' },
        items: { type: 'array', items: { type: 'object', properties: { name: { type: 'string' } } } },
      },
    },
    status: { type: 'object', properties: { phase: { type: 'string' } } },
  },
}
const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' }

async function startWithWidget(): Promise<TestApiServer> {
  const api = await startTestApiServer()
  const version = { name: 'v1', subresources: { status: {}, scale }, schema: { openAPIV3Schema: schema } }
  await establish(api.client, crdOf({ versions: [version] }))
  await ask(api, `POST ${WIDGETS}`, { body: { ...widget('w'), spec: { replicas: 1 } } })
  return api
}

const widget = (name: string): object => ({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name } })

test('what is to be patched is looked for before anybody reads the patch', async () => {
  await using api = await startWithWidget()
  for (const [path, absent, there] of [
    [MAPS, 'configmaps "none"', 'kube-root-ca.crt'],
    [WIDGETS, 'widgets.example.com "none"', 'w'],
  ] as const) {
    if (path === MAPS) await ask(api, `POST ${MAPS}`, { body: { metadata: { name: there } } })
    for (const part of path === WIDGETS ? ['', '/status', '/scale'] : ['']) {
      for (const body of ['{', ''].map((text) => Buffer.from(text))) {
        assert.equal(await refusal(api, `PATCH ${path}/none${part}`, body, MERGE), `404 ${absent} not found`)
        const why = '400 error decoding patch: unexpected end of JSON input'
        assert.equal(await refusal(api, `PATCH ${path}/${there}${part}`, body, MERGE), why)
      }
    }
    assert.equal(await refusal(api, `PATCH ${path}/${there}`, Buffer.from('null'), MERGE), '400 Invalid JSON Patch')
  }
  assert.match(await refusal(api, `PATCH ${WIDGETS}/none`, Buffer.alloc(4_000_000, ' '), MERGE), /^413 /)
})

test('a patch that makes no Scale of a Scale is refused with what it makes', async () => {
  await using api = await startWithWidget()
  const why = await refusal(api, `PATCH ${WIDGETS}/w/scale`, { spec: { replicas: 'x' } }, MERGE)
  assert.match(why, /^422 {2}"" is invalid: patch: Invalid value: "{\\"kind\\":\\"Scale\\".*of type int32$/)
})

test('a custom object that a patch says is something else is no such object; a part of it does not care', async () => {
  await using api = await startWithWidget()
  const patched = (body: object, part = ''): Promise<string> => refusal(api, `PATCH ${WIDGETS}/w${part}`, body, MERGE)
  const version = 'apiVersion: Invalid value: "v9": must be example.com/v1'
  assert.equal(await patched({ apiVersion: 'v9' }), `422 Widget "w" is invalid: ${version}`)
  const kind = 'kind: Invalid value: "Gadget": must be Widget'
  assert.equal(await patched({ kind: 'Gadget' }), `422 Gadget.example.com "w" is invalid: ${kind}`)
  assert.equal(await patched({ kind: 'Gadget', apiVersion: 'v9' }), `422 Gadget "w" is invalid: [${kind}, ${version}]`)
  const { code, object } = await ask(api, `PATCH ${WIDGETS}/w/status`, {
    body: { kind: 'Gadget', apiVersion: 'v9', status: { phase: 'Up' } },
    headers: { 'content-type': MERGE },
  })
  const { kind: shownKind, apiVersion } = object as unknown as { kind: string; apiVersion: string }
  assert.deepEqual([code, shownKind, apiVersion], [200, 'Widget', 'example.com/v1'])
  assert.match(
    await patched({ metadata: 1 }),
    /Invalid value: "{\\"apiVersion\\":\\"example.com\/v1\\",\\"kind\\":\\"Widget\\",\\"metadata\\":1,/,
  )
})

test('a body of another kind is told where it is from before what it is, and of which object before that', async () => {
  await using api = await startWithWidget()
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' }
  const other = '400 the API version in the data (v1) does not match the expected API version (example.com/v1)'
  assert.equal(await refusal(api, `POST ${WIDGETS}`, status), other)
  assert.equal(await refusal(api, `PUT ${WIDGETS}/w`, status), other)
  const list = { kind: 'WidgetList', apiVersion: 'example.com/v1', items: [] }
  const nameless = '400 the name of the object (w based on URL) was undeterminable: name must be provided'
  assert.equal(await refusal(api, `PUT ${WIDGETS}/w`, list), nameless)
  assert.match(await refusal(api, `POST ${WIDGETS}`, list), /^422 WidgetList.example.com "" is invalid: kind: /)
  for (const apiVersion of ['v1', 'example.com/v1', undefined]) {
    const made = (kind: string): string =>
      `400 Status in version "v1" cannot be handled as a ${kind}: converting (v1.Status) to (${kind === 'ConfigMap' ? 'core' : 'apiextensions'}.${kind}): unknown conversion`
    assert.equal(await refusal(api, `POST ${CRDS}`, { ...status, apiVersion }), made('CustomResourceDefinition'))
    assert.equal(await refusal(api, `POST ${MAPS}`, { ...status, apiVersion }), made('ConfigMap'))
    assert.equal(
      await refusal(api, `DELETE ${WIDGETS}/none`, { ...status, apiVersion }),
      '400 converting (v1.Status) to (v1.DeleteOptions): unknown conversion',
    )
  }
})

test('a null that an apply says of a custom object stands, and is judged', async () => {
  await using api = await startWithWidget()
  const apply = (name: string, more: object): Promise<string> =>
    refusal(api, `PATCH ${WIDGETS}/${name}?fieldManager=m`, { ...widget(name), ...more }, 'application/apply-patch+yaml')
  const wrong = (path: string, type: string): string =>
    `422 Widget.example.com "n" is invalid: ${path}: Invalid value: "null": ${path} in body must be of type ${type}: "null"`
  for (let again = 0; again < 2; again++) {
    assert.equal(await apply('n', { spec: null }), wrong('spec', 'object'))
    assert.equal(await apply('n', { spec: { color: null } }), wrong('spec.color', 'string'))
    assert.equal(await apply('n', { spec: { items: [{ name: null }] } }), wrong('spec.items[0].name', 'string'))
    if (again === 0) assert.equal(await apply('n', { spec: { size: null, shape: null } }), '201 undefined')
  }
  const { object } = await ask(api, `GET ${WIDGETS}/n`)
  assert.deepEqual((object as unknown as { spec: object }).spec, { size: null, shape: 'round' })
  // What is created loses them.
  const created = await ask(api, `POST ${WIDGETS}`, { body: { ...widget('c'), spec: { color: null, replicas: 2 } } })
  assert.deepEqual((created.object as unknown as { spec: object }).spec, { replicas: 2, shape: 'round' })
})

test('a definition has no conditions, rather than an empty list of them, before anybody looked at it', async () => {
  await using api = await startTestApiServer()
  const { object } = await ask(api, `POST ${CRDS}`, { body: crdOf() })
  assert.deepEqual((object as unknown as { status: object }).status, {
    conditions: null,
    acceptedNames: { plural: '', kind: '' },
    storedVersions: ['v1'],
  })
})
