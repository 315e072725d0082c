import assert from 'node:assert/strict'
import test from 'node:test'
import { type CustomResourceDefinition, customResourceDefinitions, endpointSlices, services } from '#api'
import type { Client } from '#client'
import { type KubernetesObject, StatusError } from '#meta'
import { type CustomObject, crdOf, establish, startHttpsServer, startTestApiServer, type TestHttpsServer } from '#testing'

interface Review {
  readonly apiVersion: string
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: CustomObject[] }
}

/** v1 has `hostPort`, v2 has `host` and `port`. */
function converted({ hostPort, host, port, ...rest }: CustomObject, apiVersion: string): CustomObject {
  const [ownHost, ownPort] = typeof hostPort === 'string' ? hostPort.split(':') : [host, port]
  if (ownHost === undefined) return { ...rest, apiVersion }
  return apiVersion.endsWith('v1')
    ? { ...rest, apiVersion, hostPort: `${ownHost as string}:${ownPort as string}` }
    : { ...rest, apiVersion, host: ownHost, port: ownPort }
}

const convert = (body: string): object => {
  const { apiVersion, request } = JSON.parse(body) as Review
  const convertedObjects = request.objects.map((object) => converted(object, request.desiredAPIVersion))
  return { apiVersion, kind: 'ConversionReview', response: { uid: request.uid, result: { status: 'Success' }, convertedObjects } }
}

const string = { type: 'string' }
const object = (properties: object): object => ({ type: 'object', properties })
const SCHEMAS = { v1: object({ hostPort: string }), v2: object({ host: string, port: string }) }

function definition(webhook: TestHttpsServer, clientConfig: object = {}): CustomResourceDefinition {
  const config = { url: `https://127.0.0.1:${webhook.port}/convert`, caBundle: webhook.caBundle, ...clientConfig }
  return crdOf({
    conversion: { strategy: 'Webhook', webhook: { clientConfig: config, conversionReviewVersions: ['v1', 'v1beta1'] } },
    versions: [
      { name: 'v1', schema: { openAPIV3Schema: SCHEMAS.v1 }, selectableFields: [{ jsonPath: '.hostPort' }] },
      { name: 'v2', schema: { openAPIV3Schema: SCHEMAS.v2 }, selectableFields: [{ jsonPath: '.host' }] },
    ],
  })
}

const v1 = (name: string, hostPort = 'example.com:80'): CustomObject => ({
  apiVersion: 'example.com/v1',
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  hostPort,
})

const v2 = (name: string, host = 'example.com'): CustomObject => ({
  apiVersion: 'example.com/v2',
  kind: 'Widget',
  metadata: { name, namespace: 'default' },
  host,
  port: '8080',
})

async function storeInV2(client: Client): Promise<void> {
  const crd = await client.get(customResourceDefinitions, 'widgets.example.com')
  const versions = crd.spec.versions.map((version) => ({ ...version, storage: version.name === 'v2' }))
  await client.update(customResourceDefinitions, { ...crd, spec: { ...crd.spec, versions } })
}

test('CustomResourceConversionWebhook should be able to convert from CR v1 to CR v2', async () => {
  await using webhook = await startHttpsServer(['127.0.0.1'], ({ body }) => convert(body))
  await using api = await startTestApiServer()
  const [first, second] = await establish(api.client, definition(webhook))
  const created = await api.client.create(first!, v1('a'))
  const seen = await api.client.get(second!, 'default/a')
  assert.deepEqual([seen.apiVersion, seen['host'], seen['port']], ['example.com/v2', 'example.com', '80'])
  assert.deepEqual(
    [seen.metadata?.uid, seen.metadata?.resourceVersion],
    [created.metadata?.uid, created.metadata?.resourceVersion],
  )
  const updated = await api.client.update(second!, { ...seen, port: '81' })
  assert.equal(updated['port'], '81')
  assert.equal((await api.client.get(first!, 'default/a'))['hostPort'], 'example.com:81')
  const stored = await api.store.get('/registry/example.com/widgets/default/a')
  assert.equal((JSON.parse(Buffer.from(stored!.value).toString()) as KubernetesObject).apiVersion, 'example.com/v1')
})

test('CustomResourceConversionWebhook should be able to convert a non homogeneous list of CRs', async () => {
  await using webhook = await startHttpsServer(['127.0.0.1'], ({ body }) => convert(body))
  await using api = await startTestApiServer()
  const { client } = api
  const [first, second] = await establish(client, definition(webhook))
  await client.create(first!, v1('a'))
  await client.create(first!, v1('b'))
  await storeInV2(client)
  const crd = await client.get(customResourceDefinitions, 'widgets.example.com')
  assert.deepEqual(crd.status?.storedVersions, ['v1', 'v2'])
  await client.create(second!, v2('c'))
  const list = await client.list(second!)
  assert.deepEqual(
    list.items.map(({ metadata, apiVersion, host, port }) => [metadata?.name, apiVersion, host, port]),
    [
      ['a', 'example.com/v2', 'example.com', '80'],
      ['b', 'example.com/v2', 'example.com', '80'],
      ['c', 'example.com/v2', 'example.com', '8080'],
    ],
  )
  const sizes = webhook.requests.map(({ body }) => (JSON.parse(body) as Review).request.objects.length)
  assert.ok(sizes.includes(2), 'many objects are converted in one call')
  assert.deepEqual(
    (await client.list(first!)).items.map(({ hostPort }) => hostPort),
    ['example.com:80', 'example.com:80', 'example.com:8080'],
  )
  // A write that changes nothing moves an object to the version that is stored now.
  await client.update(second!, await client.get(second!, 'default/a'))
  const stored = await api.store.get('/registry/example.com/widgets/default/a')
  assert.equal((JSON.parse(Buffer.from(stored!.value).toString()) as KubernetesObject).apiVersion, 'example.com/v2')
})

test('CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector', async () => {
  await using webhook = await startHttpsServer(['127.0.0.1'], ({ body }) => convert(body))
  await using api = await startTestApiServer()
  const { client } = api
  const [first, second] = await establish(client, definition(webhook))
  const seen: string[] = []
  const stop = new AbortController()
  const watching = (async () => {
    const options = { fieldSelector: 'host=host1', resourceVersion: '0', signal: stop.signal }
    for await (const { type, object } of client.watch(second!, options)) {
      seen.push(`${type} ${object.metadata?.name} ${(object as CustomObject)['port'] as string}`)
      if (type === 'DELETED') return
    }
  })()
  await client.create(first!, v1('a', 'host1:80'))
  await client.create(first!, v1('b', 'host2:80'))
  await client.create(second!, v2('c', 'host1'))
  const names = async (kind: typeof first, fieldSelector: string): Promise<unknown[]> =>
    (await client.list(kind!, { fieldSelector })).items.map(({ metadata }) => metadata?.name)
  assert.deepEqual(await names(second, 'host=host1'), ['a', 'c'])
  assert.deepEqual(await names(first, 'hostPort=host1:80'), ['a'])
  await assert.rejects(names(first, 'host=host1'), /field label not supported: host/)
  // What leaves the selection is gone for the watcher.
  await client.patch(second!, 'default/c', { host: 'host3' }, { type: 'merge' })
  await watching
  assert.deepEqual(seen, ['ADDED a 80', 'ADDED c 8080', 'DELETED c 8080'])
})

test('a webhook behind a Service is called at an endpoint, under the name of the Service', async () => {
  await using webhook = await startHttpsServer(['hook.default.svc'], ({ body }) => convert(body))
  await using api = await startTestApiServer()
  const { client } = api
  const service = { namespace: 'default', name: 'hook', port: 443, path: '/convert' }
  const [first, second] = await establish(client, definition(webhook, { url: undefined, service }))
  await client.create(services, {
    metadata: { name: 'hook', namespace: 'default' },
    spec: { ports: [{ port: 443 }] },
  } as never)
  await client.create(first!, v1('a'))
  await assert.rejects(client.get(second!, 'default/a'), (error) => {
    assert.ok(error instanceof StatusError)
    assert.equal(error.status.code, 500)
    assert.equal(
      error.message,
      'conversion webhook for example.com/v1, Kind=Widget failed: Post "https://hook.default.svc:443/convert?timeout=30s": no endpoints available for service "hook"',
    )
    return true
  })
  await client.create(endpointSlices, {
    metadata: { name: 'hook-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'hook' } },
    addressType: 'IPv4',
    // The API server refuses loopback addresses, so the test puts this one past it.
    endpoints: [],
    ports: [{ name: '', port: webhook.port, protocol: 'TCP' }],
  } as never)
  const key = '/registry/endpointslices/default/hook-1'
  const entry = (await api.store.get(key))!
  const slice = JSON.parse(Buffer.from(entry.value).toString()) as { endpoints: object[] }
  slice.endpoints = [{ addresses: ['127.0.0.1'], conditions: { ready: true } }]
  await api.store.put(key, Buffer.from(JSON.stringify(slice)), { expected: entry.revision })
  assert.equal((await client.get(second!, 'default/a'))['host'], 'example.com')
  assert.deepEqual(
    [webhook.requests[0]?.path, webhook.requests[0]?.headers.host],
    ['/convert?timeout=30s', 'hook.default.svc:443'],
  )
})

const ANSWERS: readonly (readonly [name: string, answer: (review: Review) => unknown, said: RegExp])[] = [
  ['nothing', () => ({}), /failed: expected webhook response of apiextensions.k8s.io\/v1, Kind=ConversionReview, got \/, Kind=$/],
  [
    'another uid',
    ({ apiVersion }) => ({ apiVersion, kind: 'ConversionReview', response: { uid: 'x' } }),
    /failed: expected response.uid="/,
  ],
  [
    'a failure',
    ({ apiVersion, request }) => ({
      apiVersion,
      kind: 'ConversionReview',
      response: { uid: request.uid, result: { status: 'Failed', message: 'no such field' } },
    }),
    /conversion webhook for example.com\/v1, Kind=Widget failed: no such field/,
  ],
  [
    'too little',
    ({ apiVersion, request }) => ({
      apiVersion,
      kind: 'ConversionReview',
      response: { uid: request.uid, result: { status: 'Success' }, convertedObjects: [] },
    }),
    /conversion webhook for example.com\/v1, Kind=Widget returned 0 objects, expected 1/,
  ],
  [
    'another object',
    ({ apiVersion, request }) => ({
      apiVersion,
      kind: 'ConversionReview',
      response: {
        uid: request.uid,
        result: { status: 'Success' },
        convertedObjects: request.objects.map((each) => ({
          ...converted(each, request.desiredAPIVersion),
          metadata: { ...each.metadata, name: 'other' },
        })),
      },
    }),
    /Kind=Widget returned invalid object: must have the same name: a != other$/,
  ],
  ...objectAnswers(),
]

test('what is wrong with the answer of a conversion webhook is told to whoever reads', async () => {
  let answer: (review: Review) => unknown = () => ({})
  await using webhook = await startHttpsServer(['127.0.0.1'], ({ body }) => answer(JSON.parse(body) as Review))
  await using api = await startTestApiServer()
  const [first, second] = await establish(api.client, definition(webhook))
  await api.client.create(first!, v1('a'))
  for (const [name, each, said] of ANSWERS) {
    answer = each
    await assert.rejects(api.client.get(second!, 'default/a'), said, name)
  }
  // The version that is stored is not affected, and the other one works again as soon as the webhook does.
  assert.equal((await api.client.get(first!, 'default/a'))['hostPort'], 'example.com:80')
  answer = (review) => convert(JSON.stringify(review))
  assert.equal((await api.client.get(second!, 'default/a'))['host'], 'example.com')
})

test('None conversion changes the version and drops what the other one does not know', async () => {
  await using api = await startTestApiServer()
  const shared = { a: string }
  const [first, second] = await establish(
    api.client,
    crdOf({
      versions: [
        { name: 'v1', schema: { openAPIV3Schema: object({ ...shared, only1: string }) } },
        { name: 'v2', schema: { openAPIV3Schema: object({ ...shared, only2: string }) } },
      ],
    }),
  )
  await api.client.create(first!, { ...v1('a'), a: 'x', only1: 'y' })
  const seen = await api.client.get(second!, 'default/a')
  assert.deepEqual([seen.apiVersion, seen['a'], seen['only1']], ['example.com/v2', 'x', undefined])
})

test('a version that is not served any longer is gone, its objects are not', async () => {
  await using api = await startTestApiServer()
  const [first, second] = await establish(api.client, crdOf({ versions: [{ name: 'v1' }, { name: 'v2' }] }))
  await api.client.create(first!, v1('a'))
  const crd = await api.client.get(customResourceDefinitions, 'widgets.example.com')
  const versions = crd.spec.versions.map((version) => ({ ...version, served: version.name === 'v2' }))
  await api.client.update(customResourceDefinitions, { ...crd, spec: { ...crd.spec, versions } })
  await assert.rejects(api.client.get(first!, 'default/a'), /the server could not find the requested resource/)
  assert.equal((await api.client.get(second!, 'default/a')).metadata?.name, 'a')
})

/** Answers whose one object is not what it should be. */
function objectAnswers(): (readonly [name: string, answer: (review: Review) => unknown, said: RegExp])[] {
  const objects: readonly (readonly [name: string, change: (object: KubernetesObject) => unknown, said: RegExp])[] = [
    ['null', () => null, /: unexpected end of JSON input$/],
    ['a text', () => 'x', /: json: cannot unmarshal string into Go value of type map\[string\]interface \{\}$/],
    ['no kind', ({ kind: _, ...object }) => object, /: Object 'Kind' is missing in '\{/],
    [
      'the old version',
      (object) => ({ ...object, apiVersion: 'example.com/v1' }),
      / returned invalid object at index 0: invalid groupVersion \(expected example\.com\/v2, received example\.com\/v1\)$/,
    ],
    [
      'another kind',
      (object) => ({ ...object, kind: 'Gadget' }),
      / returned invalid object at index 0: invalid kind \(expected Widget, received Gadget\)$/,
    ],
    [
      'another uid of the object',
      (object) => ({ ...object, metadata: { ...object.metadata, uid: 'x' } }),
      / returned invalid object: must have the same UID: .+ != x$/,
    ],
    [
      'labels that are no texts',
      (object) => ({ ...object, metadata: { ...object.metadata, labels: { n: 5 } } }),
      / returned invalid metadata: metadata\.labels\[n\] must be a string, but is int64 in converted object$/,
    ],
    [
      'labels that are none',
      (object) => ({ ...object, metadata: { ...object.metadata, labels: { '-': 'x' } } }),
      / returned invalid metadata: metadata\.labels: Invalid value: "-": name part must consist of/,
    ],
  ]
  const reviewed = (each: Partial<Record<'apiVersion' | 'kind', string>>) => (review: Review) => ({
    apiVersion: review.apiVersion,
    kind: 'ConversionReview',
    ...each,
  })
  return [
    ['no response', reviewed({}), / failed: no response provided$/],
    [
      'the other version of a review',
      reviewed({ apiVersion: 'apiextensions.k8s.io/v1beta1' }),
      / failed: converting \(v1beta1\.ConversionReview\) to \(v1\.ConversionReview\): unknown conversion$/,
    ],
    [
      'a version that is none',
      reviewed({ apiVersion: 'apiextensions.k8s.io/v7' }),
      / failed: no kind "ConversionReview" is registered for version "apiextensions\.k8s\.io\/v7" in scheme /,
    ],
    [
      'no words about a failure',
      ({ apiVersion, request }) => ({ apiVersion, kind: 'ConversionReview', response: { uid: request.uid } }),
      / failed: response\.result\.status was '', not 'Success'$/,
    ],
    ...objects.map(([name, change, said]): readonly [string, (review: Review) => unknown, RegExp] => [
      name,
      ({ apiVersion, request }) => ({
        apiVersion,
        kind: 'ConversionReview',
        response: {
          uid: request.uid,
          result: { status: 'Success' },
          convertedObjects: request.objects.map((each) => change(converted(each, request.desiredAPIVersion))),
        },
      }),
      said,
    ]),
  ]
}

test('a write in a version that is not stored answers what the webhook makes of what was', async () => {
  const marked = (body: string): object => {
    const { apiVersion, request } = JSON.parse(body) as Review
    const convertedObjects = request.objects.map((each) => {
      const made = converted(each, request.desiredAPIVersion)
      return request.desiredAPIVersion.endsWith('v2') ? { ...made, host: `${String(made['host'])}.seen` } : made
    })
    return {
      apiVersion,
      kind: 'ConversionReview',
      response: { uid: request.uid, result: { status: 'Success' }, convertedObjects },
    }
  }
  await using webhook = await startHttpsServer(['127.0.0.1'], ({ body }) => marked(body))
  await using api = await startTestApiServer()
  const [, second] = await establish(api.client, definition(webhook))
  const dry = await api.client.create(second!, v2('a'), { dryRun: true })
  assert.equal(dry['host'], 'example.com.seen')
  const created = await api.client.create(second!, v2('a'))
  assert.equal(created['host'], 'example.com.seen')
  const updated = await api.client.update(second!, { ...created, host: 'other' })
  assert.equal(updated['host'], 'other.seen')
  assert.deepEqual(await api.client.get(second!, 'default/a'), updated)
})
