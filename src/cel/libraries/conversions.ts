import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { CelDuration, parseDuration } from '../values/duration.ts'
import { fail } from '../values/failure.ts'
import { typeNameOf } from '../values/kind.ts'
import { Double, formatDouble, type Int, intOfDouble, toInt, Uint } from '../values/number.ts'
import { TypeValue } from '../values/opaque.ts'
import { parseTimestamp, Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'

const { bool, bytes, double, duration, dyn, int, string, timestamp, uint } = types
const A = types.parameter('A')

const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True'])
const FALSE: ReadonlySet<string> = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False'])
const DOUBLE = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

const same = (value: Value): Value => value
const seconds = (value: Value): Timestamp => Timestamp.of(Number(value))

function stringToBool(value: Value): boolean {
  if (TRUE.has(value as string)) return true
  return FALSE.has(value as string) ? false : fail(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`)
}

function stringToInt(value: Value): Int {
  const text = value as string
  if (!/^[+-]?\d+$/.test(text)) return fail(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`)
  return toInt(BigInt(text.replace(/^\+/, '')), `strconv.ParseInt: parsing ${JSON.stringify(text)}: value out of range`)
}

function stringToUint(value: Value): Uint {
  const text = value as string
  if (!/^\d+$/.test(text)) return fail(`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`)
  return Uint.of(BigInt(text), `strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`)
}

function stringToDouble(value: Value): Double {
  const text = value as string
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return new Double(text.startsWith('-') ? -Infinity : Infinity)
  if (/^nan$/i.test(text)) return new Double(NaN)
  return DOUBLE.test(text)
    ? new Double(Number(text))
    : fail(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`)
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
      ['int64_to_duration', [int], duration, (value) => CelDuration.of(BigInt(value as Int))],
      ['string_to_duration', [string], duration, (value) => parseDuration(value as string)],
    ],
  }),
  declare('timestamp', {
    functions: [
      ['timestamp_to_timestamp', [timestamp], timestamp, same],
      ['int64_to_timestamp', [int], timestamp, seconds],
      ['string_to_timestamp', [string], timestamp, (value) => parseTimestamp(value as string)],
    ],
  }),
]

export const conversionFunctions: readonly FunctionDeclaration[] = [...types_, ...numbers, ...texts, ...times]
