import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, askWatch, startTestApiServer, type TestApiServer } from '#testing'
import { WatchMetrics } from './watch-metrics.ts'

const scrape = async (api: TestApiServer): Promise<string> => (await ask(api, 'GET /metrics')).text
const SECRETS = '/api/v1/namespaces/default/secrets'
const secretOf = (name: string): object => ({ body: { apiVersion: 'v1', kind: 'Secret', metadata: { name } } })

test('events are counted by what is watched, and a list by watch is timed once all was shown', async () => {
  await using api = await startTestApiServer()
  await ask(api, `POST ${SECRETS}`, secretOf('a'))
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  await using watch = await askWatch(api, `GET ${SECRETS}?${query}`)
  await watch.told(2)
  await ask(api, `POST ${SECRETS}`, secretOf('b'))
  await watch.told(1)
  const text = await scrape(api)
  assert.match(text, /^apiserver_init_events_total\{group="",resource="secrets"\} 1$/m)
  assert.match(text, /^apiserver_watch_events_total\{group="",resource="secrets",version="v1"\} 3$/m)
  const labels = 'group="",resource="secrets",scope="namespace",version="v1"'
  assert.ok(text.includes(`\napiserver_watch_list_duration_seconds_count{${labels}} 1\n`))
  assert.ok(text.includes(`\napiserver_watch_list_duration_seconds_bucket{${labels},le="0.05"} 1\n`))
})

test('what is sent in bytes is counted with its size', () => {
  const metrics = new WatchMetrics()
  const meter = metrics.of({ group: 'apps', version: 'v1', resource: 'deployments' })
  assert.equal(metrics.of({ group: 'apps', version: 'v1', resource: 'deployments' }), meter)
  const frameOf = (length: number) => ({ type: 'ADDED' as const, object: {}, bytes: () => new Uint8Array(length) })
  meter.sent([frameOf(1_024), frameOf(1_025)])
  meter.sent([frameOf(200_000)])
  meter.told()
  const labels = 'group="apps",resource="deployments",version="v1"'
  const text = metrics.text()
  for (const line of [
    `apiserver_watch_events_total{${labels}} 4`,
    `apiserver_watch_events_sizes_bucket{${labels},le="1024"} 1`,
    `apiserver_watch_events_sizes_bucket{${labels},le="2048"} 2`,
    `apiserver_watch_events_sizes_bucket{${labels},le="131072"} 2`,
    `apiserver_watch_events_sizes_bucket{${labels},le="+Inf"} 3`,
    `apiserver_watch_events_sizes_sum{${labels}} 202049`,
  ])
    assert.ok(text.includes(`${line}\n`), `${line}\nis not in\n${text}`)
})
