import assert from 'node:assert/strict'
import test from 'node:test'
import type { KubernetesObject } from '#meta'
import { encodeForStore, type ObjectVersion, versionOf } from '../registry/object-version.ts'
import type { CacheEvent } from './resource-cache.ts'
import { WatchHub, type WatchListener, type WatchSelection } from './watch-hub.ts'

let revision = 0

function version(name: string, node = ''): ObjectVersion {
  const object: KubernetesObject = { metadata: { name, namespace: 'default', labels: { node } } }
  return versionOf(`default/${name}`, { value: encodeForStore(object), revision: ++revision })
}

const change = (after: ObjectVersion, previous?: ObjectVersion): CacheEvent => ({
  type: previous === undefined ? 'ADDED' : 'MODIFIED',
  revision: after.revision,
  version: after,
  previous,
})

const nodeOf = (object: KubernetesObject): string => object.metadata?.labels?.['node'] ?? ''

function hubWithCounter() {
  const hub = new WatchHub()
  const counter = { evaluated: 0 }
  const told: string[] = []
  const listener = (who: string): WatchListener => ({
    deliver: ({ type, version: { key } }) => void told.push(`${who} ${type} ${key}`),
    end: () => void told.push(`${who} end`),
  })
  const selection = (key: string, selects: (object: KubernetesObject) => boolean): WatchSelection => ({
    key,
    selects: (object) => {
      counter.evaluated++
      return selects(object)
    },
  })
  const onNode = (node: string): WatchSelection => ({
    ...selection(`node=${node}`, (object) => nodeOf(object) === node),
    pin: { field: 'node', value: node, read: nodeOf },
  })
  return { hub, counter, told, listener, selection, onNode }
}

test('a selection that a thousand watch by is evaluated once a change', () => {
  const { hub, counter, told, listener, selection } = hubWithCounter()
  for (let at = 0; at < 1_000; at++) {
    hub.add({ namespace: '', name: '', selection: selection('all', () => true) }, listener('all'))
    hub.add({ namespace: 'default', name: '', selection: selection('none', () => false) }, listener('none'))
    hub.add({ namespace: 'elsewhere', name: '', selection: selection('all', () => true) }, listener('elsewhere'))
    hub.add({ namespace: '', name: `other-${at}`, selection: selection('all', () => true) }, listener('other'))
  }
  hub.publish(change(version('web')))
  assert.equal(told.length, 1_000)
  assert.equal(counter.evaluated, 2)
  assert.equal(hub.listenersOf('default', 'web'), 2_000)
})

test('who is pinned to a value hears of what has it, gets it or loses it; nobody else is looked at', () => {
  const { hub, counter, told, listener, onNode } = hubWithCounter()
  for (let at = 0; at < 5_000; at++) hub.add({ namespace: '', name: '', selection: onNode(`node-${at}`) }, listener(`node-${at}`))
  const pending = version('web')
  const bound = version('web', 'node-7')
  const moved = version('web', 'node-8')
  hub.publish(change(pending))
  hub.publish(change(bound, pending))
  hub.publish(change(moved, bound))
  assert.deepEqual(told, ['node-7 ADDED default/web', 'node-8 ADDED default/web', 'node-7 DELETED default/web'])
  assert.ok(counter.evaluated <= 6, `${counter.evaluated} evaluations`)
})

test('a watch that ended hears of nothing, and a hub that ended all has forgotten them', () => {
  const { hub, told, listener, selection, onNode } = hubWithCounter()
  const everything = selection('all', () => true)
  const first = hub.add({ namespace: '', name: '', selection: everything }, listener('first'))
  hub.add({ namespace: 'default', name: 'web', selection: everything }, listener('second'))
  const pinned = hub.add({ namespace: '', name: '', selection: onNode('n') }, listener('pinned'))
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  hub.publish(change(version('web')))
  assert.deepEqual(told.splice(0), ['second ADDED default/web'])
  hub.endAll()
  assert.deepEqual(told.splice(0).sort(), ['pinned end', 'second end'])
  pinned[Symbol.dispose]()
  hub.publish(change(version('web', 'n')))
  assert.deepEqual(told, [])
})
