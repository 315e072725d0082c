import { canonicalQuantity } from '../quantity.ts'
import { mismatch, type Place, StructureError } from './error.ts'

export function readInteger(value: unknown, format: string, place: Place): number {
  if (typeof value !== 'number' && typeof value !== 'bigint') throw mismatch(value, place, format)
  const bound = format === 'int32' ? 2 ** 31 : 2 ** 63
  // Fields that the server computes with are numbers: what they can't hold is refused rather than changed in silence.
  if (typeof value === 'bigint' || !Number.isSafeInteger(value) || value >= bound || value < -bound) {
    throw new StructureError(
      `json: cannot unmarshal number ${value} into Go struct field ${place.owner}.${place.print()} of type ${format}`,
      { converted: `unrecognized type: ${format}` },
    )
  }
  return value
}

export function readQuantity(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') {
    throw new StructureError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
  }
  if (typeof value === 'string' && CANONICAL.test(value)) return value
  try {
    return canonicalQuantity(String(value))
  } catch (error) {
    throw new StructureError((error as Error).message, { cause: error })
  }
}

/** Most quantities are in their one spelling already: below a thousand, or below 1024, of a unit. */
const CANONICAL = /^[1-9]\d{0,2}(m|[kMG]|[KMG]i)?$/

export function readIntOrString(value: unknown, place: Place): number | string {
  if (typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value))) return value
  throw mismatch(value, place, 'intstr.IntOrString')
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** One spelling of an instant: UTC, whole seconds or six digits. */
export function readTime(value: string, micro: boolean): string {
  const ms = Date.parse(value)
  if (!RFC3339.test(value) || Number.isNaN(ms)) {
    throw new StructureError(
      `parsing time ${JSON.stringify(value)} as "2006-01-02T15:04:05Z07:00": cannot parse ${JSON.stringify(value)} as "2006"`,
    )
  }
  const seconds = new Date(ms).toISOString().slice(0, 'YYYY-MM-DDTHH:MM:SS'.length)
  if (!micro) return `${seconds}Z`
  const digits = (/\.(\d+)/.exec(value)?.[1] ?? '').padEnd(6, '0').slice(0, 6)
  return `${seconds}.${digits}Z`
}
