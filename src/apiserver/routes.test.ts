import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TransportRequest } from '#client'
import { ask, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

/** Code and message, or text, of an answer. */
async function told(api: TestApiServer, line: string, body?: unknown): Promise<string> {
  const { code, object, text } = await ask(api, line, { body, headers: { 'content-type': 'application/merge-patch+json' } })
  return `${code} ${text === '' ? object.message : text.trimEnd()}`
}

const PAGE = '404 404 page not found'
const NOTHING = '404 the server could not find the requested resource'
const REFUSED = '405 the server does not allow this method on the requested resource'

test('what nobody serves is answered with a page, what a built-in group lacks with a Status', async () => {
  await using api = await startTestApiServer()
  await establish(api.client, crdOf())
  const pages = [
    '/nope',
    '/apis/nope',
    '/apis/nope/v1',
    '/apis/nope/v1/foos',
    '/apis/nope/v1/foos/x',
    '/healthz/',
    '/healthz/nope',
  ]
  const custom = ['v2', 'v2/widgets', 'v1/nopes', 'v1/nopes/x', 'v1/widgets/x', 'v1/namespaces/a', 'v1/watch/nopes'].map(
    (rest) => `/apis/example.com/${rest}`,
  )
  const slashes = [
    '//apis',
    '/apis//apps',
    '//api/v1/pods',
    '/apis//v1/pods',
    '/apis/example.com/v1//widgets',
    '/metrics/',
    '/openapi/',
  ]
  for (const path of [...pages, ...custom, ...slashes]) assert.equal(await told(api, `GET ${path}`), PAGE, path)
  const below = ['/api/v2', '/api/v1/nopes', '/api/v1/nopes/x', '/apis/apps/v3', '/apis/apps/v1/nopes', '/version/', '/version/x']
  const parts = ['pods/x', 'namespaces/a/pods/x/nope', 'namespaces/a/pods/x/status/more', 'namespaces/a/nodes', 'watch/nopes']
  for (const path of [...below, ...parts.map((rest) => `/api/v1/${rest}`)])
    assert.equal(await told(api, `GET ${path}`), NOTHING, path)
})

test('a built-in kind has a route for each method of each of its paths', async () => {
  await using api = await startTestApiServer()
  const refused: Readonly<Record<string, readonly string[]>> = {
    '/api/v1/pods': ['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'],
    '/api/v1/namespaces/a/pods': ['PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE'],
    '/api/v1/namespaces/a/pods/x': ['POST', 'HEAD', 'OPTIONS'],
    '/api/v1/namespaces/a/pods/x/status': ['POST', 'DELETE', 'HEAD'],
    '/api/v1/namespaces/a/pods/x/binding': ['GET', 'PUT'],
    '/api/v1/namespaces/a/pods/x/log': ['POST', 'DELETE'],
    '/api/v1/watch/namespaces/a/pods': ['POST', 'DELETE'],
    '/apis/authorization.k8s.io/v1/subjectaccessreviews': ['GET', 'DELETE'],
    '/api': ['POST'],
    '/apis/apps/v1': ['POST', 'HEAD'],
    '/version': ['POST', 'HEAD'],
    '/openid/v1/jwks': ['PUT'],
  }
  for (const [path, methods] of Object.entries(refused))
    for (const method of methods) assert.equal(await told(api, `${method} ${path}`, {}), REFUSED, `${method} ${path}`)
})

test('a custom kind is asked for by verbs, and says what it does not do', async () => {
  await using api = await startTestApiServer()
  const v1 = { name: 'v1', subresources: { status: {} } }
  await establish(api.client, crdOf({ versions: [v1] }))
  const widgets = '/apis/example.com/v1/namespaces/default/widgets'
  const kind = 'on resources of kind "widgets.example.com"'
  for (const [line, answer] of Object.entries({
    [`POST ${widgets}/x/status`]: `405 create is not supported ${kind}`,
    [`OPTIONS ${widgets}`]: `405  is not supported ${kind}`,
    [`GET /apis/example.com/v1/watch/namespaces/default/widgets/x/status`]: `405 watch is not supported ${kind}`,
    [`GET /apis/example.com/v1/proxy/namespaces/default/widgets/x`]: `405 proxy is not supported ${kind}`,
    [`GET ${widgets}/x/scale`]: '404 widgets.example.com "x" not found',
    [`GET ${widgets}/x/nope`]: '404 widgets.example.com "x" not found',
    [`GET ${widgets}//x`]: '404 widgets.example.com "" not found',
    [`PUT ${widgets}`]: '400 name must be provided',
    [`PATCH ${widgets}`]: '400 name must be provided',
    ['POST /apis/example.com/v1/widgets']: PAGE,
    ['OPTIONS /apis/example.com/v1/widgets']: PAGE,
  }))
    assert.equal(await told(api, line, {}), answer, line)
  assert.equal((await ask(api, `HEAD ${widgets}`)).object.kind, 'WidgetList')
  const named = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'b' } }
  assert.equal((await ask(api, `POST ${widgets}/a`, { body: named })).object.metadata.name, 'b')
})

test('a name that would lead elsewhere is none, and an escaped slash is a slash', async () => {
  await using api = await startTestApiServer()
  const maps = '/api/v1/namespaces/default/configmaps'
  assert.equal(await told(api, `GET ${maps}/..`), `400 Name parameter invalid: "..": may not be '..'`)
  assert.equal(await told(api, `DELETE ${maps}/%2e`), `400 Name parameter invalid: ".": may not be '.'`)
  assert.equal(await told(api, `GET ${maps}/a%25b`), `400 Name parameter invalid: "a%b": may not contain '%'`)
  assert.equal(await told(api, `GET ${maps}/a%2Fb`), NOTHING)
  assert.equal(await told(api, `GET ${maps}/a%20b`), '404 configmaps "a b" not found')
})

test('an error is told in JSON for people to read to whoever takes nothing else', async () => {
  await using api = await startTestApiServer()
  const request: TransportRequest = { method: 'GET', path: '/api/v1/namespaces/no', headers: { accept: 'text/plain' } }
  const { status, body } = await api.server.handle(request, {
    kind: 'in-process',
    user: { username: 'a', groups: ['system:masters'] },
  })
  assert.equal(status, 406)
  assert.match(body.kind === 'object' ? Buffer.from(body.bytes()).toString() : '', /^\{\n {2}"kind": "Status",\n/)
})
