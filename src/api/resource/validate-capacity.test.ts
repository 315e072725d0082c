import assert from 'node:assert/strict'
import test from 'node:test'
import { findingsOf } from '#testing'
import { resourceSlices } from '../index.ts'

const P = 'spec.devices[0].capacity[memory].requestPolicy'

function findings(requestPolicy: object, allowMultipleAllocations = true): string[] {
  const pool = { name: 'pool', generation: 1, resourceSliceCount: 1 }
  const device = { name: 'gpu', allowMultipleAllocations, capacity: { memory: { value: '10Gi', requestPolicy } } }
  return findingsOf(resourceSlices, { spec: { driver: 'a.b', nodeName: 'n', pool, devices: [device] } })
}

const cases: readonly (readonly [what: string, policy: object, refusals: readonly string[]])[] = [
  ['any amount', {}, []],
  ['some amounts', { default: '2Gi', validValues: ['1Gi', '2048Mi'] }, []],
  ['amounts in steps', { default: '2Gi', validRange: { min: '1Gi', max: '9Gi', step: '1Gi' } }, []],
  [
    'both',
    { default: '1Gi', validValues: ['1Gi'], validRange: { min: '1Gi' } },
    [`${P}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`],
  ],
  [
    'amounts, none of them usual',
    { validValues: ['1Gi'] },
    [`${P}.default: Required value: required when validValues is defined`],
  ],
  [
    'a range, nothing in it usual',
    { validRange: { min: '1' } },
    [`${P}.default: Required value: required when validRange is defined`],
  ],
  [
    'amounts in no order, twice, and too much',
    { default: '3Gi', validValues: ['2Gi', '1Gi', '11Gi', '11Gi'] },
    [
      `${P}.validValues[1]: Invalid value: "1Gi": values must be sorted in ascending order`,
      `${P}.validValues[2]: Invalid value: "11Gi": option is larger than capacity value: 10Gi`,
      `${P}.validValues[3]: Invalid value: "11Gi": option is larger than capacity value: 10Gi`,
      `${P}.validValues[3]: Duplicate value: "${11 * 2 ** 30}"`,
      `${P}.validValues: Invalid value: "3Gi": default value is not valid according to the requestPolicy`,
    ],
  ],
  [
    'too many amounts',
    { default: '1', validValues: Array.from({ length: 11 }, (_, index) => String(index + 1)) },
    [
      `${P}.validValues: Too many: 11: must have at most 10 items`,
      `${P}.validValues: Invalid value: "1": default value is not valid according to the requestPolicy`,
    ],
  ],
  [
    'a range without a beginning',
    { default: '1', validRange: {} },
    [`${P}.validRange.min: Required value: required when validRange is defined`],
  ],
  [
    'a range beyond what there is',
    { default: '1Gi', validRange: { min: '12Gi', max: '11Gi', step: '1Gi' } },
    [
      `${P}.validRange.min: Invalid value: "12Gi": min is larger than capacity value: 10Gi`,
      `${P}.validRange.min: Invalid value: "1Gi": default is less than min: 12Gi`,
      `${P}.validRange.max: Invalid value: "12Gi": min is larger than max: 11Gi`,
      `${P}.validRange.max: Invalid value: "11Gi": max is larger than capacity value: 10Gi`,
      `${P}.validRange.step: Invalid value: "1Gi": one step 13Gi is larger than capacity value: 10Gi`,
    ],
  ],
  [
    'steps beside the amounts',
    { default: '6Gi', validRange: { min: '1Gi', max: '5Gi', step: '3Gi' } },
    [
      `${P}.validRange.max: Invalid value: "6Gi": default is more than max: 5Gi`,
      `${P}.validRange.step: Invalid value: "6Gi": value is not a multiple of a given step (3Gi) from (1Gi)`,
      `${P}.validRange.step: Invalid value: "5Gi": value is not a multiple of a given step (3Gi) from (1Gi)`,
    ],
  ],
  [
    'steps of nothing',
    { default: '1Gi', validRange: { min: '1Gi', step: '0' } },
    [`${P}.validRange.step: Invalid value: "1Gi": value is not a multiple of a given step (0) from (1Gi)`],
  ],
]

for (const [what, policy, refusals] of cases) {
  test(`portions of a device: ${what}`, () => assert.deepEqual(findings(policy), refusals))
}

test('a device for one at a time has no portions', () => {
  assert.deepEqual(findings({ default: '1' }, false), [`${P}: Forbidden: allowMultipleAllocations must be true`])
})
