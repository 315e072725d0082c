import assert from 'node:assert/strict'
import test from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { applyJsonPatch, applyMergePatch, applyStrategicMergePatch, JsonPatchMistyped, parseJsonPatch } from '#meta'
import { schemaOf } from '../../src/api/schemas.ts'
import { Peer } from './peer.ts'

interface Answer {
  readonly unreadable?: string
  readonly error?: string
  readonly value?: unknown
}

const RUNS = Number(process.env.T8S_RUNS ?? 20_000)

const scalar = fc.constantFrom<unknown>(null, 1, 2, 'a', 'b', true, '')
const key = fc.constantFrom('a', 'b', 'c/d', 'e~f', '', '0', '1')
const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('tree'), { maxLength: 3 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 3 }),
  ),
}))
const object = fc.dictionary(key, tree, { maxKeys: 4 }).map((each) => JSON.parse(JSON.stringify(each)) as Record<string, unknown>)

test('JSON merge patches do what they do upstream', async () => {
  await using peer = new Peer('patches')
  await fc.assert(
    fc.asyncProperty(object, object, async (target, patch) => {
      const theirs = await peer.ask<Answer>({ kind: 'merge', object: target, patch })
      assert.deepEqual({ value: applyMergePatch(target, patch) }, theirs)
    }),
    { numRuns: RUNS },
  )
})

const pointer = fc.oneof(
  { weight: 6, arbitrary: fc.array(fc.constantFrom('a', 'b', 'c~1d', 'e~0f', '', '0', '1', '-', '-1', '+1', '01', '9'), { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`) },
  { weight: 1, arbitrary: fc.constantFrom('', 'a', 'a/b', '//', '/a/0/b') },
) // biome-ignore format: one a line
const operation = fc.record(
  {
    op: fc.oneof({ weight: 12, arbitrary: fc.constantFrom<unknown>('add', 'remove', 'replace', 'move', 'copy', 'test') }, { weight: 1, arbitrary: fc.constantFrom<unknown>('Add', '', null, 1) }),
    path: fc.oneof({ weight: 12, arbitrary: pointer as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 1) }),
    from: fc.oneof({ weight: 12, arbitrary: pointer as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: fc.constantFrom<unknown>(null, 1) }),
    value: tree.map((each) => JSON.parse(JSON.stringify(each)) as unknown),
  },
  { requiredKeys: ['op', 'path'] },
) // biome-ignore format: one a line

test('JSON patches do what they do upstream, and are refused where they are', async () => {
  await using peer = new Peer('patches')
  await fc.assert(
    fc.asyncProperty(object, fc.array(operation, { maxLength: 3 }), async (target, patch) => {
      const theirs = await peer.ask<Answer>({ kind: 'json', object: target, patch })
      // A test of the whole without a value, and things like it.
      if (theirs.error === 'panic') return
      let ours: Answer
      try {
        const operations = parseJsonPatch(patch)
        try {
          ours = { value: applyJsonPatch(target, operations) }
        } catch (error) {
          ours = { error: (error as Error).message }
        }
      } catch (error) {
        // A decoder looks at the patch before, and says more of types.
        if (error instanceof JsonPatchMistyped) return
        ours = { unreadable: (error as Error).message }
      }
      assert.deepEqual(ours, theirs)
    }),
    { numRuns: RUNS },
  )
})

const name = fc.constantFrom('a', 'b', 'c', 'd')
const text = fc.constantFrom<unknown>('x', 'y', '', null)
const env = fc.record({ name, value: text }, { requiredKeys: ['name'] })
const container = fc.record(
  { name, image: text, env: list(env), args: fc.array(name, { maxLength: 2 }) },
  { requiredKeys: ['name'] },
)
const volume = fc.record({ name, emptyDir: fc.constant({}), hostPath: fc.record({ path: text }) }, { requiredKeys: ['name'] })

/** Distinct items: upstream's servers have no others. */
function list<T extends { readonly name: string }>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.uniqueArray(item, { maxLength: 3, selector: ({ name: own }) => own })
}

const withoutNull = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each: unknown) => (each === null ? undefined : each)) as unknown
const pod = fc
  .record({
    metadata: fc.record({ labels: fc.dictionary(name, text), finalizers: fc.uniqueArray(name) }, { requiredKeys: [] }),
    spec: fc.record(
      {
        containers: list(container),
        volumes: list(volume),
        nodeSelector: fc.dictionary(name, text),
        tolerations: fc.array(fc.record({ key: name }), { maxLength: 2 }),
        securityContext: fc.record({ fsGroup: fc.nat(3), sysctls: list(fc.record({ name, value: text })) }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
  }, { requiredKeys: [] })
  .map(withoutNull) // biome-ignore format: a tree

const directive = fc.constantFrom<unknown>('delete', 'replace', 'merge', 'nonsense', 1)
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value })
const patched = <T extends object>(item: fc.Arbitrary<T>, keys: readonly string[]): fc.Arbitrary<Record<string, unknown>> =>
  fc.record({ item, $patch: rarely(directive), $retainKeys: rarely(fc.oneof(fc.subarray<unknown>([...keys]), fc.constantFrom<unknown>('x', [1]))) })
    .map(({ item: own, ...directives }) => ({ ...own, ...directives })) // biome-ignore format: a chain
/** Not empty: then upstream sorts what the order does not name by chance. */
const orderOf = fc.uniqueArray(name, { minLength: 1, maxLength: 4 })
const keyed = orderOf.map((names) => names.map((each) => ({ name: each })))
const listPatch = (item: fc.Arbitrary<Record<string, unknown>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.uniqueArray(item, { maxLength: 3, selector: (each) => each['name'] }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(
        null,
        [],
        'x',
        {},
        ['a'],
        [{ image: 'q' }],
        [{ $patch: 'replace' }],
        [{ $patch: 'delete' }],
      ),
    },
  )
const containerPatch = patched(
  fc.record(
    {
      name,
      image: text,
      env: listPatch(patched(env, ['name', 'value'])),
      args: fc.constantFrom<unknown>(['z'], null, []),
      '$setElementOrder/env': rarely(keyed),
    },
    { requiredKeys: ['name'] },
  ),
  ['name', 'image', 'env', 'args'],
)
const podPatch = fc.record({
  $patch: rarely(directive),
  metadata: rarely(patched(
    fc.record({ labels: fc.oneof<fc.Arbitrary<unknown>[]>(fc.dictionary(name, text), fc.constant(null), patched(fc.dictionary(name, text), ['a', 'b'])), finalizers: fc.uniqueArray(name, { maxLength: 3 }), '$deleteFromPrimitiveList/finalizers': rarely(fc.oneof<fc.Arbitrary<unknown>[]>(orderOf, fc.constant('x'))), '$setElementOrder/finalizers': rarely(fc.oneof<fc.Arbitrary<unknown>[]>(orderOf, fc.constant('x'))) }, { requiredKeys: [] }),
    ['labels', 'finalizers'],
  )),
  spec: patched(
    fc.record({
      containers: listPatch(containerPatch),
      '$setElementOrder/containers': rarely(keyed),
      volumes: listPatch(patched(volume, ['name', 'emptyDir', 'hostPath'])),
      nodeSelector: fc.dictionary(name, text),
      tolerations: fc.array(fc.record({ key: name }), { maxLength: 2 }),
      securityContext: patched(fc.record({ fsGroup: fc.constantFrom<unknown>(7, null), sysctls: fc.constantFrom<unknown>([{ name: 'n' }], null) }, { requiredKeys: [] }), ['fsGroup', 'sysctls']),
    }, { requiredKeys: [] }),
    ['containers', 'volumes', 'nodeSelector', 'tolerations', 'securityContext'],
  ),
}, { requiredKeys: [] }).map((each) => JSON.parse(JSON.stringify(each)) as unknown) // biome-ignore format: a tree

/**
 * How often upstream is asked again where the two differ: it walks through the map of a patch, and what a list becomes that is set and deleted from is another matter
 * each time. A walk has eight starts, so that what it may say is missed once in 4e11 times.
 */
const CHANCES = 200

test('strategic merge patches do what they do upstream, and are refused where they are', async () => {
  await using peer = new Peer('patches')
  const schema = schemaOf('io.k8s.api.core.v1.Pod')
  await fc.assert(
    fc.asyncProperty(pod, podPatch, async (target, patch) => {
      const ask = (): Promise<Answer> => peer.ask<Answer>({ kind: 'Pod', object: target, patch })
      let ours: Answer
      try {
        ours = { value: applyStrategicMergePatch(target, patch, schema) }
      } catch (error) {
        ours = { error: (error as Error).message }
      }
      // Of several faults upstream tells any: it walks through maps.
      const isSame = (theirs: Answer): boolean =>
        (ours.error !== undefined && theirs.error !== undefined) || isDeepStrictEqual(ours, theirs)
      let theirs = await ask()
      for (let asked = 1; asked < CHANCES && !isSame(theirs); asked++) theirs = await ask()
      if (!isSame(theirs)) assert.deepEqual(ours, theirs)
    }),
    { numRuns: RUNS },
  )
})
