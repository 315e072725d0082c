import assert from 'node:assert/strict'
import test from 'node:test'
import { type APIService, apiServices, configMaps, customResourceDefinitions, endpointSlices, roles, services } from '#api'
import { systemClock, systemRandom } from '#base'
import type { Client } from '#client'
import { createAuthority } from '#cluster'
import { StatusError } from '#meta'
import {
  crdOf,
  createLoopbackService,
  establish,
  startHttpsServer,
  startTestApiServer,
  type TestApiServer,
  type TestHttpsServer,
} from '#testing'

const HOST = 'sample-api.default.svc'

const FLUNDERS = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'wardle.example.com/v1alpha1',
  resources: [
    { name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['create', 'get', 'list'] },
    { name: 'flunders/status', singularName: '', namespaced: true, kind: 'Flunder', verbs: ['get'] },
  ],
}

/** An extension server that knows flunders. */
const startSample = (): Promise<TestHttpsServer> =>
  startHttpsServer([HOST], ({ path, method, body }, response) => {
    if (path === '/apis/wardle.example.com/v1alpha1') return FLUNDERS
    if (path === '/openapi/v3') {
      return {
        paths: {
          'apis/wardle.example.com/v1alpha1': { serverRelativeURL: '/openapi/v3/apis/wardle.example.com/v1alpha1?hash=1' },
        },
      }
    }
    if (path === '/openapi/v2')
      return { paths: { '/apis/wardle.example.com/v1alpha1/': {} }, definitions: { Flunder: { type: 'object' } } }
    if (path.startsWith('/apis/wardle.example.com/v1alpha1/namespaces/default/flunders')) {
      response.statusCode = method === 'POST' ? 201 : 200
      return { kind: 'Flunder', asked: path, sent: body }
    }
    response.statusCode = 404
    return { kind: 'Status', code: 404 }
  })

async function register(api: TestApiServer, sample: TestHttpsServer, spec: object = {}): Promise<APIService> {
  const { client } = api
  await createLoopbackService(api, { name: 'sample-api', port: 7443, targetPort: sample.port })
  return client.create(apiServices, {
    metadata: { name: 'v1alpha1.wardle.example.com' },
    spec: {
      group: 'wardle.example.com',
      version: 'v1alpha1',
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      caBundle: sample.caBundle,
      service: { namespace: 'default', name: 'sample-api', port: 7443 },
      ...spec,
    },
  })
}

async function untilReason(client: Client, name: string, reason: string): Promise<APIService> {
  for await (const { object } of client.watch(apiServices, { fieldSelector: `metadata.name=${name}` })) {
    const service = object as APIService
    if (service.status?.conditions?.some((condition) => condition.reason === reason)) return service
  }
  throw new Error('the watch ended')
}

async function read(client: Client, path: string, accept?: string): Promise<Record<string, never>> {
  const response = await client.request({ method: 'GET', path, ...(accept && { headers: { accept } }) })
  const { body } = response
  const chunks: Uint8Array[] = []
  if (body.kind === 'stream') for await (const chunk of body.stream) chunks.push(chunk)
  else if (body.kind === 'bytes') chunks.push(body.bytes)
  else if (body.kind === 'object') chunks.push(body.bytes())
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, never>
}

test('Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator', async () => {
  await using sample = await startSample()
  const authority = await createAuthority('front-proxy', { clock: systemClock, random: systemRandom })
  const proxyClient = await authority.issue({ commonName: 'front-proxy-client', usages: ['client'] })
  await using api = await startTestApiServer({ proxyClient })
  await register(api, sample)
  const service = await untilReason(api.client, 'v1alpha1.wardle.example.com', 'Passed')
  assert.equal(service.status?.conditions?.[0]?.status, 'True')
  const user = { username: 'jane', uid: 'u1', groups: ['dev', 'system:masters'], extra: { 'example.com/Team': ['a', 'b'] } }
  const client = api.clientFor(user)
  const created = await client.request({
    method: 'POST',
    path: '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders',
    query: new URLSearchParams({ dryRun: 'All' }),
    headers: { 'content-type': 'application/json', authorization: 'Bearer secret', 'x-remote-user': 'root' },
    body: { kind: 'object', object: { kind: 'Flunder' } },
  })
  assert.equal(created.status, 201)
  const seen = sample.requests.find(({ method }) => method === 'POST')
  assert.equal(seen?.path, '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders?dryRun=All')
  assert.equal(seen?.body, '{"kind":"Flunder"}')
  assert.equal(seen?.client, 'front-proxy-client')
  assert.equal(seen?.headers['x-remote-user'], 'jane')
  assert.equal(seen?.headers['x-remote-uid'], 'u1')
  assert.equal(seen?.headers['x-remote-group'], 'dev, system:masters, system:authenticated')
  assert.equal(seen?.headers['x-remote-extra-example.com%2fteam'], 'a, b')
  assert.equal(seen?.headers.authorization, undefined)
  // Names are UTF-8, which Node shows byte by byte.
  const zoe = api.clientFor({ username: 'Zoë 中', groups: ['dév', 'system:masters'], extra: { 'a(b)~é': ['ü'] } })
  await read(zoe, '/apis/wardle.example.com/v1alpha1/namespaces/default/flunders')
  const { headers } = sample.requests.at(-1)!
  const text = (name: string): string => Buffer.from(String(headers[name]), 'latin1').toString()
  assert.deepEqual(
    [text('x-remote-user'), text('x-remote-group'), text('x-remote-extra-a%28b%29~%c3%a9')],
    ['Zoë 中', 'dév, system:masters, system:authenticated', 'ü'],
  )

  const list = (await read(client, '/apis')) as unknown as { groups: { name: string }[] }
  assert.ok(list.groups.some(({ name }) => name === 'wardle.example.com'))
  const group = (await read(client, '/apis/wardle.example.com')) as unknown as { preferredVersion: { version: string } }
  assert.equal(group.preferredVersion.version, 'v1alpha1')
  assert.deepEqual(await read(client, '/apis/wardle.example.com/v1alpha1'), FLUNDERS)
  const aggregated = (await read(
    client,
    '/apis',
    'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  )) as unknown as { items: { metadata: { name: string }; versions: { resources: unknown[]; freshness: string }[] }[] }
  const [version] = aggregated.items.find(({ metadata }) => metadata.name === 'wardle.example.com')!.versions
  assert.equal(version?.freshness, 'Current')
  assert.deepEqual(version?.resources, [
    {
      resource: 'flunders',
      responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
      scope: 'Namespaced',
      singularResource: 'flunder',
      verbs: ['create', 'get', 'list'],
      subresources: [
        {
          subresource: 'status',
          responseKind: { group: 'wardle.example.com', version: 'v1alpha1', kind: 'Flunder' },
          verbs: ['get'],
        },
      ],
    },
  ])
  const v3 = (await read(client, '/openapi/v3')) as unknown as { paths: object }
  assert.ok('apis/wardle.example.com/v1alpha1' in v3.paths && 'api/v1' in v3.paths)
  const v2 = (await read(client, '/openapi/v2', 'application/json')) as unknown as { definitions: object }
  assert.ok('Flunder' in v2.definitions && 'io.k8s.api.core.v1.Pod' in v2.definitions)
  const accept = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
  const encoded = await client.request({ method: 'GET', path: '/openapi/v2', headers: { accept } })
  assert.ok(encoded.headers['content-type'] === accept && encoded.body.kind === 'bytes')
  assert.ok(Buffer.from(encoded.body.bytes).includes('/apis/wardle.example.com/v1alpha1/'))
  const known = { accept, 'if-none-match': encoded.headers['etag']! }
  assert.equal((await client.request({ method: 'GET', path: '/openapi/v2', headers: known })).status, 304)

  await api.client.delete(apiServices, 'v1alpha1.wardle.example.com')
  const later = (await read(client, '/apis')) as unknown as { groups: { name: string }[] }
  assert.ok(!later.groups.some(({ name }) => name === 'wardle.example.com'))
})

test('an APIService says why it can not be used, and until then its group answers 503', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  await client.create(apiServices, {
    metadata: { name: 'v1.away.example.com' },
    spec: {
      group: 'away.example.com',
      version: 'v1',
      groupPriorityMinimum: 1000,
      versionPriority: 15,
      service: { namespace: 'default', name: 'away' },
    },
  })
  const messageOf = async (reason: string): Promise<string | undefined> =>
    (await untilReason(client, 'v1.away.example.com', reason)).status?.conditions?.[0]?.message
  assert.equal(await messageOf('ServiceNotFound'), 'service/away in "default" is not present')
  await assert.rejects(client.request({ method: 'GET', path: '/apis/away.example.com/v1/things' }), (error) => {
    assert.ok(error instanceof StatusError)
    assert.equal(error.status.code, 503)
    return error.message === 'service unavailable'
  })
  // Its group is there nevertheless: who must know of all there is learns that something is missing.
  const { groups } = (await read(client, '/apis', 'application/json')) as unknown as { groups: { name: string }[] }
  assert.ok(groups.some(({ name }) => name === 'away.example.com'))
  assert.deepEqual((await read(client, '/apis/away.example.com'))['preferredVersion'], {
    groupVersion: 'away.example.com/v1',
    version: 'v1',
  })
  const service = { metadata: { name: 'away', namespace: 'default' }, spec: { ports: [{ port: 80 }] } }
  await client.create(services, service as never)
  assert.equal(await messageOf('ServicePortError'), 'service/away in "default" is not listening on port 443')
  await client.patch(services, 'default/away', { spec: { ports: [{ port: 443 }] } }, { type: 'merge' })
  assert.equal(await messageOf('EndpointsNotFound'), 'cannot find endpointslices for service/away in "default"')
  await client.create(endpointSlices, {
    metadata: { name: 'away-1', namespace: 'default', labels: { 'kubernetes.io/service-name': 'away' } },
    addressType: 'IPv4',
    endpoints: [],
    ports: [{ name: '', port: 443, protocol: 'TCP' }],
  } as never)
  assert.equal(
    await messageOf('MissingEndpoints'),
    'endpointslices for service/away in "default" have no addresses with port name ""',
  )
})

test('a server whose certificate is not the one that was promised does not pass', async () => {
  await using sample = await startSample()
  await using other = await startHttpsServer(['other'], () => undefined)
  await using api = await startTestApiServer()
  await register(api, sample, { caBundle: other.caBundle })
  const service = await untilReason(api.client, 'v1alpha1.wardle.example.com', 'FailedDiscoveryCheck')
  assert.match(
    service.status?.conditions?.[0]?.message ?? '',
    /^failing or missing response from https:\/\/sample-api.default.svc:7443\/apis\/wardle.example.com\/v1alpha1: .*(self-signed|certificate)/,
  )
  await api.client.patch(
    apiServices,
    'v1alpha1.wardle.example.com',
    { spec: { caBundle: null, insecureSkipTLSVerify: true } },
    { type: 'merge' },
  )
  await untilReason(api.client, 'v1alpha1.wardle.example.com', 'Passed')
})

test('what this server serves itself has APIServices that are always available, custom groups too', async () => {
  await using api = await startTestApiServer()
  const { client } = api
  const apps = await untilReason(client, 'v1.apps', 'Local')
  assert.deepEqual(apps.spec, { group: 'apps', version: 'v1', groupPriorityMinimum: 17_800, versionPriority: 15 })
  assert.equal(apps.metadata?.labels?.['kube-aggregator.kubernetes.io/automanaged'], 'onstart')
  assert.equal(apps.status?.conditions?.[0]?.message, 'Local APIServices are always available')
  await establish(client, crdOf())
  const custom = await untilReason(client, 'v1.example.com', 'Local')
  assert.deepEqual(custom.spec, { group: 'example.com', version: 'v1', groupPriorityMinimum: 1_000, versionPriority: 100 })
  const gone = (async () => {
    for await (const { type } of client.watch(apiServices, { fieldSelector: 'metadata.name=v1.example.com' }))
      if (type === 'DELETED') return
  })()
  await client.delete(customResourceDefinitions, 'widgets.example.com')
  await gone
  // One that somebody deletes by mistake comes back.
  await client.delete(apiServices, 'v1.apps')
  await untilReason(client, 'v1.apps', 'Local')
})

test('extension servers are told whom to believe', async () => {
  await using api = await startTestApiServer({ authorities: { clientCA: 'CLIENT', frontProxyCA: 'FRONT' } })
  const config = await api.client.get(configMaps, 'kube-system/extension-apiserver-authentication')
  assert.deepEqual(config.data, {
    'client-ca-file': 'CLIENT',
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-client-ca-file': 'FRONT',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-uid-headers': '["X-Remote-Uid"]',
    'requestheader-username-headers': '["X-Remote-User"]',
  })
  const role = await api.client.get(roles, 'kube-system/extension-apiserver-authentication-reader')
  assert.deepEqual(role.rules?.[0]?.resourceNames, ['extension-apiserver-authentication'])
})

test('a server that does not answer yet is asked again soon, and not only after half a minute', { timeout: 20_000 }, async () => {
  let asked = 0
  await using sample = await startHttpsServer([HOST], (_request, response) => {
    response.statusCode = ++asked < 4 ? 503 : 200
    return FLUNDERS
  })
  await using api = await startTestApiServer({ clock: systemClock })
  await register(api, sample)
  const service = await untilReason(api.client, 'v1alpha1.wardle.example.com', 'Passed')
  assert.equal(service.status?.conditions?.[0]?.status, 'True')
  assert.ok(asked >= 4)
})
