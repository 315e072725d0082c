import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps, deployments } from '#api'
import type { TransportRequest } from '#client'
import type { Status } from '#meta'
import { startTestApiServer, TEST_ADMIN, type TestApiServer } from '#testing'

interface Sent {
  readonly method: TransportRequest['method']
  readonly path: string
  readonly body?: string | Uint8Array
  readonly type?: string
  readonly query?: string
}

async function send(
  api: TestApiServer,
  { method, path, body, type = 'application/json', query = '' }: Sent,
): Promise<{ readonly code: number; readonly status: Status }> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  const response = await api.server.handle(
    {
      method,
      path,
      query: new URLSearchParams(query),
      headers: { 'content-type': type },
      ...(bytes && { body: { kind: 'bytes', bytes } }),
    },
    { kind: 'in-process', user: TEST_ADMIN },
  )
  const object = response.body.kind === 'object' ? response.body.object : undefined
  return { code: response.status, status: object as Status }
}

const MAPS = '/api/v1/namespaces/default/configmaps'
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments'
const configMap = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name } })

const CASES: readonly [title: string, request: Sent, code: number, reason: string, message: RegExp][] = [
  ['malformed JSON', { method: 'POST', path: MAPS, body: '{"kind":' }, 400, 'BadRequest', /json parse error/],
  [
    'malformed YAML',
    { method: 'POST', path: MAPS, body: 'a: [1', type: 'application/yaml' },
    400,
    'BadRequest',
    /^the object provided is unrecognized \(must be of type ConfigMap\): yaml: line 1: did not find expected ',' or '\]' \(613a205b31\)$/,
  ],
  [
    'bytes that are no UTF-8',
    { method: 'POST', path: MAPS, body: Uint8Array.from([0xff, 0xfe]) },
    400,
    'BadRequest',
    /invalid character 'ÿ' looking for beginning of value \(fffe\)$/,
  ],
  [
    'bytes that are no protobuf',
    { method: 'POST', path: MAPS, body: 'k8s\0\xff\xff\xff', type: 'application/vnd.kubernetes.protobuf' },
    400,
    'BadRequest',
    /the object provided is unrecognized \(must be of type ConfigMap\): unexpected EOF/,
  ],
  [
    'an unknown media type',
    { method: 'POST', path: MAPS, body: 'x', type: 'text/plain' },
    415,
    'UnsupportedMediaType',
    /unknown format/,
  ],
  ['a list where an object belongs', { method: 'POST', path: MAPS, body: '[]' }, 400, 'BadRequest', /version\/kind/],
  [
    'another kind',
    { method: 'POST', path: MAPS, body: '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}' },
    400,
    'BadRequest',
    /cannot be handled as a ConfigMap/,
  ],
  [
    'another version',
    { method: 'POST', path: MAPS, body: '{"apiVersion":"v2","kind":"ConfigMap","metadata":{"name":"a"}}' },
    400,
    'BadRequest',
    /does not match the expected API version/,
  ],
  [
    'a resource that is not served',
    { method: 'GET', path: '/apis/apps/v1/things' },
    404,
    'NotFound',
    /could not find the requested resource/,
  ],
  [
    'a missing name',
    { method: 'POST', path: MAPS, body: '{"apiVersion":"v1","kind":"ConfigMap"}' },
    422,
    'Invalid',
    /name or generateName is required/,
  ],
  ['a name that is none', { method: 'POST', path: MAPS, body: configMap('Not_OK') }, 422, 'Invalid', /RFC 1123/],
  [
    'another name than the path',
    { method: 'PUT', path: `${MAPS}/a`, body: configMap('b') },
    400,
    'BadRequest',
    /does not match the name on the URL/,
  ],
  [
    'another namespace than the path',
    { method: 'POST', path: MAPS, body: '{"metadata":{"name":"a","namespace":"other"}}' },
    400,
    'BadRequest',
    /namespace of the provided object does not match/,
  ],
  [
    'a namespace that is not there',
    { method: 'POST', path: MAPS.replace('default', 'nowhere'), body: configMap('a') },
    404,
    'NotFound',
    /namespaces "nowhere" not found/,
  ],
  [
    'a wrong type',
    { method: 'POST', path: DEPLOYMENTS, body: '{"metadata":{"name":"a"},"spec":{"replicas":"many"}}' },
    400,
    'BadRequest',
    /cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
  ],
  [
    'an unknown field under Strict',
    { method: 'POST', path: MAPS, body: '{"metadata":{"name":"a"},"dataa":{}}', query: 'fieldValidation=Strict' },
    400,
    'BadRequest',
    /strict decoding error: unknown field "dataa"/,
  ],
  [
    'a field twice under Strict',
    { method: 'POST', path: MAPS, body: '{"metadata":{"name":"a"},"data":{"k":"1","k":"2"}}', query: 'fieldValidation=Strict' },
    400,
    'BadRequest',
    /duplicate field "data\.k"/,
  ],
  [
    'three mebibytes and more',
    { method: 'POST', path: MAPS, body: `{"data":{"k":"${'x'.repeat(3 << 20)}"}}` },
    413,
    'RequestEntityTooLarge',
    /too large/,
  ],
  [
    'a body as deep as a well',
    { method: 'POST', path: MAPS, body: `{"metadata":{"name":"a"},"data":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}` },
    400,
    'BadRequest',
    /./,
  ],
  ['bad percent-encoding', { method: 'GET', path: '/api/v1/namespaces/%zz/pods' }, 400, 'BadRequest', /percent-encoding/],
  [
    'a selector that makes no sense',
    { method: 'GET', path: MAPS, query: 'labelSelector=a+in+b' },
    400,
    'BadRequest',
    /unable to parse requirement/,
  ],
  [
    'a field nobody selects by',
    { method: 'GET', path: MAPS, query: 'fieldSelector=data.k=1' },
    400,
    'BadRequest',
    /"data\.k" is not a known field selector: only "metadata\.name", "metadata\.namespace"/,
  ],
  [
    'a continue token of somebody else',
    { method: 'GET', path: MAPS, query: 'continue=abc' },
    400,
    'BadRequest',
    /continue key is not valid/,
  ],
  [
    'a patch that is none',
    { method: 'PATCH', path: `${MAPS}/kube`, body: '{}', type: 'application/json-patch+json' },
    404,
    'NotFound',
    /not found/,
  ],
]

test('what makes no sense is refused with a Status that says why, and harms nothing', async (context) => {
  await using api = await startTestApiServer()
  const before = api.store.revision
  for (const [title, request, code, reason, message] of CASES) {
    await context.test(title, async () => {
      const answer = await send(api, request)
      assert.equal(answer.status.kind, 'Status')
      assert.deepEqual([answer.code, answer.status.code, answer.status.reason], [code, code, reason], answer.status.message)
      assert.match(answer.status.message ?? '', message)
    })
  }
  assert.equal(api.store.revision, before, 'nothing was written')
})

test('a stale version is a conflict, a deleted one not found, and an immutable field stays', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const first = await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'default' },
    immutable: true,
    data: { k: '1' },
  })
  await client.patch(configMaps, 'default/a', { metadata: { labels: { x: 'y' } } }, { type: 'merge' })
  await assert.rejects(client.update(configMaps, first), {
    code: 409,
    reason: 'Conflict',
    message: /the object has been modified; please apply your changes to the latest version and try again/,
  })
  await assert.rejects(client.patch(configMaps, 'default/a', { data: { k: '2' } }, { type: 'merge' }), {
    code: 422,
    reason: 'Invalid',
    message: /immutable/,
  })
  await client.delete(configMaps, 'default/a')
  await assert.rejects(client.get(configMaps, 'default/a'), { code: 404, message: 'configmaps "a" not found' })
  const template = { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }
  await client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'a' } }, template },
  })
  await assert.rejects(
    client.patch(deployments, 'default/d', { spec: { selector: { matchLabels: { app: 'b' } } } }, { type: 'merge' }),
    { code: 422, message: /spec\.selector: Invalid value: .*field is immutable/ },
  )
})

test('of a hundred writers that read the same version one wins, and unconditional patches all land', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const base = await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', namespace: 'default' },
  })
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, (_, i) => client.update(configMaps, { ...base, data: { winner: `${i}` } })),
  )
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
  await Promise.all(
    Array.from({ length: 50 }, (_, i) => client.patch(configMaps, 'default/a', { data: { [`k${i}`]: 'v' } }, { type: 'merge' })),
  )
  assert.equal(Object.keys((await client.get(configMaps, 'default/a')).data ?? {}).length, 51)
})
