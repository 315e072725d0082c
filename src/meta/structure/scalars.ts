import { type GoTime, parseGoTime } from '../go-time.ts'
import { canonicalQuantity } from '../quantity.ts'
import { readBase64 } from './base64.ts'
import { mismatch, StructureError } from './error.ts'
import type { Place } from './place.ts'

export function readInteger(value: unknown, format: string, place: Place): number | undefined {
  const bound = format === 'int32' ? 2 ** 31 : 2 ** 63
  // Fields that the server computes with are numbers: what they can't hold is refused rather than changed in silence.
  const fits = typeof value === 'number' && Number.isSafeInteger(value) && value < bound && value >= -bound
  return fits && !FRACTION.test(place.literal ?? '') ? value : place.refuse(value)
}

/** Go reads an integer from digits alone: neither `1.0` nor `1e3` is one. */
const FRACTION = /[.eE]/

export function readBytes(value: unknown, place: Place): string | undefined {
  if (Array.isArray(value)) return readOctets(value, place)
  if (typeof value !== 'string') return place.refuse(value)
  const read = readBase64(value)
  if (typeof read === 'string') return read
  place.wrong ??= new StructureError(`illegal base64 data at input byte ${read}`)
  return undefined
}

/** Bytes may be a list of numbers, too. */
function readOctets(value: readonly unknown[], place: Place): string {
  const octets = value.map((octet, index) => {
    const literal = place.oddities?.literalOf(value, index)
    const fits = typeof octet === 'number' && Number.isInteger(octet) && octet >= 0 && octet < 256 && literal === undefined
    if (!fits && octet !== null) place.wrong ??= mismatch(octet, { root: place.root, path: place.path, literal }, 'uint8')
    return fits ? octet : 0
  })
  return Buffer.from(octets).toString('base64')
}

export function readQuantity(value: unknown, place: Place): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    throw new StructureError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  if (typeof value === 'string' && CANONICAL.test(value)) return value
  try {
    return canonicalQuantity(typeof value === 'string' ? value.trim() : (place.literal ?? String(value)))
  } catch (error) {
    throw new StructureError((error as Error).message, { cause: error })
  }
}

/** Most quantities are in their one spelling already: below a thousand, or below 1024, of a unit. */
const CANONICAL = /^[1-9]\d{0,2}(m|[kMG]|[KMG]i)?$/

export function readIntOrString(value: unknown, place: Place): number | string {
  if (typeof value === 'string') return value
  const isInt32 = typeof value === 'number' && Number.isInteger(value) && value < 2 ** 31 && value >= -(2 ** 31)
  if (isInt32 && !FRACTION.test(place.literal ?? '')) return value
  throw mismatch(value, place, 'int32')
}

/** Most times are in their one spelling already. */
const PLAIN_TIME = /^(?!0001-01-01)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{6})?Z$/
/** Seconds of Unix time at the beginning of year 1, which is no time in Go. */
const NO_TIME = -62_135_596_800

/** One spelling of an instant: UTC, whole seconds or six digits. Absent for none. */
export function readTime(value: unknown, micro: boolean, place: Place): string | undefined {
  if (typeof value !== 'string') throw mismatch(value, place, 'string')
  const plain = PLAIN_TIME.exec(value)
  if (plain !== null && (plain[1] !== undefined) === micro) return value
  const { seconds, micros } = parsed(value, micro)
  if (seconds === NO_TIME && micros === 0) return undefined
  const whole = new Date(seconds * 1000).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)
  return micro ? `${whole}.${String(micros).padStart(6, '0')}Z` : `${whole}Z`
}

function parsed(text: string, micro: boolean): GoTime {
  try {
    return parseGoTime(text, micro)
  } catch (error) {
    throw new StructureError((error as Error).message, { cause: error })
  }
}
