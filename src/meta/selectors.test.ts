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
  assert.throws(() => parseFieldSelector('nonsense'), /invalid selector: 'nonsense'; can't understand 'nonsense'/)
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
  for (const text of ['', 'abc', '1.2.3', '1 Gi', '1KiB', '--1', '1e999'])
    assert.throws(() => canonicalQuantity(text), /quantities must match/, text)
})

test('quantities add, compare and count upwards', () => {
  assert.equal(addQuantities('100m', '0.9'), '1')
  assert.equal(addQuantities('0', '1Gi'), '1Gi')
  assert.equal(compareQuantities('1Gi', '1G'), 1)
  assert.equal(milliValue('0.1234'), 124)
  assert.equal(quantityValue('1500m'), 2)
})
