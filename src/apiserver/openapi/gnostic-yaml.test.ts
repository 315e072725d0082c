import assert from 'node:assert/strict'
import test from 'node:test'
import { gnosticYaml } from './gnostic-yaml.ts'

/** What gnostic-models of 1.36 writes for each, line by line. */
const WRITTEN: readonly (readonly [value: unknown, yaml: string])[] = [
  ['list', 'list'],
  ['', '""'],
  [true, 'true'],
  [9007199254740993n, '9007199254740993'],
  [[], '[]'],
  [{}, '{}'],
  ['True', '"True"'],
  ['1_000', '"1_000"'],
  ['0x1F', '"0x1F"'],
  ['2020-01-01', '"2020-01-01"'],
  ['<<', '<<'],
  ['Yes', 'Yes'],
  ['!has(self.x)', "'!has(self.x)'"],
  ["it's: 'so'", "'it''s: ''so'''"],
  ['a: b', "'a: b'"],
  ['a #b', "'a #b'"],
  ['a:b#c', 'a:b#c'],
  [' lead', "' lead'"],
  ['a\tb', '"a\\tb"'],
  ['é', 'é'],
  ['😀', '"\\U0001F600"'],
  ['one\ntwo', '|-\n    one\n    two'],
  ['one\n', '|\n    one\n'],
  ['\na', '|4-\n\n    a'],
  ['a \nb', '"a \\nb"'],
  [['uid', 'a: b'], "- uid\n- 'a: b'"],
  [[{ group: '', version: 'v1' }], '- group: ""\n  version: v1'],
  [{ a: { b: ['c'] }, d: [] }, 'a:\n    b:\n        - c\nd: []'],
  [[{ rule: 'a\nb', c: { d: 1 } }], '- rule: |-\n    a\n    b\n  c:\n    d: 1'],
]

test('the YAML in the protobuf form of OpenAPI is the one that upstream writes', () => {
  for (const [value, yaml] of WRITTEN) {
    const text = gnosticYaml(value)
    assert.equal(text, yaml.endsWith('\n') ? yaml : `${yaml}\n`)
  }
})
