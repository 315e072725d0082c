import assert from 'node:assert/strict'
import test, { after, before } from 'node:test'
import { configMaps, decodeProtobuf, encodeProtobuf } from '#api'
import type { TransportRequest, TransportResponse, WatchFrame } from '#client'
import { gone, type KubernetesObject, parseYaml } from '#meta'
import { crdOf, establish, startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'
import { negotiate } from './negotiate.ts'
import { Presenter } from './presenter.ts'

const PROTOBUF = 'application/vnd.kubernetes.protobuf'
const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'

let api: TestApiServer
before(async () => {
  api = await startTestApiServer()
  const labels = { app: 'web' }
  await json('POST', MAPS, { metadata: { name: 'one', labels }, data: { key: 'ü' } })
  await json('POST', DEPLOYMENTS, {
    metadata: { name: 'web' },
    spec: {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  })
})
after(() => api[Symbol.asyncDispose]())

interface Asked {
  readonly query?: string
  readonly accept?: string
  readonly type?: string
  readonly body?: Uint8Array | string
  readonly signal?: AbortSignal
  readonly agent?: string
}

async function send(method: string, path: string, asked: Asked = {}): Promise<TransportResponse> {
  const { query = '', accept, type = 'application/json', body, signal, agent = 'test' } = asked
  const headers = { 'content-type': type, 'user-agent': agent, ...(accept !== undefined && { accept }) }
  const request = {
    method: method as TransportRequest['method'],
    path,
    query: new URLSearchParams(query),
    headers,
    signal,
    ...(body !== undefined && { body: { kind: 'bytes', bytes: Buffer.from(body) } as const }),
  }
  return api.server.handle(request, { kind: 'in-process', user: TEST_ADMIN })
}

function bytesOf({ body }: TransportResponse): Buffer {
  assert.ok(body.kind === 'object' || body.kind === 'bytes', body.kind)
  if (body.kind === 'bytes') return Buffer.from(body.bytes)
  // Before the whole is made, which would be the only part.
  const parts = body.parts?.()
  const joined = parts && Buffer.concat([...parts])
  const whole = Buffer.from(body.bytes())
  if (joined !== undefined) assert.deepEqual([joined, parts?.byteLength], [whole, whole.length])
  return whole
}

async function json(
  method: string,
  path: string,
  body?: object,
  query = '',
): Promise<KubernetesObject & Record<string, unknown>> {
  const response = await send(method, path, { query, ...(body !== undefined && { body: JSON.stringify(body) }) })
  return JSON.parse(bytesOf(response).toString())
}

/** What a client that speaks protobuf is told, as plain JSON would have it. */
async function protobuf(
  method: string,
  path: string,
  asked: Asked = {},
): Promise<{ status: number; object: Record<string, unknown> }> {
  const response = await send(method, path, { accept: PROTOBUF, ...asked })
  assert.equal(response.headers['content-type'], PROTOBUF)
  return { status: response.status, object: decodeProtobuf(bytesOf(response)).object }
}

const message = (object: object): Asked => ({ type: PROTOBUF, body: encodeProtobuf(object) })

test('an object and a list are the same in protobuf as in JSON', async () => {
  for (const path of [
    `${MAPS}/one`,
    MAPS,
    `${DEPLOYMENTS}/web`,
    DEPLOYMENTS,
    '/api/v1/namespaces',
    '/apis/autoscaling/v1/horizontalpodautoscalers',
  ]) {
    const expected = await json('GET', path)
    const { object } = await protobuf('GET', path)
    const again = encodeProtobuf(object)
    assert.deepEqual(again, encodeProtobuf(expected), path)
    assert.equal(object['kind'], expected.kind)
  }
})

test('a list says what its objects are, and they do not, however JSON and YAML are laid out', async () => {
  const plain = bytesOf(await send('GET', MAPS)).toString()
  const pretty = bytesOf(await send('GET', MAPS, { query: 'pretty=true' })).toString()
  const yaml = bytesOf(await send('GET', MAPS, { accept: 'application/yaml' })).toString()
  for (const list of [JSON.parse(plain), JSON.parse(pretty), await parseYaml(yaml)]) {
    const { kind, items } = list as { kind: string; items: KubernetesObject[] }
    assert.deepEqual([kind, items.map((item) => Object.keys(item).sort())], ['ConfigMapList', [['data', 'metadata']]])
  }
  assert.match(pretty, /^\{\n {2}"kind": "ConfigMapList",\n/)
  const hpas = '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers'
  const scaleTargetRef = { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }
  await json('POST', hpas, { metadata: { name: 'web' }, spec: { scaleTargetRef, maxReplicas: 2 } })
  // One of a version that is not stored.
  const [converted] = JSON.parse(bytesOf(await send('GET', hpas)).toString()).items
  assert.deepEqual(Object.keys(converted).sort(), ['metadata', 'spec', 'status'])
})

test('custom objects say in a list, too, what they are', async () => {
  const [widgets] = await establish(api.client, crdOf({ schema: { type: 'object' } }))
  await api.client.create(widgets!, {
    apiVersion: 'example.com/v1',
    kind: 'Widget',
    metadata: { name: 'a', namespace: 'default' },
  })
  const list = JSON.parse(bytesOf(await send('GET', '/apis/example.com/v1/namespaces/default/widgets')).toString())
  assert.deepEqual([list.items[0].kind, list.items[0].apiVersion], ['Widget', 'example.com/v1'])
})

test('an empty list is a list', async () => {
  const { object } = await protobuf('GET', '/api/v1/namespaces/default/secrets')
  assert.equal(object['kind'], 'SecretList')
  assert.ok((object['metadata'] as { resourceVersion?: string }).resourceVersion)
})

/** Bodies that are none, and what they are answered. */
const UNREAD: readonly (readonly [name: string, body: Uint8Array | string, message: string])[] = [
  ['empty', '', 'the object provided is unrecognized (must be of type ConfigMap): empty data (<empty>)'],
  [
    'JSON',
    `{"kind":"ConfigMap","data":{"key":"a value that is long"}}`,
    'the object provided is unrecognized (must be of type ConfigMap): provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] ({"kind":"ConfigMap","data":{"k ...)',
  ],
  ['damaged', 'k8s\0\n', 'the object provided is unrecognized (must be of type ConfigMap): unexpected EOF (6b3873000a)'],
  [
    'another kind that is damaged',
    'k8s\0\n\x09\n\x02v1\x12\x03Pod\x12\x02\n\x7f',
    'Pod in version "v1" cannot be handled as a ConfigMap: unexpected EOF',
  ],
  [
    'a kind that there is not',
    'k8s\0\n\x09\n\x02v1\x12\x03Pud',
    'Pud in version "v1" cannot be handled as a ConfigMap: no kind "Pud" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
  ],
]

for (const [name, body, message] of UNREAD) {
  test(`a body in protobuf is refused: ${name}`, async () => {
    const { status, object } = await protobuf('POST', MAPS, { type: PROTOBUF, body })
    assert.deepEqual([status, object['reason'], object['message']], [400, 'BadRequest', message])
  })
}

test('an error is JSON for people where it can be told in nothing that its client takes', async () => {
  const indented = async (accept: string): Promise<[code: number, start: string, message: string]> => {
    const response = await send('GET', `${MAPS}/none`, { accept })
    const text = bytesOf(response).toString()
    return [response.status, text.slice(0, 4), (JSON.parse(text) as { message: string }).message]
  }
  const table = 'application/json;as=Table;g=meta.k8s.io;v=v1'
  assert.deepEqual(await indented(table), [404, '{\n  ', 'configmaps "none" not found'])
  assert.deepEqual(await indented(`${table},application/json`), [404, '{"ki', 'configmaps "none" not found'])
  const [code, start, message] = await indented('application/cbor')
  assert.deepEqual([code, start, message.split('\n')[0]], [406, '{\n  ', '406: Not Acceptable'])
})

test('a patch of a built-in kind is refused by its route for any other type, and by upstream’s handler for a list of types', async () => {
  const refused = async (type: string): Promise<unknown> =>
    (JSON.parse(bytesOf(await send('PATCH', `${MAPS}/one`, { type, body: '{}' })).toString()) as { message: string }).message
  assert.equal(await refused('application/json'), '415: Unsupported Media Type')
  assert.equal(await refused('Application/merge-patch+json'), '415: Unsupported Media Type')
  assert.match(
    String(await refused('application/merge-patch+json,application/json')),
    /^the body of the request was in an unknown format/,
  )
})

test('a body in protobuf need not say what it is', async () => {
  const bare = Buffer.from('k8s\0\x12\x07\n\x05\n\x03bar', 'latin1')
  const { status, object } = await protobuf('POST', MAPS, { query: 'dryRun=All', type: PROTOBUF, body: bare })
  assert.deepEqual([status, (object['metadata'] as { name: string }).name], [201, 'bar'])
})

test('a body in protobuf is created, and answered in protobuf', async () => {
  const sent = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'two' }, binaryData: { x: 'AAE=' } }
  const { status, object } = await protobuf('POST', MAPS, message(sent))
  assert.equal(status, 201)
  assert.deepEqual(object['binaryData'], { x: 'AAE=' })
  assert.deepEqual((await json('GET', `${MAPS}/two`))['binaryData'], { x: 'AAE=' })
  const options = message({ apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid: 'another' } })
  const refused = await protobuf('DELETE', `${MAPS}/two`, options)
  assert.equal(refused.status, 409)
  const gone = await protobuf('DELETE', `${MAPS}/two`)
  assert.deepEqual([gone.status, gone.object['kind'], gone.object['status']], [200, 'Status', 'Success'])
})

test('an error is told in the encoding that was asked for, and in JSON to whoever takes nothing that there is', async () => {
  const { status, object } = await protobuf('GET', `${MAPS}/none`)
  assert.equal(status, 404)
  assert.deepEqual([object['kind'], object['reason'], object['code']], ['Status', 'NotFound', 404])
  const other = await send('GET', `${MAPS}/one`, { accept: 'text/html' })
  assert.deepEqual([other.status, other.headers['content-type']], [406, 'application/json'])
  const table = await send('GET', `${MAPS}/none`, { accept: 'application/json;as=Table;g=meta.k8s.io;v=v1, application/yaml' })
  assert.equal(table.headers['content-type'], 'application/yaml')
  assert.equal(((await parseYaml(bytesOf(table).toString())) as KubernetesObject).kind, 'Status')
})

test('what can not be answered changes nothing', async () => {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'three' } })
  assert.equal((await send('POST', MAPS, { accept: 'application/cbor', body })).status, 406)
  assert.equal((await send('POST', MAPS, { type: 'application/cbor', body })).status, 415)
  assert.equal((await send('POST', MAPS, { type: 'application/merge-patch+json', body })).status, 415)
  assert.equal((await send('GET', `${MAPS}/three`)).status, 404)
})

test('metadata alone in protobuf, of one and of many', async () => {
  const as = (kind: string): Asked => ({ accept: `${PROTOBUF};as=${kind};g=meta.k8s.io;v=v1` })
  const one = await protobuf('GET', `${MAPS}/one`, as('PartialObjectMetadata'))
  assert.deepEqual([one.object['kind'], one.object['apiVersion']], ['PartialObjectMetadata', 'meta.k8s.io/v1'])
  assert.equal((one.object['metadata'] as { name: string }).name, 'one')
  const many = await protobuf('GET', MAPS, as('PartialObjectMetadataList'))
  assert.ok((many.object['items'] as unknown[]).length >= 1)
  const wrong = await send('GET', MAPS, as('PartialObjectMetadata'))
  assert.equal(wrong.status, 406)
  assert.match(
    String(
      decodeProtobuf(bytesOf(await send('GET', MAPS, { accept: `${as('PartialObjectMetadata').accept}, ${PROTOBUF};q=0.1` })))
        .object['message'],
    ),
    /^you requested PartialObjectMetadata, but the requested object is a list \(\*core\.ConfigMapList\)$/,
  )
})

test('subresources and reviews speak protobuf both ways', async () => {
  const scale = await protobuf('GET', `${DEPLOYMENTS}/web/scale`)
  assert.deepEqual([scale.object['kind'], scale.object['spec']], ['Scale', { replicas: 2 }])
  const raised = await protobuf('PUT', `${DEPLOYMENTS}/web/scale`, message({ ...scale.object, spec: { replicas: 3 } }))
  assert.deepEqual(raised.object['spec'], { replicas: 3 })
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
  }
  const answer = await protobuf('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', message(review))
  assert.deepEqual([answer.status, (answer.object['status'] as { allowed: boolean }).allowed], [201, true])
  await json('POST', '/api/v1/namespaces/default/serviceaccounts', { metadata: { name: 'robot' } })
  const token = await protobuf(
    'POST',
    '/api/v1/namespaces/default/serviceaccounts/robot/token',
    message({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: [], expirationSeconds: 3600 } }),
  )
  assert.equal(token.status, 201)
  assert.equal((token.object['status'] as { token: string }).token.split('.').length, 3)
})

test('YAML in and out, with keys in order', async () => {
  const sent = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  b: "yes"\n  a: "1"\n'
  const created = await send('POST', MAPS, { type: 'application/yaml', accept: 'application/yaml', body: sent })
  assert.deepEqual([created.status, created.headers['content-type']], [201, 'application/yaml'])
  const text = bytesOf(created).toString()
  assert.match(text, /^apiVersion: v1\ndata:\n {2}a: "1"\n {2}b: "yes"\nkind: ConfigMap\nmetadata:\n/)
  assert.deepEqual(await parseYaml(text), await json('GET', `${MAPS}/yaml`))
})

test('JSON is indented where somebody reads it', async () => {
  const plain = bytesOf(await send('GET', `${MAPS}/one`)).toString()
  for (const asked of [{ query: 'pretty=1' }, { agent: 'curl/8.0' }]) {
    const pretty = bytesOf(await send('GET', `${MAPS}/one`, asked)).toString()
    assert.match(pretty, /^\{\n {2}"kind": "ConfigMap",\n/)
    assert.deepEqual(JSON.parse(pretty), JSON.parse(plain))
  }
})

async function framesOf(response: TransportResponse, count: number): Promise<WatchFrame[]> {
  assert.ok(response.body.kind === 'watch')
  const frames: WatchFrame[] = []
  for await (const frame of response.body.frames) if (frames.push(frame) === count) break
  return frames
}

/** One frame: four bytes of length, a type, and an object with its envelope. */
function readFrame(bytes: Uint8Array): { readonly type: string; readonly object: Record<string, unknown> } {
  const frame = Buffer.from(bytes)
  assert.equal(frame.readUInt32BE(0), frame.length - 4)
  assert.equal(frame[4], 0x0a)
  const type = frame.subarray(6, 6 + frame[5]!).toString()
  return { type, object: decodeProtobuf(frame.subarray(frame.indexOf('k8s\0'))).object }
}

test('a watch in protobuf: framed events with enveloped objects, encoded once for all watchers', async () => {
  const { metadata } = await json('GET', MAPS)
  const query = `watch=true&allowWatchBookmarks=true&resourceVersion=${metadata?.resourceVersion}`
  const watching = [1, 2].map(() => send('GET', MAPS, { query, accept: `${PROTOBUF};stream=watch` }))
  const [first, second] = await Promise.all(watching)
  assert.equal(first!.headers['content-type'], `${PROTOBUF};stream=watch`)
  await json('POST', MAPS, { metadata: { name: 'watched' } })
  await json('DELETE', `${MAPS}/watched`)
  const [frames, same] = await Promise.all([framesOf(first!, 2), framesOf(second!, 2)])
  assert.deepEqual(
    frames.map(({ bytes }) => readFrame(bytes()).type),
    ['ADDED', 'DELETED'],
  )
  assert.equal((readFrame(frames[0]!.bytes()).object['metadata'] as { name: string }).name, 'watched')
  assert.ok(frames.every((frame, index) => frame.bytes() === same[index]!.bytes()))
})

test('a watch of tables or of metadata makes one frame for all watchers, too', async () => {
  for (const accept of [
    'application/json;as=Table;g=meta.k8s.io;v=v1',
    `${PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`,
  ]) {
    const { metadata } = await json('GET', MAPS)
    const query = `watch=true&resourceVersion=${metadata?.resourceVersion}`
    const [first, second] = await Promise.all([1, 2].map(() => send('GET', MAPS, { query, accept })))
    await json('POST', MAPS, { metadata: { name: `shared-${accept.length}` } })
    const [[one], [other]] = await Promise.all([framesOf(first!, 1), framesOf(second!, 1)])
    assert.equal(one!.bytes(), other!.bytes())
  }
})

test('bookmarks and errors have the form of their watch', async () => {
  const query =
    'watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name=one'
  const [added, bookmark] = await framesOf(await send('GET', MAPS, { query, accept: PROTOBUF }), 2)
  assert.equal(readFrame(added!.bytes()).type, 'ADDED')
  const { type, object } = readFrame(bookmark!.bytes())
  assert.equal(type, 'BOOKMARK')
  assert.deepEqual((object['metadata'] as { annotations: object }).annotations, { 'k8s.io/initial-events-end': 'true' })
  const form = negotiate(PROTOBUF, { streaming: true, protobuf: true, transforms: true })
  const error = new Presenter(configMaps, form, new URLSearchParams(), () => 0).error(gone('too old').status)
  const told = readFrame(error.bytes())
  assert.deepEqual([told.type, told.object['kind'], told.object['code']], ['ERROR', 'Status', 410])
})
