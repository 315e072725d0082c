import assert from 'node:assert/strict'
import test from 'node:test'
import { ask, startTestApiServer, type TestApiServer } from '#testing'

const JOBS = '/apis/batch/v1/namespaces/default/jobs'

/** The values of what is counted of jobs, by name. */
async function countsOf(api: TestApiServer): Promise<Record<string, number>> {
  const { text } = await ask(api, 'GET /metrics')
  const lines = text.matchAll(
    /^apiserver_(\w+)\{(?:fallback="false",)?group="batch",(?:index="",)?resource="jobs"(?:,success="true")?\} (\d+)$/gm,
  )
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, Number(value)]))
}

test('a list tells what it read and what it showed, from the cache or from the store, and how long it waited', async () => {
  await using api = await startTestApiServer()
  const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } }
  for (const name of ['a', 'b', 'c']) {
    const metadata = { name, labels: { own: name } }
    const made = await ask(api, `POST ${JOBS}`, { body: { apiVersion: 'batch/v1', kind: 'Job', metadata, spec: { template } } })
    assert.equal(made.code, 201)
  }
  const before = await countsOf(api)
  const counted = async (path: string): Promise<Record<string, number>> => {
    const from = await countsOf(api)
    const { object } = await ask(api, `GET ${path}`)
    const to = await countsOf(api)
    const more = Object.entries(to).map(([name, value]): [string, number] => [name, value - (from[name] ?? 0)])
    assert.ok(object.items.length <= 3)
    return Object.fromEntries(more.filter(([, value]) => value > 0))
  }
  const waited = { watch_cache_consistent_read_total: 1, watch_cache_read_wait_seconds_count: 1 }
  assert.deepEqual(await counted(JOBS), {
    ...waited,
    cache_list_total: 1,
    cache_list_fetched_objects_total: 3,
    cache_list_returned_objects_total: 3,
  })
  assert.deepEqual(await counted(`${JOBS}?labelSelector=own=a&resourceVersion=0`), {
    cache_list_total: 1,
    cache_list_fetched_objects_total: 3,
    cache_list_returned_objects_total: 1,
  })
  const { object } = await ask(api, `GET ${JOBS}?limit=1`)
  const exact = `resourceVersion=${object.metadata.resourceVersion}&resourceVersionMatch=Exact`
  assert.deepEqual(await counted(`${JOBS}?${exact}&labelSelector=own=b`), {
    storage_list_total: 1,
    storage_list_fetched_objects_total: 3,
    storage_list_evaluated_objects_total: 3,
    storage_list_returned_objects_total: 1,
  })
  assert.equal(before['watch_cache_initializations_total'], 1)
})

test('a read of what never comes is told of as one that failed', async () => {
  await using api = await startTestApiServer()
  const asked = ask(api, `GET ${JOBS}?resourceVersion=999999`)
  await (api.clock as { advance?(ms: number): Promise<void> }).advance?.(3_000)
  assert.equal((await asked).code, 504)
  const { text } = await ask(api, 'GET /metrics')
  assert.match(text, /^apiserver_watch_cache_read_wait_seconds_bucket\{group="batch",resource="jobs",le="3"\} 1$/m)
  assert.match(text, /^apiserver_watch_cache_read_wait_seconds_bucket\{group="batch",resource="jobs",le="2"\} 0$/m)
})
