import assert from 'node:assert/strict'
import test from 'node:test'
import { matchesFields, parseFieldSelector } from './field-selector.ts'
import { addQuantities, canonicalQuantity, compareQuantities, milliValue, quantityValue } from './quantity.ts'
import { parseSelector } from './selector-parser.ts'
import { matches, printSelector, selects } from './selectors.ts'

test('label selectors read every operator', () => {
  const labels = { app: 'web', tier: 'front', n: '5' }
  const cases: [string, boolean][] = [
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (web, db)', true],
    ['app notin (web)', false],
    ['missing notin (x)', true],
    ['app,!missing', true],
    ['n>4,n<6', true],
    ['app=', false],
    ['example.com/role=x', false],
  ]
  for (const [text, expected] of cases) assert.equal(matches(parseSelector(text), labels), expected, text)
})

test('a selector that makes no sense is refused with a sentence', () => {
  for (const text of ['app=web,', 'app in web', 'app in (web', '=x', 'a b', 'app=we b', 'x=!', '-a=b'])
    assert.throws(() => parseSelector(text), Error, text)
})

test('selectors print in the query syntax, sorted by key', () => {
  assert.equal(printSelector(parseSelector('z!=1,a in (y,x),!m,k')), 'a in (x,y),k,!m,z!=1')
})

test("a selector that is not understood is refused in upstream's words", () => {
  const key =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
  const value =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
  const long = 'x'.repeat(64)
  const cases: Record<string, string> = {
    'a b': "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
    'a=,,b': "found ',', expected: identifier after ','",
    'a in (b': "unable to parse requirement: found '', expected: ',' or ')'",
    'é\u00a0': `unable to parse requirement: <nil>: Invalid value: "é\\u00a0": ${key}`,
    'a>-1': `unable to parse requirement: values[0][a]: Invalid value: "-1": ${value}`,
    'a<-x': `unable to parse requirement: [values[0]: Invalid value: "-x": for 'Gt', 'Lt' operators, the value must be an integer, values[0][a]: Invalid value: "-x": ${value}]`,
    [`a=${long}`]: `unable to parse requirement: values[0][a]: Invalid value: "${long}": must be no more than 63 bytes`,
  }
  for (const [text, message] of Object.entries(cases)) assert.throws(() => parseSelector(text), { message })
})

test('what follows a zero byte is read only where it ends a word', () => {
  assert.equal(printSelector(parseSelector('a\0=b\0\0,c')), 'a=b')
})

test('two equals signs are printed as they were written', () => {
  assert.equal(printSelector(parseSelector('b==1,a=1')), 'a=1,b==1')
})

test('a label is compared as a number of 64 bits', () => {
  const selector = parseSelector('n>007')
  for (const [n, expected] of [
    ['8', true],
    ['0008', true],
    ['7', false],
    ['9223372036854775808', false],
    ['8.5', false],
  ] as const)
    assert.equal(matches(selector, { n }), expected, n)
})

test('no LabelSelector selects nothing, an empty one everything', () => {
  assert.equal(selects(undefined, {}), false)
  assert.equal(selects({}, { a: 'b' }), true)
  assert.equal(selects({ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }, { a: 'b' }), true)
  assert.equal(selects({ matchExpressions: [{ key: '__proto__', operator: 'Exists' }] }, { a: 'b' }), false)
})

test('field selectors read escapes and negation', () => {
  const selector = parseFieldSelector('a=x\\,y,b!=z')
  assert.equal(
    matchesFields(selector, (path) => ({ a: 'x,y' })[path]),
    true,
  )
  assert.equal(
    matchesFields(selector, () => 'z'),
    false,
  )
  const wrong: Record<string, string> = {
    nonsense: "invalid selector: 'nonsense'; can't understand 'nonsense'",
    'a=b=c': 'invalid field selector: unescaped character in value: 61',
    'a=\\\u{1F600}': 'invalid field selector: invalid escape sequence: \\\u{1F600}',
    'a=\\': 'invalid field selector: invalid escape sequence: \\',
  }
  for (const [text, message] of Object.entries(wrong)) assert.throws(() => parseFieldSelector(text), { message })
})

test('field selectors come in order, and one of no field and no value asks for nothing', () => {
  assert.deepEqual(parseFieldSelector('b=1,==,a!=2,=x'), [
    { path: '', negated: false, value: 'x' },
    { path: 'a', negated: true, value: '2' },
    { path: 'b', negated: false, value: '1' },
  ])
})

test('quantities have one canonical spelling', () => {
  const cases: Record<string, string> = {
    '0.5': '500m',
    '1000m': '1',
    '1024Ki': '1Mi',
    '1.5Gi': '1536Mi',
    '100k': '100k',
    '1e3': '1e3',
    '0': '0',
    '12e6': '12e6',
    '1Ki': '1Ki',
    '512': '512',
    '0.0001': '100u',
    '-2.5': '-2500m',
    '1E': '1E',
  }
  for (const [text, expected] of Object.entries(cases)) assert.equal(canonicalQuantity(text), expected, text)
  for (const text of ['', 'abc', '1.2.3', '1 Gi', '1KiB'])
    assert.throws(() => canonicalQuantity(text), /quantities must match/, text)
})

test('quantities add, compare and count upwards', () => {
  assert.equal(addQuantities('100m', '0.9'), '1')
  assert.equal(addQuantities('0', '1Gi'), '1Gi')
  assert.equal(compareQuantities('1Gi', '1G'), 1)
  assert.equal(milliValue('0.1234'), 124)
  assert.equal(quantityValue('1500m'), 2)
})
