import assert from 'node:assert/strict'
import { type ConfigMap, configMaps } from '#api'
import type { WatchEvent } from '#client'
import { behaviors } from './behavior.ts'
import { observe } from './waiting.ts'

const LABEL = 'watch-this'

const configMap = (namespace: string, name: string, label: string): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, labels: { [LABEL]: label } },
})

const isEvent =
  (type: WatchEvent<ConfigMap>['type'], mutation?: string) =>
  (event: WatchEvent<ConfigMap>): boolean =>
    event.type === type && (event.object as ConfigMap).data?.['mutation'] === mutation

behaviors('watches', (behavior) => {
  behavior(
    '[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]',
    async ({ client, namespace }) => {
      const { metadata } = await client.list(configMaps, { namespace })
      const since = { namespace, resourceVersion: metadata.resourceVersion! }
      await using ofA = observe(client, configMaps, { ...since, labelSelector: `${LABEL}=a` })
      await using ofB = observe(client, configMaps, { ...since, labelSelector: `${LABEL}=b` })
      await using ofBoth = observe(client, configMaps, { ...since, labelSelector: `${LABEL} in (a,b)` })
      const a = await client.create(configMaps, configMap(namespace, 'a', 'a'))
      for (const watch of [ofA, ofBoth]) await watch.next(isEvent('ADDED'))
      const once = await client.update(configMaps, { ...a, data: { mutation: '1' } })
      for (const watch of [ofA, ofBoth]) await watch.next(isEvent('MODIFIED', '1'))
      await client.update(configMaps, { ...once, data: { mutation: '2' } })
      for (const watch of [ofA, ofBoth]) await watch.next(isEvent('MODIFIED', '2'))
      await client.delete(configMaps, `${namespace}/a`)
      for (const watch of [ofA, ofBoth]) await watch.next(isEvent('DELETED', '2'))
      await client.create(configMaps, configMap(namespace, 'b', 'b'))
      // The first event of this watch: those of the other label never came here.
      const first = await ofB.next(() => true)
      assert.deepEqual([first.type, first.object.metadata?.name], ['ADDED', 'b'])
      await ofBoth.next(isEvent('ADDED'))
      await client.delete(configMaps, `${namespace}/b`)
      for (const watch of [ofB, ofBoth]) await watch.next(isEvent('DELETED'))
    },
  )

  behavior(
    '[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]',
    async ({ client, namespace }) => {
      const created = await client.create(configMaps, configMap(namespace, 'old', 'from'))
      const first = await client.update(configMaps, { ...created, data: { mutation: '1' } })
      await client.update(configMaps, { ...first, data: { mutation: '2' } })
      await client.delete(configMaps, `${namespace}/old`)
      await using events = observe(client, configMaps, {
        namespace,
        labelSelector: `${LABEL}=from`,
        resourceVersion: first.metadata!.resourceVersion!,
      })
      const seen = [await events.next(() => true), await events.next(() => true)]
      assert.deepEqual(
        seen.map(({ type, object }) => [type, (object as ConfigMap).data?.['mutation']]),
        [
          ['MODIFIED', '2'],
          ['DELETED', '2'],
        ],
      )
    },
  )

  behavior(
    '[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]',
    async ({ client, namespace }) => {
      const { metadata } = await client.list(configMaps, { namespace })
      const selection = { namespace, labelSelector: `${LABEL}=restart` }
      let last: WatchEvent<ConfigMap>
      const created = await client.create(configMaps, configMap(namespace, 'again', 'restart'))
      {
        await using before = observe(client, configMaps, { ...selection, resourceVersion: metadata.resourceVersion! })
        const first = await client.update(configMaps, { ...created, data: { mutation: '1' } })
        await before.next(isEvent('ADDED'))
        last = await before.next(isEvent('MODIFIED', '1'))
        await client.update(configMaps, { ...first, data: { mutation: '2' } })
      }
      await client.delete(configMaps, `${namespace}/again`)
      await using after = observe(client, configMaps, { ...selection, resourceVersion: last.object.metadata!.resourceVersion! })
      assert.ok(isEvent('MODIFIED', '2')(await after.next(() => true)))
      assert.ok(isEvent('DELETED', '2')(await after.next(() => true)))
    },
  )

  behavior(
    '[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]',
    async ({ client, namespace }) => {
      const { metadata } = await client.list(configMaps, { namespace })
      const selection = { namespace, labelSelector: `${LABEL}=in` }
      await using events = observe(client, configMaps, { ...selection, resourceVersion: metadata.resourceVersion! })
      const relabel = (label: string, mutation?: string): Promise<ConfigMap> =>
        client.patch(
          configMaps,
          `${namespace}/moving`,
          { metadata: { labels: { [LABEL]: label } }, ...(mutation && { data: { mutation } }) },
          { type: 'merge' },
        )
      await client.create(configMaps, configMap(namespace, 'moving', 'in'))
      await relabel('in', '1')
      await relabel('out')
      await relabel('out', '2')
      await relabel('in', '3')
      await client.delete(configMaps, `${namespace}/moving`)
      const seen: [string, string | undefined][] = []
      while (seen.length < 5) {
        const { type, object } = await events.next(() => true)
        seen.push([type, (object as ConfigMap).data?.['mutation']])
      }
      // What was changed outside the selector is told only by the state it comes back with.
      assert.deepEqual(seen, [
        ['ADDED', undefined],
        ['MODIFIED', '1'],
        ['DELETED', '1'],
        ['ADDED', '3'],
        ['DELETED', '3'],
      ])
    },
  )

  behavior(
    '[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]',
    async ({ client, namespace }) => {
      const WRITES = 60
      const start = (await client.list(configMaps, { namespace })).metadata.resourceVersion!
      const versions: string[] = []
      const produce = async (worker: number): Promise<void> => {
        for (let round = 0; round < WRITES / 12; round++) {
          const name = `of-${worker}-${round}`
          const { metadata } = await client.create(configMaps, configMap(namespace, name, 'order'))
          versions.push(metadata!.resourceVersion!)
          const changed = await client.patch(configMaps, `${namespace}/${name}`, { data: { a: 'b' } }, { type: 'merge' })
          versions.push(changed.metadata!.resourceVersion!)
          await client.delete(configMaps, `${namespace}/${name}`)
        }
      }
      await Promise.all([1, 2, 3, 4].map(produce))
      // A watch from every version that was seen tells the same rest of the same story.
      const readAll = async (resourceVersion: string): Promise<string[]> => {
        await using events = observe(client, configMaps, { namespace, labelSelector: `${LABEL}=order`, resourceVersion })
        const told: string[] = []
        for (let deleted = 0; deleted < ends(told); ) {
          const { type, object } = await events.next(() => true)
          told.push(`${type} ${object.metadata?.name} ${object.metadata?.resourceVersion}`)
          if (type === 'DELETED') deleted++
          if (told.at(-1) === last) break
        }
        return told
      }
      let last: string | undefined
      const ends = (_: string[]): number => (last === undefined ? 4 * (WRITES / 12) : Number.POSITIVE_INFINITY)
      const whole = await readAll(start)
      last = whole.at(-1)
      for (const version of versions.slice(0, -1).filter((_, index) => index % 4 === 0)) {
        const rest = await readAll(version)
        assert.deepEqual(rest, whole.slice(whole.length - rest.length))
      }
    },
  )
})
