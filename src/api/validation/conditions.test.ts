import assert from 'node:assert/strict'
import test from 'node:test'
import { validateConditions } from './conditions.ts'
import { foundBy } from './findings.ts'

test('of a condition, what is missing is required without more, and a reason is looked at before it is measured', () => {
  const time = '2024-01-02T03:04:05Z'
  const said = (condition: object): string[] =>
    foundBy((found) => validateConditions([{ type: 'Ready', status: 'True', ...condition }], 'at', found)).map(
      ({ field, message }) => `${field}: ${message}`,
    )
  assert.deepEqual(said({ lastTransitionTime: time, reason: 'A' }), [])
  assert.deepEqual(said({}), ['at[0].lastTransitionTime: Required value', 'at[0].reason: Required value'])
  const long = said({ lastTransitionTime: time, reason: `${'r'.repeat(1024)},` })
  assert.deepEqual([long.length, long[1]], [2, 'at[0].reason: Too long: may not be more than 1024 bytes'])
})
