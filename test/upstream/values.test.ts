import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  milliValue,
  parseGoDuration,
  parseGoTime,
  printGoDuration,
  quantityValue,
  subtractQuantities,
} from '#meta'
import { Peer } from './peer.ts'

interface Answer {
  readonly error?: string
  readonly text?: string
  readonly compare?: number
  readonly sum?: string
  readonly rest?: string
  readonly value?: number
  readonly milli?: number
}

const RUNS = Number(process.env.T8S_RUNS ?? 20_000)

function answered(read: () => Answer): Answer {
  try {
    return read()
  } catch (error) {
    return { error: (error as Error).message }
  }
}

const digits = fc.oneof(
  fc.constantFrom(
    '0',
    '1',
    '5',
    '00',
    '001',
    '999',
    '1000',
    '1023',
    '1024',
    '1536',
    '',
    '9223372036854775807',
    '9223372036854775808',
    '123456789012345678901234567890',
    '000000000000000000001',
  ),
  fc.nat(5_000_000).map(String),
)
const suffix = fc.constantFrom(
  '',
  'n',
  'u',
  'm',
  'k',
  'M',
  'G',
  'T',
  'P',
  'E',
  'Ki',
  'Mi',
  'Gi',
  'Ti',
  'Pi',
  'Ei',
  'e3',
  'E3',
  'e-3',
  'e0',
  'e+2',
  'e18',
  'e20',
  'e-9',
  'e-12',
  'e400',
  'K',
  'i',
  'mi',
  'ki',
  'e',
  'kk',
  ' ',
  '%',
  'ee1',
  'E-',
  'é',
)
const quantity = fc
  .tuple(fc.constantFrom('', '', '', '-', '+', '--'), digits, fc.option(digits), suffix)
  .map(([sign, whole, fraction, end]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${end}`)
const other = fc.constantFrom(
  '0',
  '1',
  '100m',
  '1Gi',
  '1G',
  '-1',
  '3e3',
  '1n',
  '9223372036854775807',
  '8Ei',
  '0.5',
  '512Ki',
  '1e18',
)

/** Whole numbers that a number of ours does not hold exactly overflow upstream; and below zero, its rounding depends on how it holds the number. */
function beyond({ value = 0, milli = 0 }: Answer): Answer {
  const isChance = (number: number): boolean => number < 0 || !Number.isSafeInteger(number)
  return { ...(isChance(value) && { value }), ...(isChance(milli) && { milli }) }
}

test('quantities are read, refused, printed, compared, added and rounded as by upstream', async () => {
  await using peer = new Peer('values')
  await fc.assert(
    fc.asyncProperty(quantity, other, async (text, second) => {
      const theirs = await peer.ask<Answer>({ kind: 'quantity', text, other: second })
      const ours = answered(() => ({
        text: canonicalQuantity(text),
        compare: compareQuantities(text, second),
        sum: addQuantities(text, second),
        rest: subtractQuantities(text, second),
        value: quantityValue(text),
        milli: milliValue(text),
      }))
      const { error, ...read } = theirs
      // Upstream has no suffix for 1000E and more, and prints such numbers without one; nor does it count bytes past 64 bits.
      if ([ours.text, ours.sum, ours.rest].some((printed) => /\d{4}Ei?$/.test(printed ?? ''))) return
      assert.deepEqual(ours, error === undefined ? { ...read, ...beyond(ours) } : { error })
    }),
    { numRuns: RUNS },
  )
})

const number = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('01', '02', '12', '23', '28', '29') },
  { weight: 1, arbitrary: fc.constantFrom('00', '13', '24', '30', '31', '59', '60', '99', '1', '', 'x', '-1', 'é') },
)
const time = fc
  .tuple(
    fc.constantFrom('2024', '2023', '2000', '1900', '0001', '0000', '9999', '24', 'x', '20245', ''),
    number, number,
    fc.constantFrom('T', 'T', 'T', 't', ' ', ''),
    number, number, number,
    fc.constantFrom('', '', '.5', '.123456', ',123456', '.1234567', '.-12345', '.+12345', '.', '.x', '.000000'),
    fc.constantFrom('Z', 'Z', 'Z', 'z', '', '+02:00', '-23:59', '+24:60', '+25:00', '+01:61', '+0200', '*01:00', 'Zx', '+1:00', ' '),
  ) // biome-ignore format: a list
  .map(
    ([year, month, day, middle, hour, minute, second, fraction, zone]) =>
      `${year}-${month}-${day}${middle}${hour}:${minute}:${second}${fraction}${zone}`,
  )

for (const micro of [false, true]) {
  test(`times are read and refused as by upstream, ${micro ? 'to the microsecond' : 'to the second'}`, async () => {
    await using peer = new Peer('values')
    await fc.assert(
      fc.asyncProperty(time, async (text) => {
        const { error, text: theirs } = await peer.ask<Answer>({ kind: micro ? 'microtime' : 'time', text })
        const ours = answered(() => {
          const { seconds, micros } = parseGoTime(text, micro)
          const whole = new Date(seconds * 1000).toISOString().slice(0, 19)
          return { text: JSON.stringify(micro ? `${whole}.${String(micros).padStart(6, '0')}Z` : `${whole}Z`) }
        })
        // Years that have no four digits, and the beginning of year 1, which is no time.
        if (theirs === 'null' || !/^"\d{4}-/.test(theirs ?? '"0000-')) return
        assert.deepEqual(ours, error === undefined ? { text: theirs } : { error })
      }),
      { numRuns: RUNS },
    )
  })
}

const durationPart = fc
  .tuple(
    fc.constantFrom('', '0', '1', '07', '1.5', '.5', '2.', '90', '1000', '.', '0.001'),
    fc.constantFrom('', 'ns', 'us', 'µs', 'ms', 's', 'm', 'h', 'd', 'S'),
  )
  .map((parts) => parts.join(''))
const duration = fc
  .tuple(fc.constantFrom('', '', '', '-', '+'), fc.array(durationPart, { maxLength: 3 }))
  .map(([sign, parts]) => sign + parts.join(''))

test('durations are read and printed as by upstream', async () => {
  await using peer = new Peer('values')
  await fc.assert(
    fc.asyncProperty(duration, async (text) => {
      const theirs = await peer.ask<Answer>({ kind: 'duration', text })
      const ours = parseGoDuration(text)
      assert.equal(ours === undefined, theirs.error !== undefined)
      // Longer ones are not held to the nanosecond.
      if (ours !== undefined && Math.abs(ours) < 2 ** 33) assert.equal(printGoDuration(ours), theirs.text)
    }),
    { numRuns: RUNS },
  )
})
