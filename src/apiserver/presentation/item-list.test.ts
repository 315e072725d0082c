import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { configMaps, decodeProtobuf } from '#api'
import type { BodyParts } from '#client'
import type { KubernetesObject } from '#meta'
import { readerOf } from '../http/write-body.ts'
import { encodeForStore, type ObjectVersion, versionOf } from '../registry/object-version.ts'
import { jsonList } from './json-list.ts'
import { protobufList } from './protobuf-list.ts'

const head = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } }

const versionsOf = (values: readonly string[]): ObjectVersion[] =>
  values.map((value, at) => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `map-${at}` }, data: { value } } as KubernetesObject
    return versionOf(`default/map-${at}`, { revision: at + 1, value: encodeForStore(map) })
  })

function readBy(size: number, parts: BodyParts): Buffer {
  const read = readerOf(parts)
  const pieces: Buffer[] = []
  const target = Buffer.alloc(size)
  for (let length = read(target); length > 0; length = read(target)) pieces.push(Buffer.from(target.subarray(0, length)))
  return Buffer.concat(pieces)
}

test('a list in protobuf reads the same into buffers of any size', () => {
  const values = fc.array(fc.string({ maxLength: 300, unit: 'binary' }), { maxLength: 12 })
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 2_000 }), (all, size) => {
      const list = protobufList(configMaps, head, versionsOf(all))
      const whole = Buffer.concat([...list])
      assert.equal(list.byteLength, whole.length)
      assert.deepEqual(readBy(size, list), whole)
      const { object } = decodeProtobuf(whole) as {
        object: KubernetesObject & { items?: (KubernetesObject & { data: object })[] }
      }
      assert.deepEqual([object.kind, object.metadata?.resourceVersion], ['ConfigMapList', '7'])
      assert.deepEqual(
        (object.items ?? []).map(({ metadata, data }) => [metadata?.resourceVersion, data]),
        all.map((value, at) => [String(at + 1), { value }]),
      )
    }),
  )
})

test('who reads the same list as another asks no object for its length again, and each list says which it is', () => {
  let asked = 0
  const items = versionsOf(['a', 'b', 'c']).map((version) => ({
    object: version.object,
    bytes: () => version.bytes(),
    parts: (untyped: boolean) => version.parts(untyped),
    copyTo: (target: Buffer, at: number, untyped: boolean) => version.copyTo(target, at, untyped),
    length(untyped: boolean) {
      asked++
      return version.length(untyped)
    },
  }))
  const first = jsonList(head, items, true)
  assert.equal(asked, items.length)
  const second = jsonList({ ...head, metadata: { resourceVersion: '10' } }, items, true)
  assert.deepEqual([asked, second.byteLength], [items.length, first.byteLength + 1])
  assert.equal(JSON.parse(Buffer.concat([...second]).toString()).metadata.resourceVersion, '10')
})
