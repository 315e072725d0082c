import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { configMaps } from '#api'
import type { KubernetesObject } from '#meta'
import { encodeForStore, type ObjectVersion, versionOf } from '../registry/object-version.ts'
import { joinNeighbours, keptMessage } from './kept-messages.ts'
import { protobufList } from './protobuf-list.ts'

const bytesOf = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill)

test('messages of any length are kept behind their heads, none in the place of another, and joining neighbours changes no byte', () => {
  const sizes = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.constantFrom(0, 1, 300, 9_000, 40_000)), { maxLength: 40 })
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (all, picks) => {
      const kept = all.map(([head, length], at) => keptMessage(bytesOf(head, at), bytesOf(length, at + 100)))
      const expected = all.map(([head, length], at) => Buffer.concat([bytesOf(head, at), bytesOf(length, at + 100)]))
      assert.deepEqual(kept, expected)
      // In any order: only what lies behind another is joined with it.
      const order = kept.map((_, at) => at).sort(() => ((picks.next().value ?? 0) % 3) - 1)
      assert.deepEqual(
        Buffer.concat(joinNeighbours(order.map((at) => kept[at]!))),
        Buffer.concat(order.map((at) => expected[at]!)),
      )
    }),
    { numRuns: 60 },
  )
})

const SLAB_BYTES = 64 * 1024
const head = { kind: 'ConfigMapList', apiVersion: 'v1', metadata: { resourceVersion: '7' } }

const version = (name: string, revision: number): ObjectVersion => {
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { value: 'x'.repeat(1_000) } } as KubernetesObject
  return versionOf(`default/${name}`, { revision, value: encodeForStore(map) })
}

test('a list in protobuf is few long pieces, and an object that changed cuts the one that it was in', () => {
  const versions = Array.from({ length: 1_000 }, (_, at) => version(`map-${at}`, at + 1))
  const list = protobufList(configMaps, head, versions)
  const pieces = [...list].length
  // One for each slab, the rest of one that was begun, and what stands around them.
  assert.ok(pieces <= Math.ceil(list.byteLength / (SLAB_BYTES - 2_000)) + 3, `${pieces}`)
  const changed = protobufList(configMaps, head, versions.with(500, version('map-500', 2_000)))
  assert.ok([...changed].length <= pieces + 2)
  assert.equal([...protobufList(configMaps, head, versions)].length, pieces)
})
