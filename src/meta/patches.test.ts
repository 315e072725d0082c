import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import oracle from 'fast-json-patch'
import { applyJsonPatch, JsonPatchError, parseJsonPatch } from './json-patch.ts'
import { applyMergePatch } from './merge-patch.ts'
import type { Schema } from './schema.ts'
import { applyStrategicMergePatch } from './strategic-merge-patch.ts'

const pod: Schema = {
  type: 'object',
  properties: {
    containers: {
      type: 'array',
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      items: { properties: { name: {}, image: {}, args: { type: 'array', items: {} } } },
    },
    finalizers: { type: 'array', patchStrategy: 'merge', items: {} },
    strategy: { type: 'object', patchStrategy: 'retainKeys', properties: { type: {}, rollingUpdate: { properties: {} } } },
    nodeSelector: { type: 'object', additionalProperties: { type: 'string' } },
  },
}
const strategic = (target: unknown, patch: unknown): unknown => applyStrategicMergePatch(Object.freeze(target), patch, pod)

test('a merge patch sets, deletes and nests, and leaves its target alone', () => {
  const target = Object.freeze({ a: 1, b: Object.freeze({ c: 2, d: 3 }), e: [1] })
  assert.deepEqual(applyMergePatch(target, { a: null, b: { c: null, x: 9 }, e: [2] }), { b: { d: 3, x: 9 }, e: [2] })
  assert.deepEqual(
    applyMergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}')),
    JSON.parse('{"__proto__":{"polluted":true}}'),
  )
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('keyed lists merge by their key, and what is new comes before what the patch does not name', () => {
  const target = {
    containers: [
      { name: 'a', image: 'a:1', args: ['x'] },
      { name: 'b', image: 'b:1' },
    ],
  }
  assert.deepEqual(
    strategic(target, {
      containers: [
        { name: 'a', image: 'a:2' },
        { name: 'c', image: 'c:1' },
      ],
    }),
    {
      containers: [
        { name: 'a', image: 'a:2', args: ['x'] },
        { name: 'c', image: 'c:1' },
        { name: 'b', image: 'b:1' },
      ],
    },
  )
})

test('directives delete, replace, retain and order', () => {
  const target = {
    containers: [{ name: 'a' }, { name: 'x' }, { name: 'b' }],
    finalizers: ['f', 'g'],
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } },
  }
  assert.deepEqual(strategic(target, { containers: [{ name: 'x', $patch: 'delete' }] }), {
    ...target,
    containers: [{ name: 'a' }, { name: 'b' }],
  })
  assert.deepEqual((strategic(target, { containers: [{ $patch: 'replace' }, { name: 'z' }] }) as typeof target).containers, [
    { name: 'z' },
  ])
  assert.deepEqual(
    (strategic(target, { '$deleteFromPrimitiveList/finalizers': ['f'], finalizers: ['h'] }) as typeof target).finalizers,
    ['h', 'g'],
  )
  assert.deepEqual((strategic(target, { strategy: { $retainKeys: ['type'], type: 'Recreate' } }) as typeof target).strategy, {
    type: 'Recreate',
  })
  assert.deepEqual(
    (
      strategic(target, {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }],
        containers: [{ name: 'b', image: 'b:2' }],
      }) as typeof target
    ).containers,
    [{ name: 'x' }, { name: 'b', image: 'b:2' }, { name: 'a' }],
  )
  assert.deepEqual(strategic({ nodeSelector: { a: '1' } }, { nodeSelector: { $patch: 'replace', b: '2' } }), {
    nodeSelector: { b: '2' },
  })
})

test('what a patch names comes in its order, after what it does not know of only where that stood before', () => {
  const target = { containers: [{ name: 'a' }, { name: 'b' }], finalizers: ['f', 'g'] }
  const { containers, finalizers } = strategic(target, {
    containers: [{ name: 'new' }, { name: 'b' }, { name: 'a' }],
    finalizers: ['h', 'f'],
  }) as typeof target
  assert.deepEqual(
    containers.map(({ name }) => name),
    ['new', 'b', 'a'],
  )
  assert.deepEqual(finalizers, ['h', 'f', 'g'])
  const sidecar = { containers: [{ name: 'injected' }] }
  const added = { '$setElementOrder/containers': [{ name: 'own' }], containers: [{ name: 'own' }] }
  assert.deepEqual(strategic(sidecar, added), { containers: [{ name: 'own' }, { name: 'injected' }] })
  const swapped = {
    '$setElementOrder/containers': [{ name: 'own' }],
    containers: [{ name: 'a', $patch: 'delete' }, { name: 'own' }],
  }
  assert.deepEqual(strategic({ containers: [{ name: 'a' }, { name: 'injected' }] }, swapped), {
    containers: [{ name: 'injected' }, { name: 'own' }],
  })
})

test('an order is of all that the patch brings: who has a directive is passed over as long as the order lasts', () => {
  const order = [{ name: 'c' }]
  const orderedBy = (containers: readonly unknown[], places: readonly unknown[] = order): unknown =>
    strategic({}, { containers, '$setElementOrder/containers': places })
  const mismatch = /^StrategicPatchError: The order in patch list:\n.*\n doesn.t match \$setElementOrder list:\n/s
  assert.throws(
    () =>
      orderedBy([
        { name: 'c', $retainKeys: [] },
        { name: 'a', $patch: 'replace' },
      ]),
    mismatch,
  )
  assert.throws(() => orderedBy([{ name: 'c' }, { name: 'a', $patch: 1 }]), mismatch)
  assert.throws(() => orderedBy([{ name: 'a' }, { name: 'b' }], [{ name: 'b' }, { name: 'a' }]), mismatch)
  assert.deepEqual(orderedBy([{ name: 'c' }, { name: 'a', $patch: 'delete' }]), { containers: [{ name: 'c' }] })
  assert.deepEqual(orderedBy([{ name: 'a', $patch: 'nonsense' }, { name: 'c' }]), { containers: [{ name: 'c' }] })
  assert.deepEqual(orderedBy([{ name: 'a', $patch: 'nonsense' }]), { containers: [] })
  assert.deepEqual(orderedBy([{ $patch: 'replace' }], [{ name: 'a' }]), { containers: [] })
})

test('one item that replaces makes the whole list new, and no item merges by saying so', () => {
  const target = { containers: [{ name: 'a' }, { name: 'b' }] }
  assert.deepEqual(strategic(target, { containers: [{ name: 'a', $patch: 'replace' }, { name: 'c' }] }), {
    containers: [{ name: 'c' }],
  })
  assert.throws(
    () => strategic(target, { containers: [{ name: 'a', $patch: 'merge' }] }),
    /merging lists cannot yet be specified/,
  )
  assert.throws(() => strategic({ strategy: {} }, { strategy: { $patch: 'merge' } }), /unknown patch type: merge in map/)
  assert.throws(() => strategic({ strategy: {} }, { strategy: { $retainKeys: 'type' } }), /invalid patch format of retainKeys/)
  assert.deepEqual(strategic(target, { '$deleteFromPrimitiveList/finalizers': 'f' }), target)
  assert.throws(() => strategic(target, { '$setElementOrder/containers': {} }), {
    message: 'expected a []interface {}, but received a map[string]interface {}',
  })
})

test('what the target has nothing like is taken over without nulls, and not where a directive is said of it', () => {
  const patch = {
    strategy: { $patch: 'replace', type: 'Recreate' },
    containers: [
      { name: 'a', image: null },
      { name: 'b', $patch: 'delete' },
    ],
  }
  assert.deepEqual(strategic({}, patch), { containers: [{ name: 'a' }] })
})

test('a list item without its merge key is refused', () => {
  assert.throws(
    () => strategic({ containers: [] }, { containers: [{ image: 'x' }] }),
    /does not contain declared merge key: name/,
  )
})

test('JSON patch does what the reference implementation does, on any document', () => {
  const json = fc.jsonValue({ maxDepth: 3 })
  fc.assert(
    fc.property(
      fc.dictionary(fc.stringMatching(/^[a-c]$/), json),
      fc.dictionary(fc.stringMatching(/^[a-c]$/), json),
      (from, to) => {
        const clean = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
        const operations = oracle.compare(clean(from) as object, clean(to) as object)
        assert.deepEqual(applyJsonPatch(clean(from), operations), clean(to))
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})

test('copies of one JSON patch add three megabytes at most, however few they are', () => {
  const doubling = (times: number) =>
    Array.from({ length: times }, (_, index) => ({ op: 'copy', from: '/data', path: `/data/${index}` }))
  const document = { data: { a: 'x'.repeat(1015) } }
  const message = /^Unable to complete the copy, the accumulated size increase of copy is 42\d{5}, exceeding the limit 3145728$/
  assert.throws(() => applyJsonPatch(document, doubling(40)), { name: 'JsonPatchError', message })
  assert.deepEqual(Object.keys((applyJsonPatch(document, doubling(3)) as typeof document).data), ['0', '1', '2', 'a'])
})

test('JSON patch tests, moves and copies, and refuses what is not there', () => {
  const document = { a: [1, 2], b: { c: 'x' } }
  assert.deepEqual(
    applyJsonPatch(document, [
      { op: 'move', from: '/b/c', path: '/d' },
      { op: 'add', path: '/a/-', value: 3 },
    ]),
    { a: [1, 2, 3], b: {}, d: 'x' },
  )
  assert.throws(() => applyJsonPatch(document, [{ op: 'test', path: '/a/0', value: 2 }]), JsonPatchError)
  assert.throws(() => applyJsonPatch(document, [{ op: 'remove', path: '/constructor' }]), JsonPatchError)
  assert.throws(
    () => applyJsonPatch(document, [{ op: 'replace', path: '/a/7', value: 0 }]),
    /doc is missing key: \/a\/7: missing value/,
  )
  assert.throws(() => parseJsonPatch({}), /cannot unmarshal object/)
  assert.deepEqual(applyJsonPatch(document, [{ op: 'replace', path: '/a/-1', value: 9 }]), { ...document, a: [1, 9] })
  assert.deepEqual(applyJsonPatch(document, [{ op: 'add', path: 'x/y', value: 1 }]), { ...document, y: 1 })
  assert.throws(() => applyJsonPatch(document, [{ op: 'test', path: '/none/x', value: null }]), JsonPatchError)
  assert.throws(() => applyJsonPatch(document, [{ op: 'copy', from: '', path: '/c' }]), JsonPatchError)
})

test('an operation that makes no sense is refused before any is done', () => {
  const cases: readonly (readonly [operation: object, problem: string])[] = [
    [{ op: 'add', path: '/a' }, "failed to decode 'value': operation, missing value field: missing value"],
    [{ path: '/<', op: 'Add' }, 'unsupported operation'],
    [{ op: 'move', path: '/a' }, "failed to decode 'from': operation, missing from field: missing value"],
    [{ op: 'remove', path: null }, "failed to decode 'path': operation missing path field: missing value"],
  ]
  for (const [operation, problem] of cases)
    assert.throws(
      () => parseJsonPatch([operation]),
      ({ message }: Error) => message.endsWith(`: ${problem}`),
    )
  assert.throws(() => parseJsonPatch([cases[1]![0]]), {
    message: 'invalid operation {"op":"Add","path":"/\\u003c"}: unsupported operation',
  })
  assert.throws(() => parseJsonPatch([{ op: 1 }]), {
    message: 'json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string',
  })
})

test('nulls leave the objects of lists that a merge patch brings, unless an object stood in their place', () => {
  assert.deepEqual(applyMergePatch({ b: {} }, { a: [{ x: null }, null], b: [{ x: null }] }), { a: [{}, null], b: [{ x: null }] })
})
