import assert from 'node:assert/strict'
import test from 'node:test'
import { foundBy } from '../validation/findings.ts'
import { readPodLogOptions, validatePodLogOptions } from './pod-log-options.ts'

const read = (query: string) => readPodLogOptions(new URLSearchParams(query))
const findings = (query: string): string[] =>
  foundBy((found) => validatePodLogOptions(read(query), found)).map(({ field, message }) => `${field}: ${message}`)

test('options of a log are read as upstream reads a query', () => {
  const all = read(
    'follow&previous=0&timestamps=1&tailLines=%2B5&limitBytes=9223372036854775807&sinceTime=2026-01-01T00:00:00Z&stream=Stdout',
  )
  assert.deepEqual(all, {
    follow: true,
    previous: false,
    timestamps: true,
    sinceSeconds: undefined,
    sinceMs: Date.parse('2026-01-01T00:00:00Z'),
    tailLines: 5,
    limitBytes: 2 ** 63,
    stream: 'Stdout',
  })
  for (const [query, message] of [
    ['tailLines=abc', 'strconv.ParseInt: parsing "abc": invalid syntax'],
    ['tailLines=', 'strconv.ParseInt: parsing "": invalid syntax'],
    ['limitBytes=1e3', 'strconv.ParseInt: parsing "1e3": invalid syntax'],
    ['sinceSeconds=0x10', 'strconv.ParseInt: parsing "0x10": invalid syntax'],
    ['sinceSeconds=9223372036854775808', 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ['sinceTime=yesterday', 'parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse it'],
    ['sinceTime=2026-13-01T00:00:00Z', 'parsing time "2026-13-01T00:00:00Z" as "2006-01-02T15:04:05Z07:00": cannot parse it'],
  ] as const)
    assert.throws(() => read(query), { message }, query)
})

test('options of a log that make no sense are told at their fields', () => {
  assert.deepEqual(findings('tailLines=0&limitBytes=1&sinceSeconds=1&stream=All'), [])
  assert.deepEqual(findings('tailLines=-1&limitBytes=0&sinceSeconds=0'), [
    'tailLines: Invalid value: -1: must be greater than or equal to 0',
    'limitBytes: Invalid value: 0: must be greater than 0',
    'sinceSeconds: Invalid value: 0: must be greater than 0',
  ])
  assert.deepEqual(findings('sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z&stream=Stdout&tailLines=1'), [
    ': Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
    ': Forbidden: `tailLines` and specific `stream` are mutually exclusive for now',
  ])
  assert.deepEqual(findings('stream=both'), ['stream: Unsupported value: "both": supported values: "All", "Stderr", "Stdout"'])
})
