import { isObject } from '../merge-patch.ts'

/**
 * Path elements in the form that FieldsV1 has them: `f:` a field, `k:` an item of a keyed list, `v:` an item of a set, `i:` an index. One element has one text, the
 * one that upstream writes.
 */

/** An element as anybody may have written it, in its one form. `ignored`: of a kind that nobody knows. Undefined: none at all. */
export function readElement(text: string): string | 'ignored' | undefined {
  if (text[1] !== ':') return undefined
  const rest = text.slice(2)
  switch (text[0]) {
    case 'f':
      return text
    case 'i':
      return /^[+-]?\d{1,18}$/.test(rest) ? `i:${Number(rest)}` : undefined
    case 'v':
      return readText(rest, (value) => `v:${jsonText(value)}`)
    case 'k':
      return readText(rest, (value) => (value === null ? 'k:{}' : isObject(value) ? `k:${jsonText(value)}` : undefined))
    default:
      return 'ignored'
  }
}

function readText(text: string, read: (value: unknown) => string | undefined): string | undefined {
  try {
    return read(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** What JSON.stringify leaves as it is, or writes shorter, and Go does not. */
const WRITTEN_OTHERWISE = /[<>&\u2028\u2029\b\f]/
const OF_JSON = /[<>&\u2028\u2029]|\\[bf\\]/g
const IN_GO: Readonly<Record<string, string>> = { '\\b': '\\u0008', '\\f': '\\u000c', '\\\\': '\\\\' }

/** JSON as Go writes it: names in order, and nothing that HTML would read. */
export function jsonText(value: unknown): string {
  if (typeof value === 'string') {
    const text = JSON.stringify(value)
    return WRITTEN_OTHERWISE.test(value) ? text.replace(OF_JSON, (found) => IN_GO[found] ?? escaped(found)) : text
  }
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const names = Object.keys(value).sort(compareText)
  return `{${names.map((name) => `${jsonText(name)}:${jsonText(value[name])}`).join(',')}}`
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Texts by their bytes in UTF-8, as Go compares them. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (one === other) continue
    // Halves of a pair stand for what comes after all single units.
    if (isHalf(one) !== isHalf(other)) return isHalf(one) ? 1 : -1
    return one - other
  }
  return a.length - b.length
}

const isHalf = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff

/** The mark of a node that is a member itself comes first, then fields, keys, values and indexes, each in its own order. */
export function compareElements(a: string, b: string): number {
  if (a[0] !== b[0]) return KINDS.indexOf(a[0]!) - KINDS.indexOf(b[0]!)
  switch (a[0]) {
    case 'f':
      return compareText(a, b)
    case 'k':
      return compareKeys(parsed(a), parsed(b))
    default:
      return compareValues(parsed(a), parsed(b))
  }
}

const KINDS = '.fkvi'

/** Values of elements that were compared before. Long ones may be as long as an item of a list. */
const VALUES_MAX = 5_000
const REMEMBERED_LENGTH_MAX = 200
const values = new Map<string, unknown>()

function parsed(element: string): unknown {
  let value = values.get(element)
  if (value === undefined) {
    value = JSON.parse(element.slice(2))
    if (element.length > REMEMBERED_LENGTH_MAX) return value
    if (values.size >= VALUES_MAX) values.clear()
    values.set(element, value)
  }
  return value
}

/** Name by name, each with its value; what says less comes first. */
function compareKeys(a: unknown, b: unknown): number {
  const [left, right] = [entriesOf(a), entriesOf(b)]
  for (let at = 0; at < left.length && at < right.length; at++) {
    const order = compareText(left[at]![0], right[at]![0]) || compareValues(left[at]![1], right[at]![1])
    if (order !== 0) return order
  }
  return left.length - right.length
}

const entriesOf = (value: unknown): [string, unknown][] => Object.entries(value as object).sort(([a], [b]) => compareText(a, b))

/** Numbers, texts, booleans, lists, maps, null. */
function compareValues(a: unknown, b: unknown): number {
  const [kind, other] = [kindOf(a), kindOf(b)]
  if (kind !== other) return kind - other
  switch (kind) {
    case 0:
    case 2:
      return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
    case 1:
      return compareText(a as string, b as string)
    case 3: {
      const [left, right] = [a as unknown[], b as unknown[]]
      for (let at = 0; at < left.length && at < right.length; at++) {
        const order = compareValues(left[at], right[at])
        if (order !== 0) return order
      }
      return left.length - right.length
    }
    case 4:
      return compareKeys(a, b)
    default:
      return 0
  }
}

function kindOf(value: unknown): number {
  if (typeof value === 'number' || typeof value === 'bigint') return 0
  if (typeof value === 'string') return 1
  if (typeof value === 'boolean') return 2
  return Array.isArray(value) ? 3 : isObject(value) ? 4 : 5
}
