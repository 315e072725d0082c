import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { encodeForStore, type ObjectVersion, versionOf } from '../registry/object-version.ts'
import { ResourceCache } from './resource-cache.ts'

const version = (namespace: string, name: string, revision: number): ObjectVersion => {
  const value = encodeForStore({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } })
  return versionOf(`${namespace}/${name}`, { value, revision })
}

const shown = (versions: readonly ObjectVersion[]): string[] => versions.map(({ key, revision }) => `${key}@${revision}`)

function cacheOf(...versions: readonly ObjectVersion[]): ResourceCache {
  const cache = new ResourceCache(configMaps, 3)
  cache.load(versions)
  return cache
}

test('who lists the same while nothing changes gets the same list', () => {
  const cache = cacheOf(version('a', 'one', 1), version('b', 'two', 2))
  const all = cache.list('')
  assert.equal(cache.list(''), all)
  const [namespace, rest] = [cache.list('a'), cache.list('', 'a/one')]
  assert.equal(cache.list('a'), namespace)
  assert.deepEqual([all, namespace, rest, cache.list('b')].map(shown), [
    ['a/one@1', 'b/two@2'],
    ['a/one@1'],
    ['b/two@2'],
    ['b/two@2'],
  ])
})

for (const [what, change, expected] of [
  [
    'an object that comes',
    (cache: ResourceCache) => cache.commit(false, version('c', 'new', 4)),
    ['a/one@1', 'b/two@2', 'c/new@4'],
  ],
  ['an object that changes', (cache: ResourceCache) => cache.commit(false, version('a', 'one', 4)), ['a/one@4', 'b/two@2']],
  ['an object that goes', (cache: ResourceCache) => cache.commit(true, version('a', 'one', 4)), ['b/two@2']],
  ['a state that is read anew', (cache: ResourceCache) => cache.replace([version('b', 'two', 2)], 4), ['b/two@2']],
] as const) {
  test(`${what} is in the next list, and not in those that were given out`, () => {
    const cache = cacheOf(version('a', 'one', 1), version('b', 'two', 2))
    const before = cache.list('')
    change(cache)
    assert.deepEqual(shown(before), ['a/one@1', 'b/two@2'])
    assert.deepEqual(shown(cache.list('')), expected)
  })
}
