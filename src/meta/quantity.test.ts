import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  milliValue,
  parseQuantity,
  quantityValue,
  subtractQuantities,
} from './quantity.ts'

test('a quantity has one spelling', () => {
  const cases: readonly (readonly [text: string, canonical: string])[] = [
    ['0', '0'],
    ['0Ki', '0'],
    ['0e3', '0'],
    ['1.5', '1500m'],
    ['1500m', '1500m'],
    ['1000m', '1'],
    ['0.5Gi', '512Mi'],
    ['1024', '1024'],
    ['1024Ki', '1Mi'],
    ['1000Ki', '1000Ki'],
    ['0.5Ki', '512'],
    ['0.0001Ki', '102400u'],
    ['1000k', '1M'],
    ['1E', '1E'],
    ['1Ei', '1Ei'],
    ['1E3', '1E3'],
    ['12e1', '120'],
    ['1e-3', '1e-3'],
    ['.5', '500m'],
    ['5.', '5.'],
    ['+1', '+1'],
    // What needs no zeros taken from it for a suffix stays as it was written, and no digits are zero.
    ['5.999', '5.999'],
    ['007', '007'],
    ['001Ki', '001Ki'],
    ['008Ki', '8Ki'],
    ['0.5', '500m'],
    ['1.500', '1.500'],
    ['1.5000', '1500m'],
    ['.', '0'],
    ['-', '0'],
    ['Ki', '0'],
    ['1e400', '10e399'],
    ['-1.5Gi', '-1536Mi'],
    // Finer than a nano rounds up, away from zero.
    ['0.1n', '1n'],
    ['-0.1n', '-1n'],
    // What bytes can't count is the most that they can.
    ['8Ei', '9223372036854775807'],
    ['100Ei', '9223372036854775807'],
    ['-8Ei', '-9223372036854775807'],
    ['100E', '100E'],
  ]
  for (const [text, canonical] of cases) assert.equal(canonicalQuantity(text), canonical, text)
})

test('what is no quantity is refused in the words of its fault', () => {
  const shape = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
  const suffix = "unable to parse quantity's suffix"
  for (const text of ['', ' ', 'x', '1x', '1 Gi', '1Gi ', '1.2.3', '1e9999']) {
    assert.throws(() => canonicalQuantity(text), { message: shape }, text)
  }
  for (const text of ['1kk', '1ki', '1e', '1KiK', '1e+', '1mi', '1Mi3', '1-5', '--1', 'e']) {
    assert.throws(() => canonicalQuantity(text), { message: suffix }, text)
  }
  for (const text of ['e-12', 'Pi', '-.Ei'])
    assert.throws(() => canonicalQuantity(text), { message: 'unable to parse numeric part of quantity' }, text)
})

test('sums and differences keep the format of the first and lose nothing', () => {
  assert.equal(addQuantities('1Gi', '512Mi'), '1536Mi')
  assert.equal(addQuantities('0', '1Gi'), '1Gi')
  assert.equal(subtractQuantities('1', '100m'), '900m')
  assert.deepEqual([milliValue('0.0001'), quantityValue('1.2'), quantityValue('-1.2')], [1, 2, -2])
  const quantity = fc
    .tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.constantFrom('', 'm', 'k', 'Ki', 'Gi', 'e3'))
    .map(([value, unit]) => `${value}${unit}`)
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      assert.equal(canonicalQuantity(canonicalQuantity(a)), canonicalQuantity(a))
      assert.equal(compareQuantities(canonicalQuantity(a), a), 0)
      assert.equal(compareQuantities(subtractQuantities(addQuantities(a, b), b), a), 0)
      assert.equal(Math.sign(compareQuantities(a, b)), -Math.sign(compareQuantities(b, a)) || 0)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('a quantity is read once: what is remembered can not be changed, and what is wrong is wrong every time', () => {
  const once = parseQuantity('250m')
  assert.equal(parseQuantity('250m'), once)
  assert.ok(Object.isFrozen(once))
  for (let time = 0; time < 2; time++) assert.throws(() => parseQuantity('250q'), /suffix|regular expression/)
  for (let at = 0; at < 3_000; at++) assert.equal(parseQuantity(`${at}Ki`).nanos, BigInt(at) * 1024n * 1_000_000_000n)
})
