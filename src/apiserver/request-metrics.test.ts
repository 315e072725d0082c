import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { VirtualClock } from '#base'
import { ask, askWatch, startTestApiServer, type TestApiServer } from '#testing'

const RANGES = '/api/v1/namespaces/default/limitranges'

/** The lines of a metric whose labels hold all of `words`. */
async function linesOf(api: TestApiServer, name: string, ...words: readonly string[]): Promise<string[]> {
  const { text } = await ask(api, 'GET /metrics')
  return text.split('\n').filter((line) => line.startsWith(`${name}{`) && words.every((word) => line.includes(word)))
}

test('requests are counted by what they ask for and how they end', async () => {
  await using api = await startTestApiServer()
  const apply = { headers: { 'content-type': 'application/apply-patch+yaml' } }
  const body = { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'a' }, spec: { limits: [] } }
  await ask(api, `POST ${RANGES}`, { body })
  await ask(api, `POST ${RANGES}`, { body })
  await ask(api, `POST ${RANGES}?dryRun=All`, { body: { ...body, metadata: { name: 'b' } } })
  await ask(api, `PATCH ${RANGES}/a?fieldManager=x`, { body, ...apply })
  await ask(api, `GET ${RANGES}`)
  await ask(api, `GET ${RANGES}/a`)
  await ask(api, `GET ${RANGES}/none`)
  await ask(api, 'GET /api/v1/limitranges?labelSelector=none')
  await ask(api, `DELETE ${RANGES}`)
  await ask(api, 'GET /api/v1/namespaces/default/pods/none/log')
  await ask(api, 'GET /api/v1/nopes')
  const labels = (verb: string, scope: string, code: number, dryRun = '', resource = 'limitranges', subresource = ''): string =>
    `apiserver_request_total{code="${code}",component="apiserver",dry_run="${dryRun}",group="",resource="${resource}",scope="${scope}",subresource="${subresource}",verb="${verb}",version="v1"} 1`
  const counted = await linesOf(api, 'apiserver_request_total', 'resource="limitranges"')
  for (const line of [
    labels('POST', 'resource', 201),
    labels('POST', 'resource', 409),
    labels('POST', 'resource', 201, 'All'),
    labels('APPLY', 'resource', 200),
    labels('LIST', 'namespace', 200),
    labels('GET', 'resource', 200),
    labels('GET', 'resource', 404),
    labels('LIST', 'cluster', 200),
    labels('DELETE', 'namespace', 200),
  ])
    assert.ok(counted.includes(line), `${line}\nis none of\n${counted.join('\n')}`)
  const [log] = await linesOf(api, 'apiserver_request_total', 'resource="pods"')
  assert.equal(log, labels('CONNECT', 'resource', 404, '', 'pods', 'log'))
  assert.deepEqual(await linesOf(api, 'apiserver_request_total', 'nopes'), [])
  const [count] = await linesOf(api, 'apiserver_request_duration_seconds_count', 'verb="POST"', 'dry_run=""', 'limitranges')
  assert.match(count ?? '', / 2$/)
  assert.deepEqual(await linesOf(api, 'apiserver_request_sli_duration_seconds_count', 'dry_run'), [])
})

test('a watch is one of the requests that last, and is counted when it ends', async () => {
  await using api = await startTestApiServer()
  const watching = (): Promise<string[]> =>
    linesOf(api, 'apiserver_longrunning_requests', 'verb="WATCH"', 'resource="secrets"', 'scope="namespace"')
  const counted = (): Promise<string[]> => linesOf(api, 'apiserver_request_total', 'verb="WATCH"', 'resource="secrets"')
  {
    await using _watch = await askWatch(api, 'GET /api/v1/namespaces/default/secrets?watch=true')
    await (api.clock as VirtualClock).advance(5_000)
    assert.match((await watching())[0] ?? '', / 1$/)
    assert.deepEqual(await counted(), [])
  }
  assert.match((await watching())[0] ?? '', / 0$/)
  assert.match((await counted())[0] ?? '', /code="200",.* 1$/)
  // What it waited for is not taken off, so that nothing is indicated.
  assert.deepEqual(await linesOf(api, 'apiserver_request_sli_duration_seconds_count', 'verb="WATCH"'), [])
  const [sum] = await linesOf(api, 'apiserver_request_duration_seconds_sum', 'verb="WATCH"', 'resource="secrets"')
  assert.match(sum ?? '', / 5$/)
})

test('what the server asks of itself is counted as its own, and what is deprecated is told of once it was asked for', async () => {
  await using api = await startTestApiServer()
  const own = await linesOf(api, 'apiserver_selfrequest_total', 'resource="namespaces"', 'verb="POST"')
  assert.match(own[0] ?? '', /^apiserver_selfrequest_total\{group="",resource="namespaces",subresource="",verb="POST"\} [1-9]/)
  assert.deepEqual(await linesOf(api, 'apiserver_requested_deprecated_apis'), [])
  await ask(api, 'GET /api/v1/namespaces/default/endpoints')
  await ask(api, 'GET /api/v1/namespaces/default/endpoints')
  assert.deepEqual(await linesOf(api, 'apiserver_requested_deprecated_apis'), [
    'apiserver_requested_deprecated_apis{group="",removed_release="",resource="endpoints",subresource="",version="v1"} 1',
  ])
})

test('what is on its way is told by its kind', async () => {
  await using api = await startTestApiServer()
  assert.deepEqual(
    (await linesOf(api, 'apiserver_current_inflight_requests')).map((line) => line.replace(/^\w+/, '')),
    // The scrape is one itself.
    ['{request_kind="mutating"} 0', '{request_kind="readOnly"} 1'],
  )
})
