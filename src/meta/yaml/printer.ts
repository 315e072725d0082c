import { goFloat } from '../go-float.ts'
import { escapedYaml } from './escape.ts'
import { inKeyOrder } from './key-order.ts'
import { resolveScalar } from './resolve.ts'

const INDENT = 2
/** Longer keys get a question mark. */
const KEY_BYTES_MAX = 128

/** A value of JSON as upstream's library (sigs.k8s.io/yaml) writes it: keys in order, lists as deep as their keys, long lines folded. */
export function printYaml(value: unknown): string {
  const text = isFilled(value) ? block(value, 0) : scalar(value, { indent: INDENT, column: 0 })
  return endsLine(text) ? text : `${text}\n`
}

/** Where a scalar is written. */
interface Place {
  /** Of its further lines. */
  readonly indent: number
  /** Where it begins; undefined for a key, which is not folded. */
  readonly column?: number
}

const isFilled = (value: unknown): value is object => typeof value === 'object' && value !== null && Object.keys(value).length > 0

const endsLine = (text: string): boolean => /[\n\u2028\u2029]$/.test(text.slice(-1))

/** The lines of a list or map, the first without its indent. */
function block(value: object, indent: number): string {
  const parts = Array.isArray(value)
    ? value.map((each) => `- ${inside(each, indent)}`)
    : Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .sort(([a], [b]) => inKeyOrder(a, b))
        .map(([key, each]) => pair(key, each, indent))
  let text = ''
  for (const [at, part] of parts.entries()) text += at === 0 ? part : lineBehind(parts[at - 1]!, part, indent)
  return text
}

const lineBehind = (before: string, line: string, indent: number): string =>
  `${endsLine(before) ? '' : '\n'}${' '.repeat(indent)}${line}`

/** What stands behind a dash, or a colon that begins a line. */
const inside = (value: unknown, indent: number): string =>
  isFilled(value) ? block(value, indent + INDENT) : scalar(value, { indent: indent + INDENT, column: indent + INDENT })

function pair(key: string, value: unknown, indent: number): string {
  const deeper = indent + INDENT
  if (/[\n\r\u0085\u2028\u2029]/.test(key) || Buffer.byteLength(key) > KEY_BYTES_MAX) {
    const shown = string(key, { indent: deeper, column: deeper })
    return `? ${shown}${lineBehind(shown, `: ${inside(value, indent)}`, indent)}`
  }
  const shown = string(key, { indent: deeper })
  if (!isFilled(value)) return `${shown}: ${scalar(value, { indent: deeper, column: indent + lengthOf(shown) + ': '.length })}`
  const start = Array.isArray(value) ? indent : deeper
  return `${shown}:\n${' '.repeat(start)}${block(value, start)}`
}

const lengthOf = (text: string): number => [...text].length

function scalar(value: unknown, place: Place): string {
  switch (typeof value) {
    case 'string':
      return string(value, place)
    case 'number':
      return number(value)
    case 'bigint':
      return value.toString()
    case 'boolean':
      return String(value)
    default:
      return Array.isArray(value) ? '[]' : value === null || value === undefined ? 'null' : '{}'
  }
}

/** Upstream reads the number's JSON as YAML, where what is past the integers is a float. */
function number(value: number): string {
  const read = resolveScalar('', JSON.stringify(value))
  return read.type === 'float' ? goFloat(read.value) : String(read.value)
}

/** Characters that the library does not write as they are. */
const ODD = /[^\n -~\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u
const INDICATES = /^(?:---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]|^[?:-](?: |$)|.:(?: |$)|[ \n\u2028\u2029]#/su
const SPACE_BEFORE_BREAK = / [\n\u2028\u2029]/
const SPACE_BEHIND_BREAK = /[\n\u2028\u2029] /
const ENDS_BY_GAP = /^[ \n\u2028\u2029]|[ \n\u2028\u2029]$/
const SEXAGESIMAL = /^[-+]?\d[\d_]*(?::[0-5]?\d)+(?:\.[\d_]*)?$/

/** A text in the plainest form that says it. */
function string(text: string, place: Place): string {
  const isOdd = ODD.test(text) || SPACE_BEFORE_BREAK.test(text)
  if (text.includes('\n') && place.column !== undefined && !isOdd && !text.endsWith(' ')) return literal(text, place.indent)
  const isText = resolveScalar('', text).type === 'str' && !SEXAGESIMAL.test(text)
  if (text.includes('\n') || !isText || isOdd || SPACE_BEHIND_BREAK.test(text)) return folded(escapedYaml(text), place)
  const isQuoted = INDICATES.test(text) || ENDS_BY_GAP.test(text) || /[\u2028\u2029]/.test(text)
  return folded(isQuoted ? `'${indented(text.replaceAll("'", "''"), place.indent)}'` : text, place)
}

/** The first space that is past it begins a new line, unless others follow or it is the first or last of its text. */
const COLUMN_MAX = 80

function folded(text: string, { indent, column: start }: Place): string {
  if (start === undefined || start + text.length <= COLUMN_MAX || !text.includes(' ')) return text
  const isDouble = text.startsWith('"')
  const edge = isDouble || text.startsWith("'") ? 1 : 0
  const characters = [...text]
  let [lines, column] = ['', start]
  for (const [at, character] of characters.entries()) {
    const isInside = at > edge && at < characters.length - 1 - edge
    const isFirstSpace = character === ' ' && characters[at - 1] !== ' '
    const isFollowed = characters[at + 1] === ' '
    if (isFirstSpace && isInside && column > COLUMN_MAX && (isDouble || !isFollowed)) {
      lines += `\n${' '.repeat(indent)}${isFollowed ? '\\' : ''}`
      column = indent + (isFollowed ? 1 : 0)
    } else {
      lines += character
      column = character === '\u2028' || character === '\u2029' ? 0 : column + 1
    }
  }
  return lines
}

/** A text of several lines, as they are. */
function literal(text: string, indent: number): string {
  const hint = /^[ \n\u2028\u2029]/.test(text) ? String(INDENT) : ''
  const chomp = endsLine(text) ? (/(?:^|[\n\u2028\u2029])[\n\u2028\u2029]$/.test(text) ? '+' : '') : '-'
  return `|${hint}${chomp}\n${' '.repeat(/^[\n\u2028\u2029]/.test(text) ? 0 : indent)}${indented(text, indent)}`
}

/** Every line but the first and those that are empty gets its indent. */
const indented = (text: string, indent: number): string =>
  text.replaceAll(/(?<=[\n\u2028\u2029])(?=[^\n\u2028\u2029])/g, ' '.repeat(indent))
