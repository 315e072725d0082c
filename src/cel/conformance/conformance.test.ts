import assert from 'node:assert/strict'
import test from 'node:test'
import { tests as checking } from '@bufbuild/cel-spec/testdata/checking.js'
import { tests as comprehension } from '@bufbuild/cel-spec/testdata/comprehension.js'
import { tests as conformance } from '@bufbuild/cel-spec/testdata/conformance.js'
import { tests as parsing } from '@bufbuild/cel-spec/testdata/parsing.js'
import { Environment } from '../environment.ts'
import { EvaluationError } from '../evaluate/program.ts'
import { extensionListsLibrary } from '../libraries/extension-lists.ts'
import { crossTypeLibrary, optionalsLibrary } from '../libraries/optionals.ts'
import { setsLibrary } from '../libraries/sets.ts'
import { stringsLibrary } from '../libraries/strings.ts'
import { twoVariableLibrary } from '../libraries/two-variable.ts'
import { bindMacro } from '../syntax/extension-macros.ts'
import { existsOneMacro } from '../syntax/macros.ts'
import { CompileError } from '../syntax/source.ts'
import { declare } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { checkedString, parsedString } from './debug-string.ts'
import { type Case, casesOf, declarationsOf, type Suite, strict, typeOf, valueFrom } from './suite.ts'

/** The published cases of the language: cel-spec's own and those of cel-go, with the syntax trees and types that cel-go found. */
const SUITES = { conformance, parsing, checking, comprehension } as unknown as Readonly<Record<string, Suite>>

type SuiteName = 'conformance' | 'parsing' | 'checking' | 'comprehension'

interface Exclusion {
  readonly reason: string
  readonly count: number
  readonly matches: (path: string, test: Case, suite: SuiteName) => boolean
}

const PROTOBUF =
  /TestAllTypes|TestRequired|google\.protobuf\.(?!Timestamp|Duration)|Value\{|Message|objectValue|enumValue|@type|proto[23]|GlobalEnum/

/** What does not apply to an environment without protobuf messages. The first that matches counts. */
const EXCLUDED: readonly Exclusion[] = [
  { reason: 'cel.block is a planner’s internal form', count: 37, matches: (path) => path.startsWith('block_ext/') },
  { reason: 'the math library is not among Kubernetes’', count: 199, matches: (path) => path.startsWith('math_ext/') },
  { reason: 'the encoders library is not among Kubernetes’', count: 4, matches: (path) => path.startsWith('encoders_ext/') },
  {
    reason: 'protobuf messages, enums and wrappers',
    count: 733,
    matches: (path, { original }) => /^proto[23]|^enums/.test(path) || PROTOBUF.test(JSON.stringify(original)),
  },
  {
    reason: 'cel-go lets the last of repeated keys win',
    count: 2,
    matches: (_path, { original }) => /\{true:1,false:2,true:3\}|\{0: 1, 0u: 2\}/.test(original.expr),
  },
  {
    reason: 'cel-go takes null for the type of a list that ends with it',
    count: 1,
    matches: (_path, { original }) => original.expr === '[optional.of(1), null][0]',
  },
  {
    reason: 'what has no parts has none of any name, as in cel-go unless it is told otherwise',
    count: 3,
    matches: (_path, { original }) => /\.\?null_key\.invalid|\[\?true\]\.absent\.hasValue/.test(original.expr),
  },
  {
    reason: 'the data does not carry the variables',
    count: 15,
    matches: (_path, { original }, suite) => suite === 'comprehension' && /^[mxy]\.|\by\[/.test(original.expr),
  },
]

const environment = new Environment({
  libraries: [
    optionalsLibrary,
    stringsLibrary(4),
    setsLibrary,
    twoVariableLibrary,
    extensionListsLibrary,
    { name: 'bindings', macros: [bindMacro, existsOneMacro], quotedFields: true },
  ],
})

/** cel-go recorded its trees with the standard library and optionals, the latter without their syntax. */
const plain = new Environment({ libraries: [{ ...optionalsLibrary, macros: [existsOneMacro], optionalSyntax: false }] })
const checkerNames = {
  variables: {
    is: { type: types.string },
    ii: { type: types.int },
    iu: { type: types.uint },
    iz: { type: types.bool },
    ib: { type: types.bytes },
    id: { type: types.double },
    ix: { type: types.nullType },
  },
  functions: [
    declare('fg_s', { functions: [['fg_s_0', [], types.string, (): never => fail('unbound')]] }),
    declare('fi_s_s', { members: [['fi_s_s_0', [types.string], types.string, (): never => fail('unbound')]] }),
  ],
}

for (const suite of Object.keys(SUITES) as SuiteName[]) {
  test(`the published ${suite} cases pass`, (context) => {
    const failures: string[] = []
    const excluded = new Map<string, number>()
    let passed = 0
    for (const { path, test: each } of casesOf(SUITES[suite]!)) {
      const exclusion = EXCLUDED.find(({ matches }) => matches(path, each, suite))
      if (exclusion !== undefined) {
        excluded.set(exclusion.reason, (excluded.get(exclusion.reason) ?? 0) + 1)
        continue
      }
      const problem = run(suite, each)
      if (problem === undefined) passed++
      else failures.push(`${path} ${each.original.name ?? ''} ${each.original.expr}: ${problem}`)
    }
    const left = [...excluded].map(([reason, count]) => `${count} ${reason}`).join(', ')
    context.diagnostic(`${suite}: ${passed} passed, ${failures.length} failed, excluded: ${left || 'none'}`)
    assert.deepEqual(failures, [])
  })
}

/** Refused expressions whose whole message is cel-go's, of 158; the others were refused with narrower bounds or with a macro that Kubernetes has not. It may only rise. */
const EXACT_MESSAGES = 154

test('refused expressions are refused in cel-go’s words', (context) => {
  const standard = new Environment({ recursionMax: 32 })
  const refused = [...casesOf(SUITES['parsing']!)].filter(({ test: { error } }) => error !== undefined)
  const exact = refused.filter(({ test: { original, error } }) => {
    try {
      standard.compile(original.expr)
      return false
    } catch (problem) {
      return problem instanceof CompileError && problem.message === error!.replaceAll('ERROR: :', 'ERROR: <input>:')
    }
  })
  context.diagnostic(`${exact.length} of ${refused.length} messages are the same`)
  assert.equal(exact.length, EXACT_MESSAGES)
})

test('the table of exclusions says exactly what is left out', () => {
  const counts = new Map(EXCLUDED.map(({ reason }) => [reason, 0]))
  for (const suite of Object.keys(SUITES) as SuiteName[]) {
    for (const { path, test: each } of casesOf(SUITES[suite]!)) {
      const found = EXCLUDED.find(({ matches }) => matches(path, each, suite))
      if (found !== undefined) counts.set(found.reason, counts.get(found.reason)! + 1)
    }
  }
  assert.deepEqual(Object.fromEntries(counts), Object.fromEntries(EXCLUDED.map(({ reason, count }) => [reason, count])))
})

function environmentOf(suite: SuiteName, { checkedAst = '' }: Case): Environment {
  if (suite === 'conformance' || suite === 'comprehension') return environment
  if (suite === 'parsing') return plain.extend({ recursionMax: 32 })
  const isMixed = checkedAst.includes('greater_int64_double')
  return plain.extend({ ...checkerNames, libraries: isMixed ? [crossTypeLibrary] : [] })
}

/** What is wrong, or undefined. */
function run(suite: SuiteName, test: Case): string | undefined {
  const { original } = test
  const { variables, functions } = declarationsOf(test)
  const extended = environmentOf(suite, test).extend({ variables, functions, container: original.container ?? '' })
  try {
    switch (suite) {
      case 'conformance':
        return evaluates(extended, test)
      case 'parsing':
        return parses(extended, test)
      case 'checking':
        return checks(extended, test)
      case 'comprehension':
        return holds(extended, test)
    }
  } catch (error) {
    return `threw ${error instanceof Error ? error.stack : error}`
  }
}

/** The tree equals cel-go's; what it refuses to parse is refused. */
function parses(environment: Environment, { original, ast }: Case): string | undefined {
  try {
    const got = parsedString(environment.parse(original.expr).root)
    return ast === undefined ? 'parsed' : difference(got, ast)
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    return ast === undefined ? undefined : error.message
  }
}

/** Types and overloads equal cel-go's; what it refuses is refused with the same words at the same place. */
function checks(environment: Environment, test: Case): string | undefined {
  try {
    const { checked } = environment.compile(test.original.expr)
    if (test.error !== undefined) return `no error, wanted ${test.error}`
    return test.checkedAst === undefined ? undefined : difference(checkedString(checked), test.checkedAst)
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    return test.error === undefined
      ? error.message
      : difference(error.message, test.error.replaceAll('ERROR: :', 'ERROR: <input>:'))
  }
}

function evaluates(environment: Environment, test: Case): string | undefined {
  const { original } = test
  const wantsError = original.evalError !== undefined
  try {
    const program = original.disableCheck ? environment.compileUnchecked(original.expr) : environment.compile(original.expr)
    const deduced = original.typedResult?.deducedType
    if (deduced !== undefined && types.formatType(program.type) !== types.formatType(typeOf(deduced))) {
      return `type ${types.formatType(program.type)}`
    }
    if (original.checkOnly) return undefined
    const bindings = Object.fromEntries(
      Object.entries(original.bindings ?? {}).map(([name, { value }]) => [name, valueFrom(value)]),
    )
    const { value } = program.evaluate(bindings)
    const wanted = original.value ?? original.typedResult?.result
    const got = JSON.stringify(strict(value))
    if (wantsError) return `got ${got}, wanted an error`
    return difference(got, JSON.stringify(strict(wanted === undefined ? true : valueFrom(wanted))))
  } catch (error) {
    if (!(error instanceof CompileError || error instanceof EvaluationError)) throw error
    return wantsError ? undefined : error.message
  }
}

/** Cases of cel-go that are refused, and why; every other one computes `true`. */
const REFUSED: readonly (readonly [expression: RegExp, message: RegExp])[] = [
  [/\((?:i, i|j, k, 'bad)/, /duplicate variable name|no matching overload/],
  [/__result__/, /iteration variable overwrites accumulator variable/],
  [/i\.[jk]/, /argument must be a simple name/],
  [/^(?:1|'')\./, /cannot be range of a comprehension/],
  [/\? \[v\] : v|v, \[\]\)/, /no matching overload/],
  [/i \/ 2\.0/, /no matching overload/],
  [/^\[(?:1, 1|0, 0u)\]\.transformMapEntry/, /insert failed: key [01] already exists/],
]

/** Cases that compute something else. */
const OTHERS: ReadonlyMap<string, string> = new Map([
  ["{'a': 'world', 'b': 'hello'}.transformMap(i, v, i == 'a' ? v.upperAscii() : v)", "{'a': 'WORLD', 'b': 'hello'}"],
])

function holds(environment: Environment, { original }: Case): string | undefined {
  const refused = REFUSED.find(([expression]) => expression.test(original.expr))
  try {
    const { value } = environment.compile(original.expr).evaluate()
    const other = OTHERS.get(original.expr)
    if (other !== undefined)
      return difference(JSON.stringify(strict(value)), JSON.stringify(strict(environment.compile(other).evaluate().value)))
    return refused === undefined && value === true ? undefined : `got ${JSON.stringify(strict(value))}`
  } catch (error) {
    if (!(error instanceof CompileError || error instanceof EvaluationError)) throw error
    return refused?.[1].test(error.message) ? undefined : error.message
  }
}

const difference = (got: string, wanted: string): string | undefined =>
  got === wanted ? undefined : `got ${got}, wanted ${wanted}`
