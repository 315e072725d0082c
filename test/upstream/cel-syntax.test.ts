/**
 * Expressions that are none: random ones with tokens left out, doubled, swapped, replaced and put in, and texts of pieces. Every issue is compared, with its words, its place and its caret.
 * `T8S_SYNTAX=N` asks N of each sort and tells how many were alike instead of failing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '#base'
import { Generator, SCHEMA } from './cel/generate.ts'
import { answerTo, type ExpressionAnswer } from './cel/ours.ts'
import { Peer } from './peer.ts'

const MEASURED = Number(process.env.T8S_SYNTAX ?? 0)
const CASES = MEASURED || 2_000

const REAL = [
  "self.metadata.name.startsWith('a') && size(self.spec.items) <= 10",
  'has(self.spec.replicas) ? self.spec.replicas > 0 && self.spec.replicas < 100 : true',
  "self.all(x, x.name.matches('^[a-z]+$') || x.value in [1, 2, -3])",
  "oldSelf.orValue({'a': [1, 2]})['a'][0] == -1 + 2 * 3",
  "variables.containers.filter(c, has(c.image) && !c.image.contains(':latest')).map(c, c.name).join(', ')",
  "object.spec.?template.?spec[?'hostNetwork'].orValue(false) == false",
  "google.protobuf.Struct{fields: {'a': google.protobuf.Value{bool_value: true}}}",
  'cel.bind(x, self.a.b, x != null && !!x.isEmpty()) || -(-1) >= 0x1F ? b\'a\' : r"\\d"',
  "quantity(self.limits.`a-b`).isLessThan(quantity('1Gi')) // a comment",
  "[1u, 2.5e3, .5, true, null, {1: 2, 'x': [?opt]}].exists_one(i, v, i % 2 == 0)",
]
const PIECES =
  "a b x 1 -1 1.5 2u 'x' b'y' true false null in + - * / % == != < <= > >= && || ! !! -- ? : . .? [ ] [? ( ) { } {? , has( all( `a-b` if for while # \\ \" ' @ 0x . a.b a{b:1} a{ [1,2] f(a) -( é".split(
    ' ',
  )

class Mutator {
  readonly #random: Random

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  of<T>(values: readonly T[]): T {
    return values[this.#random.int(values.length)]!
  }

  /** A text with some of its tokens changed. */
  mutated(text: string): string {
    const tokens = text.match(/\s+|\/\/.*|[a-zA-Z_]\w*|\d+(\.\d+)?|'[^']*'|"[^"]*"|`[^`]*`|==|!=|<=|>=|&&|\|\||./gs) ?? []
    for (let count = 1 + this.#random.int(3); count > 0; count--) {
      const at = this.#random.int(tokens.length + 1)
      const how = this.#random.int(6)
      if (how === 0) tokens.splice(at, 1)
      else if (how === 1) tokens.splice(at, 0, tokens[at] ?? '')
      else if (how === 2) tokens.splice(at, 2, tokens[at + 1] ?? '', tokens[at] ?? '')
      else if (how === 3) tokens.splice(at, 1, this.of(PIECES))
      else if (how === 4) tokens.splice(at, 0, this.of(PIECES))
      else tokens.length = Math.min(tokens.length, at)
    }
    return tokens.join('')
  }

  pieces(): string {
    return Array.from({ length: 1 + this.#random.int(9) }, () => this.of(PIECES)).join(this.of(['', ' ', ' ', '\n\t']))
  }
}

const SORTS: Readonly<Record<string, (mutator: Mutator, seed: number) => string>> = {
  'expressions with changes': (mutator) => mutator.mutated(mutator.of(REAL)),
  'random expressions with changes': (mutator, seed) => mutator.mutated(new Generator(seed).of('bool').slice(0, 300)),
  'pieces of expressions': (mutator) => mutator.pieces(),
}

for (const [sort, make] of Object.entries(SORTS)) {
  test(`${sort}: what is wrong is told as by upstream`, async () => {
    await using peer = new Peer('cel')
    const variables = { self: { schema: SCHEMA } }
    const counts = { broken: 0, alike: 0 }
    for (let seed = 0; seed < CASES; seed++) {
      const text = make(new Mutator(seed), seed)
      const theirs = await peer.ask<ExpressionAnswer>({ expression: { text, variables } })
      const ours = answerTo({ text, variables })
      if (theirs.panic !== undefined || ![ours, theirs].some(({ issues }) => issues?.includes('Syntax error: '))) continue
      counts.broken++
      if (ours.issues === theirs.issues) counts.alike++
      else if (MEASURED === 0) assert.equal(ours.issues, theirs.issues, JSON.stringify(text))
      else if (process.env.T8S_SHOWN !== undefined && counts.broken - counts.alike <= Number(process.env.T8S_SHOWN))
        console.log(JSON.stringify(text), '\n', ours.issues, '\n----\n', theirs.issues)
    }
    if (MEASURED > 0) console.log(`${sort}: ${counts.alike} of ${counts.broken} alike`)
  })
}

/** Around upstream's bounds for what is nested, in all and by three. */
const DEPTHS = new Set([82, 83, 84, 85, 124, 125, 126, 127, 248, 249, 250, 251, 252])

/** What is built around an expression, again and again. */
const AROUND: Readonly<Record<string, (inner: string) => string>> = {
  parentheses: (inner) => `(${inner})`,
  factors: (inner) => `1+2*(${inner})`,
  relations: (inner) => `1==(2==${inner})`,
  lists: (inner) => `[${inner}]`,
  maps: (inner) => `{1:${inner}}`,
  terms: (inner) => `${inner}+1`,
  comparisons: (inner) => `${inner}==1`,
  selections: (inner) => `${inner}.a`,
  indices: (inner) => `${inner}[0]`,
  calls: (inner) => `f(${inner})`,
  'calls of members': (inner) => `dyn([]).f(${inner})`,
  conditions: (inner) => `true?1:${inner}`,
  negations: (inner) => `!(${inner})`,
  conjunctions: (inner) => `true&&${inner}`,
}

for (const [name, around] of Object.entries(AROUND)) {
  test(`${name} inside each other are refused where upstream refuses them, and broken ones as well`, async () => {
    await using peer = new Peer('cel')
    let inner = 'x'
    for (let depth = 1; depth <= Math.max(...DEPTHS); depth++) {
      inner = around(inner)
      if (!DEPTHS.has(depth)) continue
      for (const text of [inner, `${inner})`, `${inner}.`]) {
        const [theirs, ours] = [await peer.ask<ExpressionAnswer>({ expression: { text } }), answerTo({ text })]
        assert.equal(ours.issues, theirs.issues, `${depth}: ${text.slice(-40)}`)
      }
    }
  })
}
