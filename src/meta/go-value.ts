import { inByteOrder } from './go-order.ts'
import { isObject } from './merge-patch.ts'

/** A value that JSON does not know, as Go prints it: by `%v`, by `%#v`, and its type. */
export class GoForeign {
  readonly shown: string
  readonly syntax: string
  readonly type: string

  constructor(shown: string, syntax: string, type: string) {
    this.shown = shown
    this.syntax = syntax
    this.type = type
  }
}

/** Plain data as Go prints it by `%v`: `map[a:1 b:[x y]]`, keys in order. Messages about patches show them so. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>'
  if (value instanceof GoForeign) return value.shown
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`
  if (!isObject(value)) return String(value)
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goValue(value[key])}`)
  return `map[${entries.join(' ')}]`
}

/** A map of raw JSON as Go's writer prints it: keys in order, what they hold as it was written, and what could stand inside HTML escaped. */
export function goJson(value: unknown): string {
  const ordered = isObject(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => inByteOrder(a, b))) : value
  return htmlSafe(JSON.stringify(ordered))
}

/** JSON as Go's writer prints it by default: what could stand inside HTML is escaped. */
export const htmlSafe = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
