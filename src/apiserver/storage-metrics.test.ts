import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, crdOf, establish, startTestApiServer, type TestApiServer } from '#testing'

const MAPS = '/api/v1/namespaces/default/configmaps'

const mapOf = (name: string, value: string): object => ({
  body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value } },
})

/** The value of a metric of one resource; undefined: there is none. */
async function valuesOf(api: TestApiServer, resource: string): Promise<(name: string) => number | undefined> {
  const { text } = await ask(api, 'GET /metrics')
  return (name) => {
    const found = new RegExp(`^${name}\\{(?:group="[^"]*",)?resource="${resource}"\\} (\\S+)$`, 'm').exec(text)
    return found === null ? undefined : Number(found[1])
  }
}

test('what is stored is told by resource: how many, how large, what came and how far the cache is', async () => {
  await using api = await startTestApiServer()
  const before = await valuesOf(api, 'configmaps')
  await ask(api, `POST ${MAPS}`, mapOf('a', 'x'.repeat(1_000)))
  await ask(api, `POST ${MAPS}`, mapOf('b', ''))
  await ask(api, `PUT ${MAPS}/b`, mapOf('b', 'x'))
  await ask(api, `DELETE ${MAPS}/b`)
  const after = await valuesOf(api, 'configmaps')
  const more = (name: string): number => (after(name) ?? 0) - (before(name) ?? 0)
  for (const name of ['apiserver_storage_objects', 'apiserver_resource_objects']) assert.equal(more(name), 1, name)
  const bytes = more('apiserver_resource_size_estimate_bytes')
  assert.ok(bytes > 1_000 && bytes < 2_000, `${bytes}`)
  for (const name of ['storage_events_received', 'watch_cache_events_received', 'watch_cache_events_dispatched'])
    assert.equal(more(`apiserver_${name}_total`), 4, name)
  const { object } = await ask(api, `GET ${MAPS}`)
  const { resourceVersion } = object.metadata
  assert.equal(after('apiserver_watch_cache_resource_version'), Number(resourceVersion))
  assert.equal(after('watch_cache_capacity'), 20_000)
})

test('of a resource of which nothing was told there is no count of it', async () => {
  await using api = await startTestApiServer()
  const jobs = await valuesOf(api, 'jobs')
  assert.equal(jobs('apiserver_resource_objects'), 0)
  assert.equal(jobs('apiserver_watch_cache_events_received_total'), undefined)
})

test('custom kinds are told of too, once for each served version where upstream has a cache for each', async () => {
  await using api = await startTestApiServer()
  const versions = [{ name: 'v1' }, { name: 'v2' }]
  await establish(api.client, crdOf({ versions }))
  const before = await valuesOf(api, 'widgets')
  const widget = { body: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'one' } } }
  assert.equal((await ask(api, 'POST /apis/example.com/v1/namespaces/default/widgets', widget)).code, 201)
  const after = await valuesOf(api, 'widgets')
  const more = (name: string): number => (after(name) ?? 0) - (before(name) ?? 0)
  assert.equal(more('apiserver_resource_objects'), 1)
  assert.ok(more('apiserver_resource_size_estimate_bytes') > 100)
  assert.equal(more('apiserver_watch_cache_events_received_total'), 2)
  assert.equal(before('apiserver_watch_cache_initializations_total'), 2)
})
