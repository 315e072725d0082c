import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps } from '#api'
import { settle, VirtualClock } from '#base'
import type { Client, WatchFrame } from '#client'
import { openMemoryStore } from '#store'
import { ask, askWatch, metadataOf, startTestApiServer } from '#testing'
import { WATCH_BUFFER_FRAMES_MAX } from './watcher.ts'

const MAPS = '/api/v1/namespaces/default/configmaps'

const configMap = (name: string, labels: Record<string, string> = {}, namespace = 'default'): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels },
})

const relabel = (client: Client, name: string, labels: Record<string, string | null>): Promise<ConfigMap> =>
  client.patch(configMaps, `default/${name}`, { metadata: { labels } }, { type: 'merge' })

test('Watchers should observe add, update, and delete watch notifications on configmaps', async () => {
  await using api = await startTestApiServer()
  const { object } = await ask(api, `GET ${MAPS}`)
  const from = `watch=true&resourceVersion=${object.metadata.resourceVersion}`
  await using a = await askWatch(api, `GET ${MAPS}?${from}&labelSelector=watch%3Da`)
  await using b = await askWatch(api, `GET ${MAPS}?${from}&labelSelector=watch%3Db`)
  await using both = await askWatch(api, `GET ${MAPS}?${from}&labelSelector=watch+in+(a,b)`)
  await api.client.create(configMaps, configMap('first', { watch: 'a' }))
  await relabel(api.client, 'first', { step: '1' })
  await api.client.delete(configMaps, 'default/first')
  await api.client.create(configMaps, configMap('second', { watch: 'b' }))
  await api.client.delete(configMaps, 'default/second')
  assert.deepEqual(await a.told(3), ['ADDED first', 'MODIFIED first', 'DELETED first'])
  assert.deepEqual(await b.told(2), ['ADDED second', 'DELETED second'])
  assert.deepEqual(await both.told(5), ['ADDED first', 'MODIFIED first', 'DELETED first', 'ADDED second', 'DELETED second'])
})

test('Watchers should be able to start watching from a specific resource version', async () => {
  await using api = await startTestApiServer()
  await api.client.create(configMaps, configMap('a'))
  const { metadata } = await relabel(api.client, 'a', { step: '1' })
  await relabel(api.client, 'a', { step: '2' })
  await api.client.delete(configMaps, 'default/a')
  await using watch = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${metadata?.resourceVersion}`)
  assert.deepEqual(await watch.told(2), ['MODIFIED a', 'DELETED a'])
})

test('Watchers should be able to restart watching from the last resource version observed by the previous watch', async () => {
  await using api = await startTestApiServer()
  const { object } = await ask(api, `GET ${MAPS}`)
  let revision: string
  {
    await using first = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${object.metadata.resourceVersion}`)
    await api.client.create(configMaps, configMap('a'))
    const frame = await first.next()
    revision = metadataOf(frame).resourceVersion ?? ''
  }
  await relabel(api.client, 'a', { step: '1' })
  await api.client.delete(configMaps, 'default/a')
  await using second = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${revision}`)
  assert.deepEqual(await second.told(2), ['MODIFIED a', 'DELETED a'])
})

test('Watchers should observe an object deletion if it stops meeting the requirements of the selector', async () => {
  await using api = await startTestApiServer()
  await using watch = await askWatch(api, `GET ${MAPS}?watch=true&labelSelector=watch%3Dyes`)
  await api.client.create(configMaps, configMap('a', { watch: 'yes' }))
  const left = await relabel(api.client, 'a', { watch: 'no' })
  await relabel(api.client, 'a', { unseen: 'x' })
  const back = await relabel(api.client, 'a', { watch: 'yes' })
  await api.client.delete(configMaps, 'default/a')
  assert.deepEqual(await watch.told(1), ['ADDED a'])
  const gone = await watch.next()
  const metadata = metadataOf(gone)
  assert.equal(gone?.type, 'DELETED')
  assert.deepEqual(metadata.labels, { watch: 'yes' }, 'the last state that was selected')
  assert.equal(metadata.resourceVersion, left.metadata?.resourceVersion, 'at the revision that took it out')
  const again = await watch.next()
  assert.equal(again?.type, 'ADDED')
  assert.equal(metadataOf(again).resourceVersion, back.metadata?.resourceVersion)
  const last = await watch.next()
  assert.equal(last?.type, 'DELETED')
  assert.ok(Number(metadataOf(last).resourceVersion) > Number(back.metadata?.resourceVersion))
})

test('Watchers should receive events on concurrent watches in same order', async () => {
  await using api = await startTestApiServer()
  const { object } = await ask(api, `GET ${MAPS}`)
  const open = (revision: string) => askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${revision}`)
  const first = await open(object.metadata.resourceVersion)
  const writes = (async () => {
    for (let at = 0; at < 30; at++) {
      await api.client.create(configMaps, configMap(`m-${at}`))
      if (at % 2 === 0) await relabel(api.client, `m-${at}`, { x: 'y' })
      if (at % 3 === 0) await api.client.delete(configMaps, `default/m-${at}`)
    }
  })()
  const revisionOf = (frame: WatchFrame | undefined): string => metadataOf(frame).resourceVersion ?? ''
  const watches = [first]
  for (let at = 0; at < 20; at++) {
    const revisions = await Promise.all(watches.map(async (watch) => revisionOf(await watch.next())))
    assert.equal(new Set(revisions).size, 1, revisions.join(' '))
    watches.push(await open(revisions[0]!))
  }
  await writes
  for (const watch of watches) await watch[Symbol.asyncDispose]()
})

test('a watch without a revision, or from 0, begins with what is there', async () => {
  await using api = await startTestApiServer()
  for (const name of ['b', 'a']) await api.client.create(configMaps, configMap(name))
  for (const query of ['', '&resourceVersion=0']) {
    await using watch = await askWatch(api, `GET ${MAPS}?watch=true${query}`)
    assert.deepEqual(await watch.told(2), ['ADDED a', 'ADDED b'])
    await relabel(api.client, 'b', { at: `x${query.length}` })
    assert.deepEqual(await watch.told(1), ['MODIFIED b'])
  }
})

test('a streaming list ends its initial events with an annotated bookmark', async () => {
  await using api = await startTestApiServer()
  for (const name of ['a', 'b']) await api.client.create(configMaps, configMap(name, { app: name }))
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true'
  await using watch = await askWatch(api, `GET ${MAPS}?${query}&labelSelector=app%3Db`)
  assert.deepEqual(await watch.told(1), ['ADDED b'])
  const end = await watch.next()
  assert.equal(end?.type, 'BOOKMARK')
  const metadata = metadataOf(end)
  assert.deepEqual(metadata.annotations, { 'k8s.io/initial-events-end': 'true' })
  assert.equal(metadata.resourceVersion, String(api.store.revision))
  await using fromNow = await askWatch(api, `GET ${MAPS}?${query.replace('InitialEvents=true', 'InitialEvents=false')}`)
  await relabel(api.client, 'a', { x: 'y' })
  assert.deepEqual(await fromNow.told(1), ['MODIFIED a'])
  const refusal = async (text: string): Promise<[number, string]> => {
    const { code, object } = await ask(api, `GET ${MAPS}?watch=true&${text}`)
    return [code, object.message]
  }
  const invalid = 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden:'
  assert.deepEqual(await refusal('sendInitialEvents=true'), [
    422,
    `${invalid} sendInitialEvents requires setting resourceVersionMatch to NotOlderThan`,
  ])
  assert.deepEqual(await refusal('resourceVersionMatch=NotOlderThan'), [
    422,
    `${invalid} resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided`,
  ])
  assert.deepEqual(await refusal('resourceVersion=tomorrow'), [
    422,
    'configmaps "" is invalid: resourceVersion: Invalid value: "tomorrow": strconv.ParseUint: parsing "tomorrow": invalid syntax',
  ])
})

test('a streaming list of a revision that does not come ends in an ERROR frame', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const query = `watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=${api.store.revision + 1000}`
  const asked = askWatch(api, `GET ${MAPS}?${query}`)
  await clock.advance(3_000)
  await using watch = await asked
  assert.deepEqual(await watch.told(2), ['ERROR Timeout', 'end'])
})

test('a revision that is older than what is remembered is 410 within the stream', async () => {
  const clock = new VirtualClock()
  const store = openMemoryStore({ clock })
  const value = Buffer.from(JSON.stringify(configMap('a')))
  const first = await store.put('/registry/configmaps/default/a', value, { expected: 0 })
  const second = await store.put('/registry/configmaps/default/a', value, { expected: first })
  await using api = await startTestApiServer({ clock, store })
  await using old = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${first}`)
  const frame = await old.next()
  assert.equal(frame?.type, 'ERROR')
  assert.deepEqual(frame?.object, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `too old resource version: ${first} (${second})`,
    reason: 'Expired',
    code: 410,
  })
  assert.equal(await old.next(), undefined)
  await using enough = await askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${second}`)
  await relabel(api.client, 'a', { x: 'y' })
  assert.deepEqual(await enough.told(1), ['MODIFIED a'])
})

test('what the store has forgotten for five minutes no watch can start from', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const { metadata } = await api.client.create(configMaps, configMap('a'))
  await relabel(api.client, 'a', { step: '1' })
  const later = await relabel(api.client, 'a', { step: '2' })
  const from = (revision: string | undefined) => askWatch(api, `GET ${MAPS}?watch=true&resourceVersion=${revision}`)
  await clock.advance(4 * 60_000)
  {
    await using watch = await from(metadata?.resourceVersion)
    assert.deepEqual(await watch.told(2), ['MODIFIED a', 'MODIFIED a'])
  }
  await clock.advance(7 * 60_000)
  await using old = await from(metadata?.resourceVersion)
  assert.deepEqual(await old.told(2), ['ERROR Expired', 'end'])
  await using enough = await from(later.metadata?.resourceVersion)
  await relabel(api.client, 'a', { step: '3' })
  assert.deepEqual(await enough.told(1), ['MODIFIED a'])
})

test('bookmarks move an idle watch forward every minute and just before its time-out', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const { object } = await ask(api, `GET ${MAPS}`)
  const from = `watch=true&resourceVersion=${object.metadata.resourceVersion}`
  await using watch = await askWatch(api, `GET ${MAPS}?${from}&allowWatchBookmarks=true&timeoutSeconds=90`)
  await using plain = await askWatch(api, `GET ${MAPS}?${from}&timeoutSeconds=90`)
  await api.client.create(configMaps, configMap('elsewhere', {}, 'kube-system'))
  const revision = String(api.store.revision)
  await clock.advance(60_000)
  assert.deepEqual(await watch.told(1), [`BOOKMARK ${revision}`])
  await clock.advance(28_000)
  assert.deepEqual(await watch.told(1), [`BOOKMARK ${revision}`])
  await clock.advance(2_000)
  assert.deepEqual(await watch.rest(), [])
  assert.deepEqual(await plain.rest(), [])
})

test('a watch that names no time-out ends after half an hour to an hour', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await using watch = await askWatch(api, `GET ${MAPS}?watch=true`)
  let over = false
  const rest = watch.rest().then(() => {
    over = true
  })
  await clock.advance(29 * 60_000)
  assert.equal(over, false)
  await clock.advance(32 * 60_000)
  await rest
})

test('a watch of one name hears of nothing else, also by the old path', async () => {
  await using api = await startTestApiServer()
  await using field = await askWatch(api, `GET ${MAPS}?watch=true&fieldSelector=metadata.name%3Da`)
  await using path = await askWatch(api, 'GET /api/v1/watch/namespaces/default/configmaps/a')
  await using everywhere = await askWatch(api, 'GET /api/v1/watch/configmaps?fieldSelector=metadata.name%3Da')
  await using all = await askWatch(api, 'GET /api/v1/watch/namespaces/default/configmaps')
  for (const name of ['b', 'a']) await api.client.create(configMaps, configMap(name))
  await api.client.delete(configMaps, 'default/a')
  for (const watch of [field, path, everywhere]) assert.deepEqual(await watch.told(2), ['ADDED a', 'DELETED a'])
  assert.deepEqual(await all.told(3), ['ADDED b', 'ADDED a', 'DELETED a'])
  const { code, object } = await ask(api, 'GET /api/v1/watch/namespaces/default/configmaps/a?fieldSelector=metadata.name%3Db')
  assert.deepEqual([code, object.message], [400, "fieldSelector metadata.name doesn't match requested name"])
  const written = await ask(api, 'POST /api/v1/watch/namespaces/default/configmaps', { body: configMap('x') })
  assert.equal(written.code, 405)
})

test('a watcher that does not read is cut off at its bound, and nobody else notices', async () => {
  await using api = await startTestApiServer()
  await api.client.create(configMaps, configMap('a'))
  const { object } = await ask(api, `GET ${MAPS}`)
  const from = `GET ${MAPS}?watch=true&resourceVersion=${object.metadata.resourceVersion}`
  await using slow = await askWatch(api, from)
  await using quick = await askWatch(api, from)
  let seen = 0
  const reading = (async () => {
    while (seen < WATCH_BUFFER_FRAMES_MAX + 1 && (await quick.next()) !== undefined) seen++
  })()
  const value = (at: number): Uint8Array =>
    Buffer.from(
      JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a', namespace: 'default', uid: `${at}` } }),
    )
  let revision = (await api.store.get('/registry/configmaps/default/a'))?.revision ?? 0
  for (let at = 0; at <= WATCH_BUFFER_FRAMES_MAX; at++)
    revision = await api.store.put('/registry/configmaps/default/a', value(at), { expected: revision })
  await settle()
  await reading
  assert.equal(seen, WATCH_BUFFER_FRAMES_MAX + 1)
  assert.deepEqual(await slow.rest(), [], 'what waited is dropped: a new watch tells it')
})

test('an event is encoded once for all who see it in the same form', async () => {
  await using api = await startTestApiServer()
  const open = (query: string) => askWatch(api, `GET ${MAPS}?watch=true${query}`)
  const watches = await Promise.all(['', '&fieldSelector=metadata.name%3Da', '&labelSelector=!x', ''].map(open))
  await api.client.create(configMaps, configMap('a'))
  const frames = await Promise.all(watches.map((watch) => watch.next()))
  assert.equal(new Set(frames.map((frame) => frame?.bytes())).size, 1)
  for (const watch of watches) await watch[Symbol.asyncDispose]()
})
