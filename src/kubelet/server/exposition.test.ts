import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#base'
import { CpuRates } from './cpu-rates.ts'
import { printFamilies, type Sample } from './exposition.ts'

test('metrics are printed with their help, escaped labels and times; a family without samples is left out', () => {
  const samples: Sample[] = [
    { labels: { pod: 'a"b\\c\nd', empty: '' }, value: 1.5, atMs: 17 },
    { labels: {}, value: 0 },
  ]
  const families = [
    { name: 'x_total', help: 'Counts x.', type: 'counter' as const, samples },
    { name: 'nothing', help: 'Is left out.', type: 'gauge' as const, samples: [] },
  ]
  assert.equal(
    printFamilies(families),
    '# HELP x_total Counts x.\n# TYPE x_total counter\nx_total{pod="a\\"b\\\\c\\nd",empty=""} 1.5 17\nx_total 0\n',
  )
})

test('a rate is what a counter rose by since it was read before', async () => {
  const clock = new VirtualClock()
  const rates = new CpuRates(clock)
  assert.equal(rates.note('a', 1_000_000_000), undefined)
  await clock.advance(10_000)
  assert.equal(rates.note('a', 6_000_000_000), 500_000_000)
  await clock.advance(10)
  assert.equal(rates.note('a', 6_100_000_000), 500_000_000, 'too soon to say anything new')
  await clock.advance(10_000)
  assert.equal(rates.note('a', 5), undefined, 'a counter that fell is of something new')
})
