import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRules } from '../../src/api/apiextensions/rules/run-rules.ts'
import { structuralOf } from '../../src/api/apiextensions/schema/structural.ts'
import { Generator, OBJECT, SCHEMA } from './cel/generate.ts'
import { answerTo, type ExpressionAnswer, type ExpressionCase } from './cel/ours.ts'
import { Peer } from './peer.ts'

/*
 * Expressions in Kubernetes' environment: issues, type, estimate, result, error and cost. What is kept:
 * - Upstream crashes where a function does not look at what it gets (`distinct()` of a number, a failed list, bytes as a key), and says "internal error".
 * - Estimates past 2^53 are too much on both sides; upstream's are not rounded as ours. The least estimate, which nothing in Kubernetes asks for, is left out.
 * - What a run cost that failed differs in a few of a thousand, where a part of a part failed; it is pinned in src/cel/kubernetes/upstream.test.ts and left out here.
 * - Keys of maps are bools, ints, uints and texts; upstream lets any value be one where nobody looks.
 * - The order of maps is chance there, so what depends on it differs.
 * - Objects of a schema are maps in a run there, which shows in formats and in `type()`; here they have the names of their types.
 */
const EXPRESSIONS = 2_000
const RULES = 300

const LITERALS = (
  "1 -1 0 9223372036854775807 -9223372036854775808 1u 0u 18446744073709551615u 1.0 -0.0 1.5 1e308 0.0/0.0 true false '' 'a' 'héé😀' null [] [1,2] ['a'] {} {'a':1} " +
  "{1:1} duration('1s') timestamp('2020-01-01T00:00:00Z') int optional.none() optional.of(1) quantity('1') ip('1.2.3.4') cidr('10.0.0.0/8') semver('1.2.3') x s m l missing"
).split(' ')
const OPERATORS = ['==', '!=', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', 'in', '&&', '||']
const DATA = {
  x: { value: 3 },
  s: { value: 'str' },
  m: { value: { a: 1, b: 'x', c: null, d: [1, 2.5, 'q'] } },
  l: { value: [1, 'a', 2.5, null, { a: 1 }] },
}

function* pairs(): Cases {
  for (const a of LITERALS) {
    for (const b of LITERALS) {
      for (const operator of OPERATORS) {
        yield { text: `${a} ${operator} ${b}`, variables: DATA }
        yield { text: `dyn(${a}) ${operator} dyn(${b})`, variables: DATA }
      }
      yield { text: `dyn(${a})[${b}]`, variables: DATA }
      yield { text: `[${a}, ${b}]`, variables: DATA }
    }
  }
}

type Cases = globalThis.Generator<ExpressionCase>

function* randomly(): Cases {
  const variables = { self: { schema: SCHEMA, value: OBJECT } }
  const kinds = ['bool', 'bool', 'string', 'int', 'strings', 'any', 'labels'] as const
  for (let seed = 0; seed < EXPRESSIONS; seed++) {
    const text = new Generator(seed).of(kinds[seed % kinds.length]!)
    if (text.length < 2_000) yield { text, variables }
  }
}

for (const [name, cases] of Object.entries({ 'operators over pairs of literals': pairs, 'expressions of a grammar': randomly })) {
  test(`${name} are what they are upstream`, async () => {
    await using peer = new Peer('cel')
    for (const each of cases()) {
      const theirs = await peer.ask<ExpressionAnswer>({ expression: each })
      const ours = answerTo(each)
      if (isKept(theirs, ours)) continue
      assert.deepEqual(comparable(ours), comparable(theirs), each.text)
    }
  })
}

test('rules say of an object what they say upstream', async () => {
  await using peer = new Peer('cel')
  for (let seed = 0; seed < RULES; seed++) {
    const generator = new Generator(seed + 100_000)
    const rule = { rule: generator.of('bool'), messageExpression: generator.of('string') }
    const schema = { ...SCHEMA, 'x-kubernetes-validations': [rule] }
    const { errors } = await peer.ask<{ errors: string[] }>({ rules: { schema, object: OBJECT, ratchets: false } })
    if (errors.some(isCrash) || rule.rule.includes('.format(')) continue
    const { problems } = runRules(OBJECT, structuralOf(schema as never), { former: undefined })
    const said = problems.map(({ field, message }) => nameless(`${field}: ${message}`))
    assert.deepEqual(
      said,
      errors.map((error) => nameless(error.replace(/^[^|]*\|/, ''))),
      rule.rule,
    )
  }
})

const isCrash = (error: string): boolean => error.includes('internal error: ')

const isKept = (theirs: ExpressionAnswer, ours: ExpressionAnswer): boolean =>
  theirs.panic !== undefined || isCrash(theirs.error ?? '') || ours.error === 'unsupported key type'

/** The type of `self` is named by chance upstream. */
const nameless = (text: string): string => text.replaceAll(/selfType\d*/g, 'selfType')

const AMPLE = 2 ** 53

function comparable({ min: _, max, value, cost, ...rest }: ExpressionAnswer): unknown {
  const bounded = Number(max) > AMPLE ? 'too much' : max
  return JSON.parse(JSON.stringify({ ...rest, max: bounded, value: untold(value), ...(rest.error === undefined && { cost }) }))
}

/** Of what libraries added, the type alone is compared. */
function untold(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value[0] === 'opaque' ? value.slice(0, 2) : value.map(untold)
}
