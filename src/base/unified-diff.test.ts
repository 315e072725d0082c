import assert from 'node:assert/strict'
import test from 'node:test'
import { unifiedDiff } from './unified-diff.ts'

const lines = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, index) => `line ${from + index}`)

test('changes are told with three lines around them, together where these meet', () => {
  const from = lines(0, 30)
  const to = from.with(4, 'four').toSpliced(11, 1).toSpliced(26, 0, 'new')
  assert.equal(
    unifiedDiff(from.join('\n'), to.join('\n')),
    [
      ...['@@ -2,14 +2,13 @@', ...lines(1, 4).map((each) => ` ${each}`), '-line 4', '+four'],
      ...[...lines(5, 11).map((each) => ` ${each}`), '-line 11', ...lines(12, 15).map((each) => ` ${each}`)],
      ...[
        '@@ -25,6 +24,7 @@',
        ...lines(24, 27).map((each) => ` ${each}`),
        '+new',
        ...lines(27, 30).map((each) => ` ${each}`),
        '',
      ],
    ].join('\n'),
  )
})

test('texts that are the same, empty, or too long to compare', () => {
  assert.equal(unifiedDiff('a\nb', 'a\nb'), '')
  assert.equal(unifiedDiff('', 'a'), '@@ -1 +1 @@\n-\n+a\n')
  assert.equal(unifiedDiff('a\n'.repeat(6_000), 'b\n'.repeat(6_000)), '')
})

test('of a long text no match begins with lines that stand everywhere', () => {
  const from = Array.from({ length: 300 }, (_, index) => (index % 3 === 0 ? 'null' : `line ${index}`))
  const diff = unifiedDiff(from.join('\n'), ['null', ...from.with(100, 'other')].join('\n'))
  assert.deepEqual(
    diff.split('\n').filter((each) => /^[-+]/.test(each)),
    ['+null', '-line 100', '+other'],
  )
})
