import assert from 'node:assert/strict'
import test from 'node:test'
import { parseYaml, parseYamlWithDuplicates } from './index.ts'

/** What sigs.k8s.io/yaml of 1.36 makes of each. */
const SCALARS: readonly (readonly [text: string, value: unknown])[] = [
  ['010', 8],
  ['08', 8],
  ['0o14', 12],
  ['0O17', 15],
  ['0x1F', 31],
  ['0X_1f', 31],
  ['-0x10', -16],
  ['0b101', 5],
  ['0b-1', -1],
  ['+3', 3],
  ['1_000', 1000],
  ['_1', '_1'],
  ['9007199254740993', 9007199254740993n],
  ['-9223372036854775808', -9223372036854775808n],
  ['18446744073709551615', 18446744073709552000],
  ['0xffffffffffffffff', 18446744073709552000],
  ['9007199254740993.0', 9007199254740992n],
  ['1.', 1],
  ['.5_0', 0.5],
  ['._5', '._5'],
  ['.5__0', '.5__0'],
  ['1e3', 1000],
  ['1e400', '1e400'],
  ['1:30', '1:30'],
  ['y', true],
  ['Off', false],
  ['oN', 'oN'],
  ['~', null],
  ['', null],
  ['nULL', 'nULL'],
  ['2001-01-01', '2001-01-01'],
  ['!!str 1', '1'],
  ['! 1', '1'],
  ['!!int "0x10"', 16],
  ['!!float 1', 1],
  ['!!bool "no"', false],
  ['!!timestamp 2001-01-01', '2001-01-01'],
  ['!!binary aGk=', 'hi'],
  ['!!binary "/w=="', '\ufffd'],
  ['!x 1', '1'],
  ['!!set {a, b}', { a: null, b: null }],
  ['"\\x41\\u00e9\\U0001F600\\N"', 'Aé\u{1F600}\u0085'],
  ["'it''s'", "it's"],
  ['"a \\\n  b\n\n  c"', 'a b\nc'],
  ['|+1\n a\n\n', 'a\n\n'],
  ['>-\n  a\n  b\n\n   c\n  d\n', 'a b\n\n c\nd'],
  ['[a: b, "c":d, ? e, f,]', [{ a: 'b' }, { c: 'd' }, { e: null }, 'f']],
  ['{a, b: , "c":1}', { a: null, b: null, c: 1 }],
]

test('a scalar is what upstream takes it for', () => {
  for (const [text, value] of SCALARS) assert.deepEqual(parseYaml(`a: ${text}`), { a: value }, text)
})

test('keys that are no texts become texts', () => {
  const text =
    '1: a\n0x10: b\nyes: c\n1.50: d\n1e10: e\n0.1234567891: f\n.inf: g\n.nan: h\n-0.0: i\n__proto__: j\n2001-01-01: k\n'
  const keys = ['1', '16', 'true', '1.5', '1e+10', '0.12345679', '.inf', '.nan', '-0', '__proto__', '2001-01-01']
  assert.deepEqual(Object.keys(parseYaml(text) as object), keys)
})

test('of merged maps and keys that stand twice the last one counts, and of a list of maps the first', () => {
  assert.deepEqual(parseYaml('a: 1\na: 2'), { a: 2 })
  assert.deepEqual(parseYaml('<<: {a: 1}\na: 2'), { a: 2 })
  assert.deepEqual(parseYaml('a: 2\n<<: {a: 1}'), { a: 1 })
  assert.deepEqual(parseYaml('x: &x {a: 1}\nz: {<<: [*x, {a: 2, b: 3}]}'), { x: { a: 1 }, z: { a: 1, b: 3 } })
  assert.deepEqual(parseYaml('"<<": {a: 1}'), { '<<': { a: 1 } })
})

test('the first document is read, whatever stands behind it', () => {
  const documents: readonly (readonly [text: string, value: unknown])[] = [
    ['', null],
    ['# nothing\n', null],
    ['---\n---\na: 1', null],
    ['%YAML 1.1\n%TAG !e! tag:yaml.org,2002:\n--- !e!int "1"\n', 1],
    ['\ufeffa: 1\r\nb: 2\rc: 3\u0085d: 4', { a: 1, b: 2, c: 3, d: 4 }],
    ['a: 1\n...\nb: [', { a: 1 }],
    ['[1] x', [1]],
    ['[]: a', []],
    ['a: \t1\nb:\n- c\n', { a: 1, b: ['c'] }],
  ]
  for (const [text, value] of documents) assert.deepEqual(parseYaml(text), value, JSON.stringify(text))
  assert.deepEqual(parseYaml(Buffer.from('\ufeffa: é', 'utf16le')), { a: 'é' })
})

test('what stands twice is told where its value stands', () => {
  const { duplicates } = parseYamlWithDuplicates(
    'a: 1\na:\n  b: 2\n1: c\n1: d\n1.0: e\n"1": f\nx: &x {b: 1}\nz: {<<: *x, b: 2, "b\\n": 3, "b\\n": 4}\n',
  )
  assert.deepEqual(duplicates(), [
    'line 3: key "a" already set in map',
    'line 5: key 1 already set in map',
    'line 9: key "b" already set in map',
    'line 9: key "b\\n" already set in map',
  ])
})

const bomb = [
  'a: &a [x,x,x,x,x,x,x,x,x,x]',
  ...'bcdef'.split('').map((name, at) => `${name}: &${name} [${`*${'abcdef'[at]},`.repeat(10)}]`),
]

const REFUSED: readonly (readonly [text: string | Uint8Array, message: string])[] = [
  ['a:\n\tb: 1', 'yaml: line 2: found character that cannot start any token'],
  ['a: 1\n\tb: 2', 'yaml: line 2: found a tab character that violates indentation'],
  ['a: 1\nb: |\n\tc', 'yaml: line 3: found a tab character where an indentation space is expected'],
  ['a:\n  b: 1\n c: 2', 'yaml: line 2: did not find expected key'],
  ['a: 1\n b: 2', 'yaml: line 2: mapping values are not allowed in this context'],
  ['a: b: c', 'yaml: mapping values are not allowed in this context'],
  ['a: - b', 'yaml: block sequence entries are not allowed in this context'],
  ['a\nb: 1', 'yaml: line 2: mapping values are not allowed in this context'],
  ['b: 1\na\n', "yaml: line 3: could not find expected ':'"],
  ['- a\nb: 1', "yaml: line 1: did not find expected '-' indicator"],
  ['a: "b\nc', 'yaml: line 2: found unexpected end of stream'],
  ['a: "\n---\n"', 'yaml: line 2: found unexpected document indicator'],
  ['a: "\\q"', 'yaml: found unknown escape character'],
  ['a: "\\ud800"', 'yaml: found invalid Unicode character escape code'],
  ['a: [b', "yaml: line 1: did not find expected ',' or ']'"],
  ['a: {b\n', "yaml: line 1: did not find expected ',' or '}'"],
  ['a: ]', 'yaml: did not find expected node content'],
  ['a: @b', 'yaml: found character that cannot start any token'],
  ['a: |0\n', 'yaml: found an indentation indicator equal to 0'],
  ['a: |x\n', 'yaml: did not find expected comment or line break'],
  ['a: &\n', 'yaml: did not find expected alphabetic or numeric character'],
  ['a: !e!x 1', 'yaml: found undefined tag handle'],
  ['%YAML 1.2\n---\n', 'yaml: found incompatible YAML document'],
  ['%FOO\n', 'yaml: found unknown directive name'],
  ['%YAML 1.1\na: 1', 'yaml: line 1: did not find expected <document start>'],
  ['a: *b', "yaml: unknown anchor 'b' referenced"],
  ['a: &a [*a]', "yaml: anchor 'a' value contains itself"],
  [bomb.join('\n'), 'yaml: document contains excessive aliasing'],
  ['<<: 1', 'yaml: map merge requires map or sequence of maps as the value'],
  ['a: !!int x', 'yaml: cannot decode !!str `x` as a !!int'],
  ['a: !!float 2001-01-01', 'yaml: cannot decode !!str `2001-01-01` as a !!float'],
  ['a: !!binary x', 'yaml: !!binary value contains invalid base64 data'],
  ['? [a, ~]\n: 1', 'yaml: invalid map key: []interface {}{"a", interface {}(nil)}'],
  ['? {b: 1, a: x}\n: 1', 'yaml: invalid map key: map[interface {}]interface {}{"a":"x", "b":1}'],
  ['~: 1', 'unsupported map key of type: %!s(<nil>), key: <nil>, value: 1'],
  ['18446744073709551615: a', 'unsupported map key of type: uint64, key: 0xffffffffffffffff, value: "a"'],
  ['a: [.inf]', 'json: unsupported value: +Inf'],
  ['b: -.inf\na: .nan', 'json: unsupported value: NaN'],
  ['a: \u0001', 'yaml: control characters are not allowed'],
  [Buffer.from('613a20ff', 'hex'), 'yaml: invalid leading UTF-8 octet'],
  [Buffer.from('613a20c328', 'hex'), 'yaml: invalid trailing UTF-8 octet'],
  [Buffer.from('613a20c3', 'hex'), 'yaml: incomplete UTF-8 octet sequence'],
  [Buffer.from('613a20c0af', 'hex'), 'yaml: invalid length of a UTF-8 sequence'],
  [Buffer.from('613a20eda080', 'hex'), 'yaml: invalid Unicode character'],
  [`${'k'.repeat(1025)}: 1`, 'yaml: mapping values are not allowed in this context'],
]

test('what is no YAML is refused in the words of upstream, with its line', () => {
  for (const [text, message] of REFUSED) assert.throws(() => parseYaml(text), { message }, String(text))
})

test('JSON is read as YAML is, where that differs too', () => {
  const objects: readonly (readonly [text: string, value: unknown])[] = [
    [
      '{"a":{"b":[1,-1.5,1e+21,"yes",null,true]},"c":"\\u001f\\"\\\\é#: - "}\n',
      { a: { b: [1, -1.5, 1e21, 'yes', null, true] }, c: '\u001f"\\é#: - ' },
    ],
    ['{"a":9007199254740993}', { a: 9007199254740993n }],
    ['{"__proto__":1}', JSON.parse('{"__proto__":1}')],
    ['{"a":1,"a":2}', { a: 2 }],
    ['{"a":"b\u0085 c"}', { a: 'b c' }],
    ['{"a":1E3,"b":1e400}', { a: 1000, b: '1e400' }],
  ]
  for (const [text, value] of objects) assert.deepEqual(parseYaml(text), value, text)
  const refused: readonly (readonly [text: string, message: string])[] = [
    ['{"a":"\\/"}', 'yaml: found unknown escape character'],
    ['{"a":"\\ud83d\\ude00"}', 'yaml: found invalid Unicode character escape code'],
    ['{"a":"\u007f"}', 'yaml: control characters are not allowed'],
    [`{"${'k'.repeat(1025)}":1}`, "yaml: did not find expected ',' or '}'"],
  ]
  for (const [text, message] of refused) assert.throws(() => parseYaml(text), { message }, text)
})

test('what is nested past all use is refused before the stack is used up', () => {
  for (const text of ['['.repeat(20_000), '- '.repeat(5000), `${'{a: '.repeat(3000)}1`])
    assert.throws(() => parseYaml(text), { message: /^yaml: (line \d+: )?exceeded max depth/ })
  const nested = Array.from(
    { length: 30 },
    (_, at) => `a${at}: &a${at} ${'['.repeat(90)}${at === 0 ? '' : `*a${at - 1}`}${']'.repeat(90)}`,
  )
  assert.throws(() => parseYaml(nested.join('\n')), { message: 'yaml: exceeded max depth' })
})
