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
      return readText(rest, (value) => (value === null ? 'k:{}' : isObject(value) ? keyElement(value) : undefined))
    default:
      return 'ignored'
  }
}

function readText(text: string, read: (value: unknown) => string | undefined): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return hasOnlyFinite(value) ? read(value) : undefined
  } catch {
    return undefined
  }
}

/** Whether no number is too large to be one. */
const hasOnlyFinite = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).every(hasOnlyFinite)
    : typeof value !== 'number' || Number.isFinite(value)

function keyElement(key: Readonly<Record<string, unknown>>): string {
  const fields = Object.keys(key)
    .sort(compareText)
    .map((name) => `${shortForms(JSON.stringify(name))}:${jsonText(key[name])}`)
  return `k:{${fields.join(',')}}`
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
  if (typeof value === 'number') return numberText(value)
  if (!isObject(value)) return JSON.stringify(value)
  const names = Object.keys(value).sort(compareText)
  return `{${names.map((name) => `${jsonText(name)}:${jsonText(value[name])}`).join(',')}}`
}

/** Go has no short forms for two control characters. */
const shortForms = (text: string): string => text.replace(/\\[bf\\]/g, (found) => IN_GO[found]!)

/** Exponents have two digits at least, and zero has a sign. */
function numberText(value: number): string {
  if (Number.isSafeInteger(value) && value !== 0) return String(value)
  if (Object.is(value, -0)) return '-0'
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2')
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
  const [kind, other] = [a.charCodeAt(0), b.charCodeAt(0)]
  if (kind !== other) return KINDS.indexOf(a[0]!) - KINDS.indexOf(b[0]!)
  if (kind === FIELD) return compareText(a, b)
  return kind === KEY ? compareEntries(parsed(a) as Entries, parsed(b) as Entries) : compareValues(parsed(a), parsed(b))
}

const KINDS = '.fkvi'
const FIELD = 0x66
const KEY = 0x6b

/** What elements that were compared before say: a value, or the fields of a key in order. Long ones may be as long as an item of a list. */
const PARSED_MAX = 5_000
const REMEMBERED_LENGTH_MAX = 200
const remembered = new Map<string, unknown>()

function parsed(element: string): unknown {
  let value = remembered.get(element)
  if (value === undefined) {
    value = JSON.parse(element.slice(2))
    if (element.charCodeAt(0) === KEY) value = entriesOf(value)
    if (element.length > REMEMBERED_LENGTH_MAX) return value
    if (remembered.size >= PARSED_MAX) remembered.clear()
    remembered.set(element, value)
  }
  return value
}

type Entries = readonly (readonly [name: string, value: unknown])[]

const entriesOf = (value: unknown): Entries => Object.entries(value as object).sort(([a], [b]) => compareText(a, b))

/** Name by name, each with its value; what says less comes first. */
function compareEntries(left: Entries, right: Entries): number {
  for (let at = 0; at < left.length && at < right.length; at++) {
    const order = compareText(left[at]![0], right[at]![0]) || compareValues(left[at]![1], right[at]![1])
    if (order !== 0) return order
  }
  return left.length - right.length
}

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
      return compareEntries(entriesOf(a), entriesOf(b))
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

/** `.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]`, as conflicts name it. */
export function printPath(path: readonly string[]): string {
  return path.map(printElement).join('')
}

function printElement(element: string): string {
  const rest = element.slice(2)
  switch (element[0]) {
    case 'f':
      return `.${rest}`
    case 'v':
      return `[=${printValue(JSON.parse(rest))}]`
    case 'k':
      return `[${entriesOf(JSON.parse(rest))
        .map(([name, value]) => `${name}=${printValue(value)}`)
        .join(',')}]`
    default:
      return `[${rest}]`
  }
}

/** As Go prints it; upstream reads all numbers of a path as floats. */
function printValue(value: unknown): string {
  if (typeof value === 'number') return printFloat(value)
  if (typeof value === 'string') return quoted(value)
  if (Array.isArray(value)) return `[${value.map(printValue).join(',')}]`
  if (isObject(value)) return entriesOf(value).reduce((text, [name, inner]) => `${text}${name}=${printValue(inner)}`, '')
  return String(value)
}

/** From here on, and below its counterpart, Go writes an exponent. */
const EXPONENT_FROM = 6
const EXPONENT_BELOW = -4

function printFloat(value: number): string {
  if (Object.is(value, -0)) return '-0'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const places = Number(exponent)
  if (places >= EXPONENT_BELOW && places < EXPONENT_FROM) return String(value)
  return `${mantissa}e${exponent[0]}${String(Math.abs(places)).padStart(2, '0')}`
}

const SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
}

/** A text as Go quotes it. */
export function quoted(text: string): string {
  return `"${text.replace(/["\\]|[\p{C}\p{Z}]/gu, (character) => {
    const code = character.codePointAt(0)!
    const hex = (digits: number): string => code.toString(16).padStart(digits, '0')
    if (character === ' ') return character
    return SHORT[character] ?? (code < 0x80 ? `\\x${hex(2)}` : code < 0x10000 ? `\\u${hex(4)}` : `\\U${hex(8)}`)
  })}"`
}
