import assert from 'node:assert/strict'
import test from 'node:test'
import { familyText, Histogram, histogramText, inOrder, LabelledNumbers, printFloat, stabilitiesOf } from './prometheus.ts'

test('numbers are printed as by Go', () => {
  // What strconv.FormatFloat(value, 'g', -1, 64) gives.
  const printed: readonly (readonly [number, string])[] = [
    [0, '0'],
    [1, '1'],
    [-3, '-3'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [0.00012345, '0.00012345'],
    [0.00001, '1e-05'],
    [0.000033333333, '3.3333333e-05'],
    [1e-7, '1e-07'],
    [53_248, '53248'],
    [999_999, '999999'],
    [123_456.5, '123456.5'],
    [1_000_000, '1e+06'],
    [1_234_567.5, '1.2345675e+06'],
    [2_294_721_057, '2.294721057e+09'],
    [1e22, '1e+22'],
    [Number.POSITIVE_INFINITY, '+Inf'],
    [Number.NaN, 'NaN'],
  ]
  for (const [value, text] of printed) assert.equal(printFloat(value), text)
})

test('a family says how stable it is, and labels come by their names, with only what must be escaped', () => {
  const text = familyText('a_total', 'counter', 'Counts.', [[{ verb: 'GET', code: 'a"b\\c\nd\te' }, 2_000_000]], 'STABLE')
  assert.equal(
    text,
    '# HELP a_total [STABLE] Counts.\n# TYPE a_total counter\na_total{code="a\\"b\\\\c\\nd\te",verb="GET"} 2e+06\n',
  )
})

test('buckets count up to their bounds, which are the last label', () => {
  const histogram = new Histogram([0.00001, 5, 1_000_000])
  for (const value of [3, 4, 7, 2_000_000]) histogram.observe(value)
  assert.equal(
    histogramText('h', 'Seconds.', [[{ z: 'x' }, histogram]]),
    [
      '# HELP h [ALPHA] Seconds.',
      '# TYPE h histogram',
      'h_bucket{z="x",le="1e-05"} 0',
      'h_bucket{z="x",le="5"} 2',
      'h_bucket{z="x",le="1e+06"} 3',
      'h_bucket{z="x",le="+Inf"} 4',
      'h_sum{z="x"} 2.000014e+06',
      'h_count{z="x"} 4',
      '',
    ].join('\n'),
  )
})

test('families are told by their names, and only those that counted something', () => {
  const [late, early, none] = ['z', 'b', 'c'].map((name) => new LabelledNumbers(name, 'gauge', 'Help.'))
  late!.set({}, 1)
  early!.set({}, 0)
  const other = '# HELP nodejs_x Help.\n# TYPE nodejs_x gauge\nnodejs_x 1\n\n'
  const text = inOrder(late!.text() + none!.text(), other, early!.text())
  assert.deepEqual(
    text.split('\n').filter((line) => !line.startsWith('#')),
    ['b 0', 'nodejs_x 1', 'z 1', ''],
  )
  assert.deepEqual([...stabilitiesOf(text)], [['ALPHA', 2]])
})
