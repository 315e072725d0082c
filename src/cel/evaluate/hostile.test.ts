import assert from 'node:assert/strict'
import test from 'node:test'
import { kubernetesEnvironment } from '../kubernetes/environment.ts'
import { CompileError } from '../syntax/source.ts'
import { dyn } from '../types/type.ts'
import { EvaluationError } from './program.ts'

const environment = kubernetesEnvironment().extend({ variables: { data: { type: dyn } } })
/** Generous for a loaded machine; each of these took far less, and without its bound would take minutes or all memory. */
const TIME_MAX_MS = 5_000

const nested = (open: string, close: string, depth: number, inner = '1'): string =>
  open.repeat(depth) + inner + close.repeat(depth)
const doubled = (times: number, inner: string): string => `[${inner}]${'.map(x, [x, x])'.repeat(times)}`

/** Expressions made to cost time or memory. Each ends in an error. */
const HOSTILE: Readonly<Record<string, string>> = {
  'deep parentheses': nested('(', ')', 20_000),
  'deep lists': nested('[', ']', 5_000),
  'deep negation of parentheses': nested('-(', ')', 5_000),
  'deep conditionals': `${'true ? 1 : '.repeat(5_000)}1`,
  'a long sum': Array(5_000).fill('1').join(' + '),
  'a long path': `data${'.a'.repeat(5_000)}`,
  'a long index': `data${'[0]'.repeat(5_000)}`,
  'a long text': `'${'a'.repeat(100_001)}' == ''`,
  'an open string': `'${'a'.repeat(50_000)}`,
  'many unknown characters': '$'.repeat(5_000),
  'nested loops': `${'data.all(x, '.repeat(6)}true${')'.repeat(6)}`,
  'a loop of failures': 'lists.range(100000).all(x, data.missing == x || true) && lists.range(1000000).all(x, true)',
  'a large range': 'lists.range(10000000).size() > 0',
  'lists of themselves, compared': `${doubled(40, '1')} == ${doubled(40, '1')}`,
  'lists of themselves, flattened': `${doubled(30, '1')}.flatten(100).size() > 0`,
  'lists of themselves, printed': `'%s'.format([${doubled(40, '1')}]) == ''`,
  'a list added to itself': `${Array(30)
    .fill('')
    .reduce((list: string) => `${list}.map(x, x + x)`, '[[1, 2, 3, 4]]')}.all(x, x[0] == 2)`,
  'a text added to itself': `${Array(40)
    .fill('')
    .reduce((list: string) => `${list}.map(x, x + x)`, "['aaaaaaaaaa']")}[0] == ''`,
  'a text replaced by itself': "data.text.replace('', data.text).replace('', data.text).size() > 0",
  'optionals within optionals': `optional.of(1)${'.optMap(x, x + 1)'.repeat(40)}.value() > 0`,
  'a large pattern': `'a'.matches('(((a{1,1000}){1,1000}){1,1000})')`,
}

test('hostile expressions end in an error in bounded time', () => {
  const data = { text: 'a'.repeat(100_000), ...Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, at])) }
  for (const [name, expression] of Object.entries(HOSTILE)) {
    const started = performance.now()
    assert.throws(
      () => environment.compile(expression).evaluate({ data }),
      (error) => error instanceof CompileError || error instanceof EvaluationError,
      name,
    )
    const took = performance.now() - started
    assert.ok(took < TIME_MAX_MS, `${name} took ${took} ms`)
  }
})

test('data nested deeper than any stack is an error too', () => {
  let deep: unknown = 1
  for (let depth = 0; depth < 200_000; depth++) deep = [deep]
  let other: unknown = 1
  for (let depth = 0; depth < 200_000; depth++) other = [other]
  const program = environment.compile('data.a == data.b')
  assert.throws(() => program.evaluate({ data: { a: deep, b: other } }), { name: 'EvaluationCancelled' })
})

test('names of JavaScript are names like any other', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    assert.throws(() => environment.compile(`${name}(1, 2)`), CompileError)
    assert.throws(() => environment.compileUnchecked(`${name}(1, 2)`).evaluate(), EvaluationError)
    assert.throws(() => environment.compile(`data.${name}`).evaluate({ data: {} }), { message: `no such key: ${name}` })
    assert.equal(environment.compile(`has(data.${name}) || '${name}' in data`).evaluate({ data: {} }).value, false)
  }
})

test('a hostile pattern matches in linear time', () => {
  const program = environment.compile("data.matches('^(a+)+$')")
  const started = performance.now()
  assert.equal(program.evaluate({ data: `${'a'.repeat(2_000)}!` }).value, false)
  assert.ok(performance.now() - started < TIME_MAX_MS)
})

test('what is large but honest still runs', () => {
  const program = environment.compile(`${Array(200).fill('data.size() > 0').join(' && ')} && data.all(k, data.exists(l, l == k))`)
  assert.equal(program.evaluate({ data: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`k${at}`, at])) }).value, true)
  assert.equal(environment.compile(`${nested('(', ')', 200)} == 1`).evaluate().value, true)
})

test('the caller can give up', () => {
  const program = environment.compile('lists.range(100000).all(x, x >= 0)')
  let asked = 0
  assert.throws(() => program.evaluate({}, { isCancelled: () => ++asked === 3 }), {
    name: 'EvaluationCancelled',
    message: 'operation interrupted',
  })
  assert.equal(asked, 3)
})

test('an evaluation says what it cost, also when it fails', () => {
  const program = environment.compile('[1, 2, 3].all(x, x / data > 0)')
  assert.equal(program.evaluate({ data: 1 }).cost, 22)
  assert.throws(() => program.evaluate({ data: 0 }), { message: 'division by zero', cost: 22 })
  assert.throws(() => program.evaluate({ data: 1 }, { costLimit: 20 }), { name: 'EvaluationCancelled' })
})
