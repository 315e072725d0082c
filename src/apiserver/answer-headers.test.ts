import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type AskOptions, ask, startTestApiServer } from '#testing'

const NOBODY: AskOptions = { user: { username: 'nobody', groups: ['system:authenticated'] } }
const FLOW = 'x-kubernetes-pf-flowschema-uid'
const SNIFF = 'x-content-type-options'

test('a path of a flow schema stands for all that is below it', async () => {
  await using api = await startTestApiServer()
  const flowOf = async (path: string): Promise<string | undefined> => (await ask(api, `GET ${path}`, NOBODY)).headers[FLOW]
  const probes = await flowOf('/healthz')
  assert.ok(probes)
  for (const path of ['/healthz/ping', '/livez/nope', '/readyz/etcd']) assert.equal(await flowOf(path), probes, path)
  for (const path of ['/healthzz', '/version']) assert.notEqual(await flowOf(path), probes, path)
})

test('profiles may last, so that their turn is not waited for', async () => {
  await using api = await startTestApiServer()
  assert.equal((await ask(api, 'GET /debug/pprof/heap', NOBODY)).headers[FLOW], undefined)
  assert.ok((await ask(api, 'GET /debug/pprof', NOBODY)).headers[FLOW])
})

test('who is refused is told so as what it is', async () => {
  await using api = await startTestApiServer()
  const pods = 'GET /api/v1/pods'
  assert.equal((await ask(api, pods, NOBODY)).headers[SNIFF], 'nosniff')
  assert.equal((await ask(api, pods, { headers: { 'impersonate-group': 'g' } })).headers[SNIFF], 'nosniff')
  assert.equal((await ask(api, pods, { ...NOBODY, headers: { 'impersonate-user': 'a' } })).headers[SNIFF], 'nosniff')
  assert.equal((await ask(api, pods)).headers[SNIFF], undefined)
  assert.equal((await ask(api, 'GET /api/v1/namespaces/none')).headers[SNIFF], undefined)
})

test('health says what it could not leave out, and checks one by one', async () => {
  await using api = await startTestApiServer()
  const { text } = await ask(api, 'GET /readyz?verbose&exclude=x&exclude=etcd&exclude=a')
  assert.match(
    text,
    /\[\+\]etcd excluded: ok\n(.*\n)*warn: some health checks cannot be excluded: no matches for "a","x"\nreadyz check passed\n$/,
  )
  assert.match(text, /\[\+\]informer-sync ok\n/)
  const one = await ask(api, 'GET /readyz/informer-sync')
  assert.deepEqual([one.code, one.text, one.headers[SNIFF]], [200, 'ok', undefined])
  assert.deepEqual([(await ask(api, 'GET /readyz')).headers[SNIFF], (await ask(api, 'GET /readyz/')).code], ['nosniff', 404])
})

test('what is served at all is listed at the root, for people to read', async () => {
  await using api = await startTestApiServer()
  for (const path of ['/', '/index.html']) {
    const { object } = await ask(api, `GET ${path}`)
    const { paths } = object as unknown as { paths: string[] }
    for (const each of ['/apis/', '/apis/apps/v1', '/healthz/ping', '/readyz/shutdown', '/metrics', '/version'])
      assert.ok(paths.includes(each), each)
    assert.deepEqual(paths, paths.toSorted())
  }
})
