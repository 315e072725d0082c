import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { KubernetesObject } from '#meta'
import { encodeForStore, type StorageForm, versionOf } from '../registry/object-version.ts'
import { jsonList } from './json-list.ts'

const head = { kind: 'PodList', apiVersion: 'v1', metadata: { resourceVersion: '7' } }

const pod = (name: string, filler: string): KubernetesObject =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, annotations: { filler } } }) as KubernetesObject

const listOf = (objects: readonly KubernetesObject[], form: StorageForm = 'json', untyped = true) =>
  jsonList(
    head,
    objects.map((object, at) => versionOf(`default/${at}`, { revision: at + 1, value: encodeForStore(object, form) })),
    untyped,
  )

function readBy(size: number, { reader }: ReturnType<typeof listOf>): Buffer {
  const read = reader!()
  const pieces: Buffer[] = []
  for (;;) {
    const target = Buffer.alloc(size, '#')
    const length = read(target)
    if (length === 0) break
    pieces.push(target.subarray(0, length))
  }
  assert.equal(read(Buffer.alloc(size)), 0, 'the end is the end')
  return Buffer.concat(pieces)
}

test('a list reads the same into buffers of any size, objects that are larger than one included', () => {
  const fillers = fc.array(fc.string({ maxLength: 300, unit: 'binary' }), { maxLength: 12 })
  fc.assert(
    fc.property(
      fillers,
      fc.integer({ min: 1, max: 2_000 }),
      fc.constantFrom<StorageForm>('json', 'protobuf'),
      fc.boolean(),
      (all, size, form, untyped) => {
        const list = listOf(
          all.map((filler, at) => pod(`web-${at}`, filler)),
          form,
          untyped,
        )
        const whole = Buffer.concat([...list])
        assert.equal(list.byteLength, whole.length)
        assert.deepEqual(readBy(size, list), whole)
        const { items, metadata } = JSON.parse(whole.toString())
        assert.deepEqual(metadata, head.metadata)
        assert.deepEqual(
          items.map(({ kind, apiVersion, metadata }: KubernetesObject) => [
            kind,
            apiVersion,
            metadata?.name,
            metadata?.resourceVersion,
          ]),
          all.map((_, at) => [...(untyped ? [undefined, undefined] : ['Pod', 'v1']), `web-${at}`, String(at + 1)]),
        )
      },
    ),
  )
})

test('an object with nothing but its revision in its metadata is listed as JSON', () => {
  const list = listOf([{ apiVersion: 'v1', kind: 'Pod', metadata: {} }, pod('a', '')])
  const whole = readBy(1_000, list)
  assert.deepEqual(whole, Buffer.concat([...list]))
  assert.deepEqual(JSON.parse(whole.toString()).items[0].metadata, { resourceVersion: '1' })
})

test('a buffer is filled with whole objects: only what is larger than it is cut', () => {
  const list = listOf(Array.from({ length: 20 }, (_, at) => pod(`web-${at}`, 'x'.repeat(200))))
  const read = list.reader!()
  const target = Buffer.alloc(1_000)
  const ends: string[] = []
  for (let length = read(target); length > 0; length = read(target)) ends.push(target.toString('utf8', length - 2, length))
  assert.ok(ends.length > 5)
  assert.ok(
    ends.every((end) => end === '}}' || end === '}\n'),
    ends.join(' '),
  )
})
