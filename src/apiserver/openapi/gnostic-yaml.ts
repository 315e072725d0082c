import { escapedYaml } from '#meta'

/** Levels are this far apart, except for what stands behind a dash. */
const INDENT = 4

/** A value of JSON as the YAML that upstream's library for OpenAPI in protobuf writes (go.yaml.in/yaml/v3), so that the bytes are the same. */
export function gnosticYaml(value: unknown): string {
  const text = isFilled(value) ? block(value, 0) : scalar(value, INDENT)
  return text.endsWith('\n') ? text : `${text}\n`
}

const isFilled = (value: unknown): value is object => typeof value === 'object' && value !== null && Object.keys(value).length > 0

const nextIndent = (indent: number): number => INDENT * Math.floor((indent + INDENT) / INDENT)

/** The lines of a list or map, the first without its indent. */
function block(value: object, indent: number): string {
  const parts = Array.isArray(value)
    ? value.map((each) => `- ${isFilled(each) ? block(each, indent + 2) : scalar(each, indent + 2)}`)
    : Object.entries(value).map(([key, each]) => `${quoted(key)}:${behindKey(each, nextIndent(indent))}`)
  return parts.reduce((lines, part) => `${lines}${lines.endsWith('\n') ? '' : '\n'}${' '.repeat(indent)}${part}`)
}

const behindKey = (value: unknown, indent: number): string =>
  isFilled(value) ? `\n${' '.repeat(indent)}${block(value, indent)}` : ` ${scalar(value, indent)}`

function scalar(value: unknown, indent: number): string {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'string') return JSON.stringify(value)
  const isLiteral = value.includes('\n') && !/ \n| $/.test(value) && !ODD.test(value.replaceAll('\t', ''))
  return isLiteral ? literal(value, indent) : quoted(value)
}

/** Characters that the library does not write as they are. */
const ODD = /[^\n -~\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u

/** A text of several lines, as they are. */
function literal(value: string, indent: number): string {
  const hint = /^[ \n]/.test(value) ? String(INDENT) : ''
  const chomp = value.endsWith('\n') ? (/^\n$|\n\n$/.test(value) ? '+' : '') : '-'
  return `|${hint}${chomp}\n${value.replaceAll(/^(?=[^\n])/gm, ' '.repeat(indent))}`
}

/** A text of one line, in quotation marks where it would be something else without. */
function quoted(value: string): string {
  if (value.includes('\n') || ODD.test(value) || isOtherType(value)) return escapedYaml(value)
  const isPlain = !/^(?:---|\.\.\.)|^[#,[\]{}&*!|>'"%@`]|^[?:-](?: |$)|^ | $/.test(value) && !/:(?: |$)| #/.test(value)
  return isPlain ? value : `'${value.replaceAll("'", "''")}'`
}

const WORDS = /^(?:~|true|True|TRUE|false|False|FALSE|null|Null|NULL|\.(?:nan|NaN|NAN)|[+-]?\.(?:inf|Inf|INF))?$/
const NUMBER = /^(?:[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?|[-+]?0[xX][\da-fA-F]+|[-+]?0[oO]?[0-7]+|[-+]?0[bB][01]+)$/
const TIME = /^\d{4}-\d\d?-\d\d?(?:[Tt ]\d\d?:\d\d?:\d\d?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)?$/

/** Whether a text without quotation marks would be read as no text. */
const isOtherType = (value: string): boolean =>
  WORDS.test(value) || NUMBER.test(/^[-+\d]/.test(value) ? value.replaceAll('_', '') : value) || TIME.test(value)
