import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { decodeProtobuf } from '#api'
import type { TransportRequest, TransportResponse } from '#client'
import { ProtobufCodec } from '#meta'
import { startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'
let api: TestApiServer
before(async () => {
  api = await startTestApiServer()
})
after(() => api[Symbol.asyncDispose]())

async function get(path: string, headers: Record<string, string> = {}): Promise<TransportResponse> {
  const [plain = '', query = ''] = path.split('?')
  const request: TransportRequest = { method: 'GET', path: plain, query: new URLSearchParams(query), headers }
  return api.server.handle(request, { kind: 'in-process', user: TEST_ADMIN })
}

function bytesOf({ body }: TransportResponse): Buffer {
  if (body.kind === 'none') return Buffer.alloc(0)
  assert.ok(body.kind === 'object' || body.kind === 'bytes')
  return Buffer.from(body.kind === 'bytes' ? body.bytes : body.bytes())
}

for (const path of ['/api', '/apis', '/apis/apps', '/api/v1', '/apis/apps/v1']) {
  test(`${path} in protobuf says what it says in JSON`, async () => {
    const json = JSON.parse(bytesOf(await get(path)).toString())
    const response = await get(path, { accept: PROTOBUF })
    assert.equal(response.headers['content-type'], PROTOBUF)
    const { object } = decodeProtobuf(bytesOf(response))
    assert.deepEqual(withoutEmpty(object), withoutEmpty(json))
  })
}

test('groups come by their priority, the one that lists them first', async () => {
  const { groups } = JSON.parse(bytesOf(await get('/apis')).toString()) as { groups: { name: string }[] }
  const names = groups.map(({ name }) => name)
  assert.deepEqual(names.slice(0, 5), [
    'apiregistration.k8s.io',
    'apps',
    'events.k8s.io',
    'authentication.k8s.io',
    'authorization.k8s.io',
  ])
  assert.equal(names.indexOf('apiextensions.k8s.io'), names.indexOf('admissionregistration.k8s.io') + 1)
  const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList'
  const { items } = JSON.parse(bytesOf(await get('/apis', { accept })).toString()) as { items: { metadata: { name: string } }[] }
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    names,
  )
})

test('what is stored tells by a hash in which version', async () => {
  const hashes = async (path: string): Promise<Record<string, string | undefined>> => {
    const list = JSON.parse(bytesOf(await get(path)).toString()) as { resources: { name: string; storageVersionHash?: string }[] }
    return Object.fromEntries(list.resources.map(({ name, storageVersionHash }) => [name, storageVersionHash]))
  }
  const core = await hashes('/api/v1')
  assert.deepEqual([core['pods'], core['pods/status'], core['bindings']], ['xPOwRZ+Yhw8=', undefined, undefined])
  assert.equal((await hashes('/apis/apps/v1'))['deployments'], '8aSe+NMegvE=')
  const [older, newer] = await Promise.all(['/apis/autoscaling/v1', '/apis/autoscaling/v2'].map(hashes))
  assert.equal(older!['horizontalpodautoscalers'], newer!['horizontalpodautoscalers'])
})

/** Go leaves out what is empty in one form and not in the other. */
const withoutEmpty = (value: object): object =>
  JSON.parse(JSON.stringify(value, (_key, item) => (item === '' || item?.length === 0 ? undefined : item)))

for (const [version, encoding] of [
  ['v2', 'application/json'],
  ['v2', PROTOBUF],
  ['v2beta1', 'application/json'],
]) {
  test(`aggregated discovery ${version} in ${encoding} has an entity tag`, async () => {
    const accept = `${encoding};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`
    const response = await get('/apis', { accept: `${accept}, application/json;q=0.5` })
    assert.deepEqual([response.headers['content-type'], response.headers['vary']], [accept, 'Accept'])
    const { etag = '' } = response.headers
    assert.match(etag, /^"[0-9A-F]{128}"$/)
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`])
      assert.equal((await get('/apis', { accept, 'if-none-match': known })).status, 304)
    assert.equal((await get('/apis', { accept, 'if-none-match': '"other"' })).status, 200)
    const object = encoding === PROTOBUF ? decodeProtobuf(bytesOf(response)).object : JSON.parse(bytesOf(response).toString())
    assert.ok(object.items.some((group: { metadata: { name: string } }) => group.metadata.name === 'apps'))
  })
}

test('a client that knows no aggregated form, or wants another, gets the lists', async () => {
  for (const accept of ['application/json', 'application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList, */*'])
    assert.equal(JSON.parse(bytesOf(await get('/apis', { accept })).toString()).kind, 'APIGroupList')
  assert.equal((await get('/apis', { accept: 'text/html' })).status, 406)
})

test('OpenAPI v3: a URL with the right hash may be kept for ever, one with an old hash leads to the new one', async () => {
  const { paths } = JSON.parse(bytesOf(await get('/openapi/v3')).toString())
  const url: string = paths['apis/apps/v1'].serverRelativeURL
  const response = await get(url)
  assert.equal(response.headers['cache-control'], 'public, immutable')
  assert.ok(Date.parse(response.headers['expires'] ?? '') > api.clock.now())
  assert.equal(response.headers['etag'], `"${url.split('hash=')[1]}"`)
  assert.equal((await get(url, { 'if-none-match': response.headers['etag']! })).status, 304)
  const old = await get('/openapi/v3/apis/apps/v1?hash=OLD')
  assert.deepEqual([old.status, old.headers['location']], [301, url])
  const bare = await get('/openapi/v3/apis/apps/v1')
  assert.ok(!bare.headers['cache-control']?.includes('immutable'))
  assert.deepEqual(bytesOf(bare), bytesOf(response))
  assert.equal((await get('/openapi/v3/apis/none/v1')).status, 404)
})

/** Enough of the published form to read names and types. */
const gnostic = new ProtobufCodec({
  fieldsOf: (message) =>
    ({
      v3: [
        { name: 'openapi', number: 1, type: 'string' },
        { name: 'paths', number: 4, type: 'paths3' },
        { name: 'components', number: 5, type: 'components' },
      ],
      v2: [
        { name: 'swagger', number: 1, type: 'string' },
        { name: 'definitions', number: 9, type: 'named' },
      ],
      paths3: [{ name: 'path', number: 1, type: 'item', repeated: true }],
      components: [{ name: 'schemas', number: 1, type: 'named' }],
      named: [{ name: 'schemas', number: 1, type: 'item', repeated: true }],
      item: [{ name: 'name', number: 1, type: 'string' }],
    })[message] ?? assert.fail(message),
})
const names = (items: unknown): string[] => (items as { name: string }[]).map(({ name }) => name)

test('OpenAPI in protobuf names the same definitions and paths as in JSON', async () => {
  for (const spelling of ['v3@v1.0', 'v3.v1.0']) {
    const response = await get('/openapi/v3/apis/apps/v1', {
      accept: `application/com.github.proto-openapi.spec.${spelling}+protobuf`,
    })
    assert.equal(response.headers['content-type'], 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf')
    const json = JSON.parse(bytesOf(await get('/openapi/v3/apis/apps/v1')).toString())
    const document = gnostic.decode('v3', bytesOf(response)) as Record<string, Record<string, Record<string, unknown>>>
    assert.deepEqual(names(document['components']!['schemas']!['schemas']), Object.keys(json.components.schemas))
    assert.deepEqual(names(document['paths']!['path']), Object.keys(json.paths))
  }
  const v2 = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' })
  const json = JSON.parse(bytesOf(await get('/openapi/v2')).toString())
  const document = gnostic.decode('v2', bytesOf(v2)) as { definitions: { schemas: unknown } }
  assert.deepEqual(names(document.definitions.schemas), Object.keys(json.definitions))
  for (const path of ['/openapi/v2', '/openapi/v3/apis/apps/v1']) {
    const { status, headers, body } = await get(path, { accept: 'text/html' })
    assert.match(headers['vary']!, /Accept$/)
    assert.deepEqual([status, headers['content-type'], body.kind], [406, undefined, 'none'])
    assert.equal((await get(path, { accept: '*/json' })).headers['content-type'], 'application/json')
  }
  assert.equal((await get('/openapi/v3/nothing')).body.kind, 'none')
})
