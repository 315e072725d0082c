import assert from 'node:assert/strict'
import test from 'node:test'
import { type ConfigMap, configMaps, namespaces } from '#api'
import { nullLog } from '#base'
import { isConflict, isForbidden, isGone, isInvalid, isNotFound, type KubernetesObject, StatusError } from '#meta'
import { startTestApiServer, TEST_ADMIN, type TestApiServer, TRANSPORTS } from '#testing'
import { createClient } from './api-client.ts'
import type { Client, WatchEvent } from './client.ts'
import { Informers } from './informer.ts'

const USER = 'nobody-in-particular'

for (const [name, connect] of Object.entries(TRANSPORTS)) {
  const withClient = async (body: (client: Client, api: TestApiServer) => Promise<void>, user?: string): Promise<void> => {
    await using stack = new AsyncDisposableStack()
    const api = stack.use(await startTestApiServer())
    const identity = user === undefined ? TEST_ADMIN : { username: user, groups: ['system:authenticated'] }
    await body(createClient((await connect(api, stack))(identity)), api)
  }

  test(`${name}: objects are created, read, changed, listed and deleted`, () =>
    withClient(async (client) => {
      const created = await client.create(configMaps, configMap('a', { x: '1' }))
      assert.ok(created.metadata?.uid)
      assert.ok(Object.isFrozen(created) && Object.isFrozen(created.data))
      const updated = await client.update(configMaps, { ...created, data: { x: '2' } })
      await assert.rejects(client.update(configMaps, { ...created, data: { x: '3' } }), isConflict)
      const patched = await client.patch(configMaps, 'default/a', { data: { y: 'ü' } }, { type: 'merge' })
      assert.deepEqual(patched.data, { x: '2', y: 'ü' })
      assert.notEqual(updated.metadata?.resourceVersion, patched.metadata?.resourceVersion)
      await client.create(configMaps, configMap('b'))
      const page = await client.list(configMaps, { namespace: 'default', limit: 1 })
      assert.equal(page.items.length, 1)
      const rest = await client.list(configMaps, { namespace: 'default', limit: 5, continue: page.metadata.continue })
      assert.ok(page.items.length + rest.items.length >= 2)
      for (const { kind, apiVersion } of [...page.items, ...rest.items])
        assert.deepEqual([kind, apiVersion], ['ConfigMap', 'v1'], 'what a list leaves out on the wire')
      await client.delete(configMaps, 'default/a')
      assert.equal(await client.find(configMaps, 'default/a'), undefined)
    }))

  test(`${name}: refusals are StatusErrors with code, reason and causes`, () =>
    withClient(async (client) => {
      await assert.rejects(client.get(configMaps, 'default/none'), isNotFound)
      const bad = client.create(configMaps, configMap('Bad_Name'))
      await assert.rejects(bad, (error) => isInvalid(error) && (error as StatusError).status.details?.causes !== undefined)
      await assert.rejects(
        client.request({ method: 'GET', path: '/apis/none.example/v1/things' }),
        (e) => (e as StatusError).code === 404,
      )
    }))

  test(`${name}: the peer is who it proves to be`, () =>
    withClient(async (client) => {
      await assert.rejects(client.list(namespaces), (error) => isForbidden(error) && String(error).includes(USER))
    }, USER))

  test(`${name}: a watch tells of every change from a revision on, and ends when it is aborted`, () =>
    withClient(async (client) => {
      const { metadata } = await client.list(configMaps, { namespace: 'default' })
      const stop = new AbortController()
      const seen: string[] = []
      const watching = (async () => {
        const options = { namespace: 'default', resourceVersion: metadata.resourceVersion, signal: stop.signal }
        for await (const event of client.watch(configMaps, options) as AsyncIterable<WatchEvent<ConfigMap>>) {
          seen.push(`${event.type} ${event.object.metadata?.name}`)
          if (seen.length === 3) stop.abort(new DOMException('enough', 'AbortError'))
        }
      })().catch((error) => assert.ok(stop.signal.aborted, String(error)))
      await client.create(configMaps, configMap('w'))
      await client.patch(configMaps, 'default/w', { data: { z: '1' } }, { type: 'merge' })
      await client.delete(configMaps, 'default/w')
      await watching
      assert.deepEqual(seen, ['ADDED w', 'MODIFIED w', 'DELETED w'])
    }))

  test(`${name}: a watch from a revision that is gone or not a number is refused`, () =>
    withClient(async (client) => {
      const watching = client.watch(configMaps, { resourceVersion: 'tomorrow' })[Symbol.asyncIterator]().next()
      await assert.rejects(watching, (error) => error instanceof StatusError || isGone(error))
    }))

  test(`${name}: forty watches hold up no request`, () =>
    withClient(async (client) => {
      const stop = new AbortController()
      const watches = Array.from({ length: 40 }, async () => {
        for await (const _ of client.watch(configMaps, { namespace: 'default', signal: stop.signal })) return
      })
      await client.create(configMaps, configMap('many'), { signal: AbortSignal.timeout(5_000) })
      await Promise.all(watches)
      stop.abort()
    }))

  test(`${name}: informers of several kinds follow the cluster`, () =>
    withClient(async (client, api) => {
      await client.create(configMaps, configMap('before'))
      const dependencies = { client, clock: api.clock, random: api.random, log: nullLog }
      await using informers = new Informers(dependencies)
      const known = informers.for(configMaps, { namespace: 'default' })
      const told: string[] = []
      const changed = waiter()
      known.onChange(({ before, after }: { before?: KubernetesObject | undefined; after?: KubernetesObject | undefined }) => {
        told.push(`${before?.metadata?.name ?? '-'} ${after?.metadata?.name ?? '-'}`)
        changed.wake()
      })
      await known.synced(AbortSignal.timeout(5_000))
      await client.create(configMaps, configMap('after'))
      await client.delete(configMaps, 'default/before')
      while (!told.includes('before -')) await changed.wait()
      assert.ok(told.includes('- after'))
      assert.equal(known.get('default/before'), undefined)
      assert.ok(Object.isFrozen(known.get('default/after')))
    }))
}

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
})

function waiter() {
  let next = Promise.withResolvers<void>()
  return {
    wake() {
      next.resolve()
      next = Promise.withResolvers()
    },
    wait: () => next.promise,
  }
}
