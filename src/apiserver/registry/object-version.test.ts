import assert from 'node:assert/strict'
import test from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { KubernetesObject } from '#meta'
import { encodeForStore, versionOf } from './object-version.ts'

const WEB: KubernetesObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'wéb' } }

test('a version is sent as what is stored, with its revision between: as long as it says, and the same in parts as in one piece', () => {
  for (const object of [WEB, { ...WEB, metadata: {} }]) {
    const stored = encodeForStore(object)
    for (const revision of [1, 9, 10, 99, 100, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const version = versionOf('default/web', { value: stored, revision })
      const whole = Buffer.from(version.bytes())
      assert.deepEqual(JSON.parse(whole.toString()), version.object)
      assert.equal(version.object.metadata?.resourceVersion, String(revision))
      assert.equal(version.length(false), whole.length)
      const parts = version.parts(false)
      assert.deepEqual(Buffer.concat(parts), whole)
      assert.equal(parts[0]!.buffer, stored.buffer, 'what is stored is not copied')
      assert.equal(parts.at(-1)!.buffer, stored.buffer)
    }
  }
})

test('a version that is stored in protobuf is sent as JSON, too, and is as long as it says', () => {
  const version = versionOf('default/web', { value: encodeForStore(WEB, 'protobuf'), revision: 7 })
  const whole = Buffer.from(version.bytes())
  assert.deepEqual(JSON.parse(whole.toString()), { ...WEB, metadata: { ...WEB.metadata, resourceVersion: '7' } })
  assert.deepEqual([Buffer.concat(version.parts(false)), version.length(false)], [whole, whole.length])
})

test('a version is copied into a buffer as it is sent', () => {
  for (const [object, form] of [
    [WEB, 'json'],
    [{ ...WEB, metadata: {} }, 'json'],
    [WEB, 'protobuf'],
  ] as const) {
    for (const revision of [1, 9, 10, 1_234, 1_000_000, Number.MAX_SAFE_INTEGER]) {
      const version = versionOf('default/web', { value: encodeForStore(object, form), revision })
      const target = Buffer.alloc(version.length(false) + 10, '#')
      assert.equal(version.copyTo(target, 5, false), version.length(false))
      assert.equal(target.toString(), `#####${Buffer.from(version.bytes())}#####`)
      assert.equal(version.isJson, form === 'json')
    }
  }
})

test('an item of a list that says what its items are leaves that out, however it is stored', () => {
  for (const [object, form] of [
    [WEB, 'json'],
    [{ ...WEB, metadata: {} }, 'json'],
    [{ ...WEB, data: { a: '"metadata":{' } }, 'json'],
    [WEB, 'protobuf'],
  ] as const) {
    const version = versionOf('default/web', { value: encodeForStore(object as KubernetesObject, form), revision: 1_234 })
    const whole = Buffer.concat(version.parts(true))
    const { kind: _, apiVersion: __, ...rest } = version.object
    assert.deepEqual(JSON.parse(whole.toString()), rest)
    assert.equal(version.length(true), whole.length)
    const target = Buffer.alloc(whole.length + 10, '#')
    assert.equal(version.copyTo(target, 5, true), whole.length)
    assert.equal(target.toString(), `#####${whole}#####`)
  }
})

test('what comes back from the store needs no second parse, and is kept for nobody after that', () => {
  const stored = encodeForStore(WEB)
  const [first, second] = [1, 2].map((revision) => versionOf('default/web', { value: stored, revision }))
  assert.deepEqual([first!.isParsed, second!.isParsed], [true, false])
  assert.deepEqual(second!.at(1).object, first!.object)
})

test('what a create made is kept for as long as others have it, then parsed for who asks, and kept for good', async () => {
  const collect = garbageCollector()
  const version = versionOf('default/web', { value: encodeForStore({ ...WEB, metadata: { name: 'web' } }), revision: 3 })
  const first = version.object
  assert.equal(Object.isFrozen(first.metadata), true)
  await collect()
  assert.equal(version.object, first)

  const passing = versionOf('default/web', { value: encodeForStore({ ...WEB, metadata: { name: 'web' } }), revision: 3 })
  await collect()
  assert.equal(passing.isParsed, false)
  assert.deepEqual(passing.object, first)
  await collect()
  assert.equal(passing.isParsed, true)
})

test('what is to be kept is there without a second parse', async () => {
  const collect = garbageCollector()
  const version = versionOf('default/web', { value: encodeForStore({ ...WEB, metadata: { name: 'web' } }), revision: 3 })
  version.keep()
  await collect()
  assert.equal(version.isParsed, true)
})

function garbageCollector(): () => Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as (options: { execution: 'async' }) => Promise<void>
  return () => collect({ execution: 'async' })
}
