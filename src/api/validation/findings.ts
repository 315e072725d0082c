import { type FieldError, type FieldErrorReason, goQuote } from '#meta'
import { NONE } from './names.ts'

/**
 * What is wrong with an object, in upstream's order. Every validator is handed what it looks at, the path of that, and this list, to which
 * it adds its own: where nothing is wrong nothing is made. `validate…(value, …, field, found)`.
 */
export type Findings = FieldError[]

/** What a validator has to say where that decides about something else. */
export function foundBy(validate: (found: Findings) => void): Findings {
  const found: Findings = []
  validate(found)
  return found
}

/** What is wrong by `validate`, unless that may stay (`isExcused`): then what is wrong by the rule that it came in under. */
export function lenient(
  isExcused: () => boolean,
  validate: (found: Findings) => void,
  validateFormerly: (found: Findings) => void,
  found: Findings,
): void {
  const before = found.length
  validate(found)
  if (found.length === before || !isExcused()) return
  found.length = before
  validateFormerly(found)
}

/** A rule that there was not. */
export const nothing = (): void => {}

const finding = (field: string, reason: FieldErrorReason, type: string, detail: string): FieldError => ({
  field,
  reason,
  message: detail === '' ? type : `${type}: ${detail}`,
})

/** Strings quoted as Go does, everything else as JSON of Go's writer, which could stand inside HTML. */
const show = (value: unknown): string => {
  if (typeof value === 'string') return goQuote(value)
  if (typeof value === 'bigint') return String(value)
  const json = value === undefined ? 'null' : JSON.stringify(value)
  return typeof value === 'object' ? json.replace(/[<>&\u2028\u2029]/g, escaped) : json
}

/** A text that upstream shows as JSON: one behind a pointer. */
export const asJson = (text: string): unknown => ({ toJSON: () => text })

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Upstream's path of a whole object prints like this. */
export const WHOLE = '[]'

export const required = (field: string, detail = ''): FieldError => finding(field, 'FieldValueRequired', 'Required value', detail)

export const invalidValue = (field: string, value: unknown, detail: string): FieldError =>
  finding(field, 'FieldValueInvalid', `Invalid value: ${show(value)}`, detail)

/** Wrong as a whole, where showing the value says nothing. */
export const withoutValue = (field: string, detail: string): FieldError =>
  finding(field, 'FieldValueInvalid', 'Invalid value', detail)

export const forbid = (field: string, detail: string): FieldError => finding(field, 'FieldValueForbidden', 'Forbidden', detail)

/** What could not be looked at. */
export const internalFinding = (field: string, detail: string): FieldError =>
  finding(field, 'InternalError', 'Internal error', detail)

export const duplicateValue = (field: string, value: unknown, detail = ''): FieldError =>
  finding(field, 'FieldValueDuplicate', `Duplicate value: ${show(value)}`, detail)

export const notFoundValue = (field: string, value: unknown, detail = ''): FieldError =>
  finding(field, 'FieldValueNotFound', `Not found: ${show(value)}`, detail)

export const unsupported = (field: string, value: unknown, supported: readonly string[]): FieldError =>
  finding(
    field,
    'FieldValueNotSupported',
    `Unsupported value: ${show(value)}`,
    `supported values: ${supported.map(goQuote).join(', ')}`,
  )

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`

/** A schema may allow fewer than nothing. */
export const tooLong = (field: string, bytes: number): FieldError =>
  finding(
    field,
    'FieldValueTooLong',
    'Too long',
    bytes < 0 ? 'value is too long' : `may not be more than ${counted(bytes, 'byte')}`,
  )

export const tooMany = (field: string, actual: number, max: number): FieldError =>
  finding(
    field,
    'FieldValueTooMany',
    `Too many: ${actual}`,
    max < 0 ? 'has too many items' : `must have at most ${counted(max, 'item')}`,
  )

export const IMMUTABLE = 'field is immutable'
const NOT_NEGATIVE = 'must be greater than or equal to 0'

export function nonNegative(value: number | undefined, field: string, found: Findings): void {
  if (value !== undefined && value < 0) found.push(invalidValue(field, value, NOT_NEGATIVE))
}

export function within(value: number | undefined, from: number, to: number, field: string, found: Findings): void {
  if (value === undefined || (value >= from && value <= to)) return
  found.push(invalidValue(field, value, `must be between ${from} and ${to}, inclusive`))
}

/** One of `supported` (sorted), or a required value that is missing. */
export function oneOf(value: string | undefined, supported: readonly string[], field: string, found: Findings): void {
  if (!value) found.push(required(field))
  else optionalOneOf(value, supported, field, found)
}

/** As {@link oneOf} where absence is fine. */
export function optionalOneOf(value: string | undefined, supported: readonly string[], field: string, found: Findings): void {
  if (value !== undefined && !supported.includes(value)) found.push(unsupported(field, value, supported))
}

/** Complaints about a text as findings about its field. */
export function complaints(problems: Iterable<string>, value: unknown, field: string, found: Findings): void {
  if (problems !== NONE) for (const problem of problems) found.push(invalidValue(field, value, problem))
}

export const port = (value: number | undefined, field: string, found: Findings): void => within(value, 1, 65_535, field, found)
