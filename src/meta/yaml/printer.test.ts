import assert from 'node:assert/strict'
import test from 'node:test'
import { parseYaml, printYaml } from './index.ts'

const LONG = 'lorem ipsum dolor sit amet '.repeat(4).trim()

/** What sigs.k8s.io/yaml of 1.36 writes for each. */
const WRITTEN: readonly (readonly [value: unknown, yaml: string])[] = [
  [null, 'null'],
  [[], '[]'],
  [{}, '{}'],
  [{ a: [], b: {}, c: null, d: true }, 'a: []\nb: {}\nc: null\nd: true'],
  [{ a: ['b', ['c', 'd'], { e: 1, f: [2] }] }, 'a:\n- b\n- - c\n  - d\n- e: 1\n  f:\n  - 2'],
  [{ a: { b: { c: 1 } } }, 'a:\n  b:\n    c: 1'],
  [9007199254740993n, '9007199254740993'],
  [1234567.5, '1.2345675e+06'],
  [1e20, '1e+20'],
  [2 ** 63, '9223372036854776000'],
  [1e-7, '1e-07'],
  ['', '""'],
  ['yes', '"yes"'],
  ['Y', '"Y"'],
  ['1', '"1"'],
  ['0o7', '"0o7"'],
  ['1_0', '"1_0"'],
  ['1:30', '"1:30"'],
  ['2026-01-01T00:00:00Z', '"2026-01-01T00:00:00Z"'],
  ['2026-13-01', '2026-13-01'],
  ['.', '.'],
  ['=', '='],
  ['<<', '<<'],
  ['-', "'-'"],
  ['-a', '-a'],
  ['---a', "'---a'"],
  ['?a', '?a'],
  ['a: b', "'a: b'"],
  ['a:b', 'a:b'],
  ['a:', "'a:'"],
  ['a #b', "'a #b'"],
  ["it's", "it's"],
  ["'a'", "'''a'''"],
  [' a', "' a'"],
  ['{{ x }}', "'{{ x }}'"],
  ['a\tb', '"a\\tb"'],
  ['é', 'é'],
  ['\u{1F600}', '"\\U0001F600"'],
  ['\ufeffa', '"\\uFEFF\\x61"'],
  ['a\u2028b', "'a\u2028  b'"],
  ['one\ntwo', '|-\n  one\n  two'],
  ['one\n', '|\n  one\n'],
  ['one\n\n', '|+\n  one\n\n'],
  ['\n', '|2+\n\n'],
  [' a\nb', '|2-\n   a\n  b'],
  ['a \nb', '"a \\nb"'],
  ['a\tb\n', '"a\\tb\\n"'],
  ['a\nb ', '"a\\nb "'],
  [{ a: 'b\n', c: ['d\ne\n', 'f'] }, 'a: |\n  b\nc:\n- |\n  d\n  e\n- f'],
  [{ a: LONG }, `a: ${LONG.slice(0, 80)}\n  ${LONG.slice(81)}`],
  [{ a: `${LONG}:` }, `a: '${LONG.slice(0, 80)}\n  ${LONG.slice(81)}:'`],
  [{ a: `${LONG.slice(0, 80)}  \t` }, `a: "${LONG.slice(0, 80)}\n  \\ \\t"`],
  [{ [LONG]: 1 }, `${LONG}: 1`],
  [{ ['k'.repeat(129)]: { a: 1 } }, `? ${'k'.repeat(129)}\n: a: 1`],
  [{ 'a\nb': ['c'] }, '? |-\n  a\n  b\n: - c'],
  [{ a10: 1, a9: 2, 'a-': 3, aa: 4, a1: 5, 1: 6, B: 7 }, '"1": 6\nB: 7\na-: 3\na1: 5\na9: 2\na10: 1\naa: 4'],
]

test('YAML is written as upstream writes it', () => {
  for (const [value, yaml] of WRITTEN) {
    const text = printYaml(value)
    assert.equal(text, yaml.endsWith('\n') ? yaml : `${yaml}\n`)
    assert.deepEqual(parseYaml(text), value)
  }
})

test('what upstream can not write is escaped, and what is undefined is left out', () => {
  assert.equal(printYaml({ a: '\u007f', b: '\u0085', c: undefined }), 'a: "\\x7F"\nb: "\\N"\n')
})
