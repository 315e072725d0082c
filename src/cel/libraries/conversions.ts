import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { type CelDuration, parseDuration } from '../values/duration.ts'
import { Failure, fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import { Double, formatDouble, type Int, intOfDouble, isInt, parseDouble, toInt, Uint } from '../values/number.ts'
import { TypeValue } from '../values/opaque.ts'
import { parseTimestamp, Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'

const { bool, bytes, double, duration, dyn, int, string, timestamp, uint } = types
const A = types.parameter('A')

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])

const same = (value: Value): Value => value

/** What upstream says of a text that is no value of the type that is wanted. */
const notA =
  (type: string) =>
  (value: Value): never =>
    fail(`type conversion error from '${typeNameOf(value)}' to '${type}'`)

const notInt = notA('int')
const notUint = notA('uint')
const notDuration = notA('google.protobuf.Duration')
const notTimestamp = notA('google.protobuf.Timestamp')

function stringToBool(value: Value): boolean {
  if (TRUE.has(value as string)) return true
  return FALSE.has(value as string) ? false : notA('bool')(value)
}

/** A number in 64 bits, or what `otherwise` makes of a text that is none. */
function wholeOf(text: Value, form: RegExp, min: bigint, max: bigint, otherwise: (text: Value) => never): bigint {
  if (!form.test(text as string)) return otherwise(text)
  const number = BigInt((text as string).replace(/^\+/, ''))
  return number < min || number > max ? otherwise(text) : number
}

const stringToInt = (value: Value): Int => toInt(wholeOf(value, /^[+-]?\d+$/, -(2n ** 63n), 2n ** 63n - 1n, notInt))
const stringToUint = (value: Value): Uint => Uint.of(wholeOf(value, /^\d+$/, 0n, 2n ** 64n - 1n, notUint))

function stringToDouble(value: Value): Double {
  const number = parseDouble(value as string)
  return number === undefined ? notA('double')(value) : new Double(number)
}

/** Fails as upstream's conversion on anything that is no duration; whole numbers are not, though the checker lets them pass. */
export function toDuration(value: Value): CelDuration {
  if (typeof value !== 'string') return notDuration(value)
  return orElse(
    () => parseDuration(value),
    () => notDuration(value),
  )
}

/** Fails as upstream's conversion on anything that is no moment; whole numbers are seconds since 1970. */
export function toTimestamp(value: Value): Timestamp {
  if (isInt(value)) return Timestamp.of(Number(value))
  if (typeof value !== 'string') return notTimestamp(value)
  return orElse(
    () => parseTimestamp(value),
    (message) => (message === 'timestamp overflow' ? fail(message) : notTimestamp(value)),
  )
}

function orElse<T>(attempt: () => T, otherwise: (message: string) => T): T {
  try {
    return attempt()
  } catch (error) {
    if (error instanceof Failure) return otherwise(error.message)
    throw error
  }
}

function doubleToUint(value: Value): Uint {
  const number = (value as Double).value
  if (!Number.isFinite(number) || number < 0 || number >= 2 ** 64) return fail('unsigned integer overflow')
  return Uint.of(BigInt(Math.trunc(number)))
}

function bytesToString(value: Value): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value as Uint8Array)
  } catch {
    return fail('invalid UTF-8 in bytes, cannot convert to string')
  }
}

const types_ = [
  declare('type', { functions: [['type', [A], types.typeOf(A), (value) => new TypeValue(typeNameOf(value))]] }),
  declare('dyn', { functions: [['to_dyn', [A], dyn, same]] }),
]

const numbers = [
  declare('int', {
    functions: [
      ['int64_to_int64', [int], int, same],
      ['double_to_int64', [double], int, (value) => intOfDouble((value as Double).value)],
      ['duration_to_int64', [duration], int, (value) => toInt((value as CelDuration).nanos)],
      ['string_to_int64', [string], int, stringToInt],
      ['timestamp_to_int64', [timestamp], int, (value) => (value as Timestamp).seconds],
      ['uint64_to_int64', [uint], int, (value) => toInt(BigInt((value as Uint).value))],
    ],
  }),
  declare('uint', {
    functions: [
      ['uint64_to_uint64', [uint], uint, same],
      ['double_to_uint64', [double], uint, doubleToUint],
      ['int64_to_uint64', [int], uint, (value) => Uint.of(value as Int)],
      ['string_to_uint64', [string], uint, stringToUint],
    ],
  }),
  declare('double', {
    functions: [
      ['double_to_double', [double], double, same],
      ['int64_to_double', [int], double, (value) => new Double(Number(value))],
      ['string_to_double', [string], double, stringToDouble],
      ['uint64_to_double', [uint], double, (value) => new Double(Number((value as Uint).value))],
    ],
  }),
]

const texts = [
  declare('bool', {
    functions: [
      ['bool_to_bool', [bool], bool, same],
      ['string_to_bool', [string], bool, stringToBool],
    ],
  }),
  declare('bytes', {
    functions: [
      ['bytes_to_bytes', [bytes], bytes, same],
      ['string_to_bytes', [string], bytes, (value) => new TextEncoder().encode(value as string)],
    ],
  }),
  declare('string', {
    functions: [
      ['string_to_string', [string], string, same],
      ['bool_to_string', [bool], string, String],
      ['bytes_to_string', [bytes], string, bytesToString],
      ['double_to_string', [double], string, (value) => formatDouble((value as Double).value)],
      ['duration_to_string', [duration], string, String],
      ['int64_to_string', [int], string, String],
      ['timestamp_to_string', [timestamp], string, String],
      ['uint64_to_string', [uint], string, (value) => String((value as Uint).value)],
    ],
  }),
]

const times = [
  declare('duration', {
    functions: [
      ['duration_to_duration', [duration], duration, same],
      ['int64_to_duration', [int], duration, toDuration],
      ['string_to_duration', [string], duration, toDuration],
    ],
  }),
  declare('timestamp', {
    functions: [
      ['timestamp_to_timestamp', [timestamp], timestamp, same],
      ['int64_to_timestamp', [int], timestamp, toTimestamp],
      ['string_to_timestamp', [string], timestamp, toTimestamp],
    ],
  }),
]

export const conversionFunctions: readonly FunctionDeclaration[] = [...types_, ...numbers, ...texts, ...times]
