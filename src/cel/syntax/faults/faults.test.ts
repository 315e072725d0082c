import assert from 'node:assert/strict'
import test from 'node:test'
import { kubernetesEnvironment } from '../../kubernetes/environment.ts'
import { CompileError } from '../source.ts'

const environment = kubernetesEnvironment()
const OPERAND = "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"

/** What upstream says of each text: line, column and words. `OPERAND` stands for all that an operand may begin with. */
const SAID: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  'one token too many is stepped over': {
    '1 + in 2': ["1:5: Syntax error: extraneous input 'in' expecting OPERAND"],
    'f(1 2)': ["1:5: Syntax error: extraneous input '2' expecting ')'"],
    '[1, 2 3]': ["1:7: Syntax error: extraneous input '3' expecting {']', ','}"],
    '1 2': ["1:3: Syntax error: extraneous input '2' expecting <EOF>"],
    'a.in b': ["1:3: Syntax error: no viable alternative at input '.in'"],
  },
  'one token that is missing is made up': {
    'f(1': ["1:4: Syntax error: missing ')' at '<EOF>'"],
    '(a': ["1:3: Syntax error: missing ')' at '<EOF>'"],
    "{'a': 1": ["1:8: Syntax error: mismatched input '<EOF>' expecting {'}', ','}"],
    'a[1': ["1:4: Syntax error: missing ']' at '<EOF>'"],
    "{'a' 'b': 1}": ["1:6: Syntax error: extraneous input ''b'' expecting ':'"],
  },
  'what may stand there is told by the whole way to it': {
    '': ["1:0: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    ' ': ["1:2: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    'a ? b': ["1:6: Syntax error: mismatched input '<EOF>' expecting ':'"],
    'f(a,': ["1:5: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    '[?': ["1:3: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    '{1': ["1:3: Syntax error: mismatched input '<EOF>' expecting ':'"],
    '{1:': ["1:4: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    'x{': ["1:3: Syntax error: mismatched input '<EOF>' expecting {'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}"],
    'x{a': ["1:4: Syntax error: mismatched input '<EOF>' expecting ':'"],
    'x{?.': ['1:3: unsupported ident kind', "1:4: Syntax error: mismatched input '.' expecting {IDENTIFIER, ESC_IDENTIFIER}"],
    '-': [
      "1:2: Syntax error: no viable alternative at input '-'",
      "1:2: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
  },
  'alternatives that need more than one token are told from where they began': {
    '.': ["1:2: Syntax error: no viable alternative at input '.'"],
    'a.': ["1:3: Syntax error: no viable alternative at input '.'"],
    'a..b': ["1:3: Syntax error: no viable alternative at input '..'"],
    '- >': [
      "1:3: Syntax error: no viable alternative at input '- >'",
      "1:3: Syntax error: mismatched input '>' expecting OPERAND",
      "1:4: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    '.true': ["1:2: Syntax error: mismatched input 'true' expecting IDENTIFIER"],
    'a.\n\tnull': ["2:2: Syntax error: no viable alternative at input '.\\n\\tnull'"],
    '-1 .': ["1:5: Syntax error: no viable alternative at input '.'"],
    'a.?(': ["1:4: Syntax error: mismatched input '(' expecting {IDENTIFIER, ESC_IDENTIFIER}", '1:4: unsupported ident kind'],
  },
  'the rest is looked at as well': {
    ') + (': [
      "1:1: Syntax error: mismatched input ')' expecting OPERAND",
      "1:6: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    'a + * b + / c': [
      "1:5: Syntax error: extraneous input '*' expecting OPERAND",
      "1:11: Syntax error: extraneous input '/' expecting OPERAND",
    ],
    '(1 +) * [2 -]': [
      "1:5: Syntax error: mismatched input ')' expecting OPERAND",
      "1:13: Syntax error: mismatched input ']' expecting OPERAND",
    ],
    '1 == == 2 && !': [
      "1:6: Syntax error: extraneous input '==' expecting OPERAND",
      "1:15: Syntax error: extraneous input '<EOF>' expecting OPERAND",
    ],
    'a ? b ((?))': [
      "1:9: Syntax error: mismatched input '?' expecting OPERAND",
      "1:10: Syntax error: mismatched input ')' expecting OPERAND",
      "1:12: Syntax error: mismatched input '<EOF>' expecting ':'",
    ],
    'f(1,,2) + g(': [
      "1:5: Syntax error: extraneous input ',' expecting OPERAND",
      "1:13: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', ')', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
    ],
  },
  'what is no token is told beside': {
    '1 @ # 2': [
      "1:3: Syntax error: token recognition error at: '@'",
      "1:5: Syntax error: token recognition error at: '#'",
      "1:7: Syntax error: extraneous input '2' expecting <EOF>",
    ],
    "'a": [
      "1:1: Syntax error: token recognition error at: ''a'",
      "1:3: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    'a = b': ["1:3: Syntax error: token recognition error at: '= '", "1:5: Syntax error: extraneous input 'b' expecting <EOF>"],
    'a & b': ["1:3: Syntax error: token recognition error at: '& '", "1:5: Syntax error: extraneous input 'b' expecting <EOF>"],
    '"\\q" + ': [
      "1:1: Syntax error: token recognition error at: '\"\\q'",
      "1:4: Syntax error: token recognition error at: '\" + '",
      "1:8: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    "'''a": ["1:3: Syntax error: token recognition error at: ''a'"],
    '`a': [
      "1:1: Syntax error: token recognition error at: '`a'",
      "1:3: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    'a😀 +': [
      "1:2: Syntax error: token recognition error at: '😀'",
      "1:5: Syntax error: mismatched input '<EOF>' expecting OPERAND",
    ],
    'b"\\u00" 1': [
      '1:2: Syntax error: token recognition error at: \'"\\u00"\'',
      "1:9: Syntax error: extraneous input '1' expecting <EOF>",
    ],
  },
  'what else is wrong is told beside': {
    'if + ': ['1:1: reserved identifier: if', "1:6: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    'has(a +)': ['1:7: invalid argument to has() macro', "1:8: Syntax error: mismatched input ')' expecting OPERAND"],
    '[1].all(1, x) )': ['1:9: argument must be a simple name', "1:15: Syntax error: extraneous input ')' expecting <EOF>"],
    '9223372036854775808 +': ['1:1: invalid int literal', "1:22: Syntax error: mismatched input '<EOF>' expecting OPERAND"],
    '"\\ud800" 1': ['1:1: invalid unicode code point', "1:10: Syntax error: extraneous input '1' expecting <EOF>"],
    '. for )': ['1:1: reserved identifier: for', "1:7: Syntax error: extraneous input ')' expecting <EOF>"],
    'has(has(a.b)) 1': ["1:15: Syntax error: extraneous input '1' expecting <EOF>"],
    '1.sortBy(x, x) 2': [
      '1:1: sortBy can only be applied to a list, identifier, comprehension, call or select expression',
      "1:16: Syntax error: extraneous input '2' expecting <EOF>",
    ],
    'f(.!)': ["1:4: Syntax error: no viable alternative at input '.!'"],
    '. for': ['1:1: reserved identifier: for'],
  },
}

function said(text: string): string[] {
  try {
    environment.compile(text)
    return []
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    const issues = error.issues.toSorted((a, b) => a.line - b.line || a.column - b.column)
    return issues.map(({ line, column, message }) => `${line}:${column + 1}: ${message.replaceAll(OPERAND, 'OPERAND')}`)
  }
}

for (const [name, texts] of Object.entries(SAID)) {
  test(name, () => {
    for (const [text, issues] of Object.entries(texts)) assert.deepEqual(said(text), issues, JSON.stringify(text))
  })
}

test('a text that is nested too deep, or wrong too often, is read no further', () => {
  const nested = '-1:0: expression recursion limit exceeded: 250'
  assert.deepEqual(said('('.repeat(251)), [nested])
  assert.deepEqual(said(`${'1+2*('.repeat(84)}1${')'.repeat(84)}`), [nested], 'a sum, a term and a factor are open in each')
  assert.deepEqual(said(`${'1+2*('.repeat(83)}1${')'.repeat(83)}`), [])
  assert.deepEqual(said(`${'['.repeat(250)}1`).slice(0, 1), [nested])
  const chain = '-1:0: max recursion depth exceeded'
  for (const text of [`${'1+'.repeat(251)}1`, `'a'${'.a'.repeat(251)}`, `[]${'[0]'.repeat(251)}`])
    assert.deepEqual(said(text), [chain])
  assert.deepEqual(said(`${'1+'.repeat(249)}1`), [])
  const lost = '-1:0: error recovery token lookahead limit exceeded: 256'
  assert.deepEqual(said('a?'.repeat(140)), [lost, "1:4: Syntax error: mismatched input '?' expecting ':'"])
  const tired = 'Syntax error: error recovery attempt limit exceeded: 30'
  assert.equal(said('(*'.repeat(40)).at(-1), `1:81: ${tired}`)
})

test('what may be written in two ways is read as upstream reads it', () => {
  const value = (text: string): unknown => environment.compile(text).evaluate({}).value
  assert.equal(value('size([,]) + size({,})'), 0)
  assert.equal(value('--1 == 1 && - -1 == 1'), true)
  assert.deepEqual(said('!-1'), ["1:1: found no matching overload for '!_' applied to '(int)'"])
})

test('of many issues the first that were found are shown, in order of their places', () => {
  const { message } = assertRefused(`[${'a,'.repeat(101)}]`)
  assert.match(message, /^ERROR: <input>:1:2: undeclared/)
  assert.match(message, /\n1 more errors were truncated$/)
})

function assertRefused(text: string): CompileError {
  try {
    environment.compile(text)
  } catch (error) {
    if (error instanceof CompileError) return error
    throw error
  }
  throw new Error(`${text} was compiled`)
}
