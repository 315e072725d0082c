import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  compileSelector,
  type LabelSelector,
  matches,
  matchesFields,
  parseFieldSelector,
  parseSelector,
  printSelector,
} from '#meta'
import { labelSelector } from '../../src/api/validation/common.ts'
import { Peer } from './peer.ts'

/*
 * Left out: the order among more than twelve requirements on one key, and the first error of several labels of an object, which are chance upstream;
 * and selectors in objects that validation refuses, of which only its verdict is compared.
 */

interface Answer {
  readonly error?: string
  readonly text: string
  readonly matches: boolean
}

const RUNS = Number(process.env.T8S_RUNS ?? 20_000)
const LONG = 'x'.repeat(64)
const word = fc.constantFrom(
  'a', 'b', 'in', 'notin', 'x.io/c', '1', '-1', '2.5', 'A_b', '-', '', 'é', '0x10', '99999999999999999999', '9223372036854775807', '007',
  '+3', LONG, `${'a.'.repeat(130)}a/b`, 'a/b/c', '/b', 'a/', '..', '\u{1F600}', '\uE000', '\u00A0', '\u0001', '"', 'é'.repeat(40),
) // biome-ignore format: a list
const piece = fc.oneof(
  { weight: 2, arbitrary: word },
  {
    weight: 3,
    arbitrary: fc.constantFrom(',', '=', '==', '!=', '!', '(', ')', '<', '>', ' ', '\t', '\\', '\\,', '\\=', '\0', '\n', '\v'),
  },
)
const loose = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join(''))
const plainWord = fc.constantFrom('a', 'b', 'in', 'x.io/c', '1', '3', '7', LONG, 'A_b', '')
const term = fc.oneof(
  fc.tuple(plainWord, fc.constantFrom('=', '==', '!=', '>', '<'), plainWord).map((parts) => parts.join('')),
  fc
    .tuple(plainWord, fc.constantFrom(' in ', ' notin '), fc.array(plainWord, { maxLength: 4 }))
    .map(([key, operator, values]) => `${key}${operator}(${values})`),
  fc.tuple(fc.constantFrom('', '!'), plainWord).map((parts) => parts.join('')),
)
const text = fc.oneof(
  loose,
  fc.array(term, { maxLength: 5 }).map((terms) => terms.join(',')),
)
const set = fc.dictionary(
  fc.constantFrom('a', 'b', 'in', 'x.io/c'),
  fc.constantFrom('a', 'b', '', '1', '3', '-1', '+7', '9999999999999999999', '007'),
)

function answered(read: () => { text: string; matches: boolean }): Answer {
  try {
    return read()
  } catch (error) {
    return { error: (error as Error).message, text: '', matches: false }
  }
}

test('label selectors are read, refused, printed and matched as by upstream', async () => {
  await using peer = new Peer('selectors')
  await fc.assert(
    fc.asyncProperty(text, set, async (written, labels) => {
      const theirs = await peer.ask<Answer>({ kind: 'labels', text: written, set: labels })
      const ours = answered(() => {
        const selector = parseSelector(written)
        return { text: printSelector(selector), matches: matches(selector, labels) }
      })
      assert.deepEqual(ours, theirs)
    }),
    { numRuns: RUNS },
  )
})

const escaped = (value: string): string => value.replace(/[\\,=]/g, '\\$&')

test('field selectors are read, refused, ordered, unescaped and matched as by upstream', async () => {
  await using peer = new Peer('selectors')
  await fc.assert(
    fc.asyncProperty(text, set, async (written, fields) => {
      const theirs = await peer.ask<Answer>({ kind: 'fields', text: written, set: fields })
      const ours = answered(() => {
        const selector = parseFieldSelector(written)
        const printed = selector.map(({ path, negated, value }) => `${path}${negated ? '!=' : '='}${escaped(value)}`).join(',')
        return { text: printed, matches: matchesFields(selector, (path) => fields[path]) }
      })
      assert.deepEqual(ours, theirs)
    }),
    { numRuns: RUNS },
  )
})

const selectorObject: fc.Arbitrary<LabelSelector> = fc.record(
  {
    matchLabels: fc.dictionary(plainWord, plainWord, { maxKeys: 3 }),
    matchExpressions: fc.array(
      fc.record(
        {
          key: plainWord,
          operator: fc.constantFrom('In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', '', 'é"'),
          values: fc.array(plainWord, { maxLength: 3 }),
        },
        { requiredKeys: ['key', 'operator'] },
      ),
      { maxLength: 3 },
    ),
  },
  { requiredKeys: [] },
)

test('selectors in objects are accepted, printed and matched as by upstream', async () => {
  await using peer = new Peer('selectors')
  await fc.assert(
    fc.asyncProperty(selectorObject, set, async (object, labels) => {
      const theirs = await peer.ask<Answer>({ kind: 'object', selector: object, set: labels })
      const found: Parameters<typeof labelSelector>[2] = []
      labelSelector(object, 'selector', found)
      assert.equal(found.length === 0, theirs.error === undefined, `${JSON.stringify(found)} ${theirs.error}`)
      if (
        theirs.error?.endsWith('is not a valid label selector operator') &&
        Object.keys(object.matchLabels ?? {}).length === 0
      ) {
        assert.equal(answered(() => ({ text: printSelector(compileSelector(object)), matches: true })).error, theirs.error)
      }
      if (found.length > 0) return
      const selector = compileSelector(object)
      assert.deepEqual({ text: printSelector(selector), matches: matches(selector, labels) }, theirs)
    }),
    { numRuns: RUNS },
  )
})
