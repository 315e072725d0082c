import { declare, type FunctionDeclaration } from '../types/declarations.ts'
import * as types from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { ArrayList, type CelList } from '../values/list.ts'
import { formatValidator } from './format-check.ts'
import { type FormatStyle, formatString } from './format-string.ts'
import type { Library } from './library.ts'

const { dyn, int, list, string } = types

/** Positions count code points. Without surrogates those are the string's own units. */
const points = (text: string): string | readonly string[] => (/[\ud800-\udfff]/.test(text) ? [...text] : text)
const joined = (part: string | readonly string[]): string => (typeof part === 'string' ? part : part.join(''))
const outOfRange = (index: unknown): never => fail(`index out of range: ${index}`)

function charAt(text: string, index: number): string {
  const all = points(text)
  if (!(index >= 0 && index <= all.length)) return outOfRange(index)
  return all[index] ?? ''
}

const isAt = (all: string | readonly string[], part: string | readonly string[], start: number): boolean => {
  for (let at = 0; at < part.length; at++) if (all[start + at] !== part[at]) return false
  return true
}

function indexOf(text: string, part: string, offset = 0): number {
  const all = points(text)
  if (!(offset >= 0 && offset <= all.length)) return outOfRange(offset)
  const wanted = points(part)
  if (typeof all === 'string' && typeof wanted === 'string') return wanted === '' ? offset : all.indexOf(wanted, offset)
  for (let at = offset; at <= all.length - wanted.length; at++) if (isAt(all, wanted, at)) return at
  return -1
}

function lastIndexOf(text: string, part: string, offset?: number): number {
  const all = points(text)
  if (offset !== undefined && !(offset >= 0 && offset <= all.length)) return outOfRange(offset)
  const wanted = points(part)
  if (wanted.length === 0) return offset ?? all.length
  for (let at = Math.min(offset ?? all.length, all.length - wanted.length); at >= 0; at--) if (isAt(all, wanted, at)) return at
  return -1
}

function substring(text: string, start: number, end?: number): string {
  const all = points(text)
  if (!(start >= 0 && start <= all.length)) return outOfRange(start)
  if (end === undefined) return joined(all.slice(start))
  if (!(end >= 0 && end <= all.length)) return outOfRange(end)
  if (start > end) return fail(`invalid substring range. start: ${start}, end: ${end}`)
  return joined(all.slice(start, end))
}

/** Upstream's cost knows the length of the text only, not that of what replaces it. */
const REPLACED_MAX = 1 << 24

/** The first `limit` occurrences; all below zero. An empty text is found around every code point. */
function replace(text: string, old: string, by: string, limit = -1): string {
  const longest = (text.length + 1) * (by.length + 1)
  if (longest > REPLACED_MAX) return fail('replacement too large')
  if (limit < 0) return old === '' ? [by, ...[...text].flatMap((point) => [point, by])].join('') : text.replaceAll(old, () => by)
  if (old === '') {
    const all = [...text]
    return all.map((point, at) => (at < limit ? by + point : point)).join('') + (all.length < limit ? by : '')
  }
  const parts = text.split(old)
  return parts.reduce((before, part, at) => before + (at <= limit ? by : old) + part)
}

function split(text: string, separator: string, limit = -1): ArrayList {
  if (limit === 0) return new ArrayList([])
  const parts = separator === '' ? [...text] : text.split(separator)
  if (limit < 0 || parts.length <= limit) return new ArrayList(parts)
  return new ArrayList([...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)])
}

function join(values: CelList, separator = ''): string {
  return values
    .toArray()
    .map((value) => (typeof value === 'string' ? value : fail(`no such overload`)))
    .join(separator)
}

/** Go's white space: that of Unicode without the byte order mark. */
const trim = (text: string): string => text.replace(/^[\s\u0085]+|[\s\u0085]+$/g, (space) => space.replaceAll(/[^\ufeff]/g, ''))
const lowerAscii = (text: string): string => text.replaceAll(/[A-Z]+/g, (part) => part.toLowerCase())
const upperAscii = (text: string): string => text.replaceAll(/[a-z]+/g, (part) => part.toUpperCase())

const ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is escaped
const quote = (text: string): string => `"${text.toWellFormed().replaceAll(/[\x07\b\f\n\r\t\v\\"]/g, (mark) => ESCAPES[mark]!)}"`

/* The guards have seen to the argument types; ints past 2^53 are bigints and out of range everywhere here. */
const functions = (style: FormatStyle): readonly FunctionDeclaration[] => [
  declare('charAt', {
    members: [['string_char_at_int', [string, int], string, (text, at) => charAt(text as string, at as number)]],
  }),
  declare('indexOf', {
    members: [
      ['string_index_of_string', [string, string], int, (text, part) => indexOf(text as string, part as string)],
      [
        'string_index_of_string_int',
        [string, string, int],
        int,
        (text, part, at) => indexOf(text as string, part as string, at as number),
      ],
    ],
  }),
  declare('lastIndexOf', {
    members: [
      ['string_last_index_of_string', [string, string], int, (text, part) => lastIndexOf(text as string, part as string)],
      [
        'string_last_index_of_string_int',
        [string, string, int],
        int,
        (text, part, at) => lastIndexOf(text as string, part as string, at as number),
      ],
    ],
  }),
  declare('lowerAscii', { members: [['string_lower_ascii', [string], string, (text) => lowerAscii(text as string)]] }),
  declare('upperAscii', { members: [['string_upper_ascii', [string], string, (text) => upperAscii(text as string)]] }),
  declare('trim', { members: [['string_trim', [string], string, (text) => trim(text as string)]] }),
  declare('replace', {
    members: [
      [
        'string_replace_string_string',
        [string, string, string],
        string,
        (text, old, by) => replace(text as string, old as string, by as string),
      ],
      [
        'string_replace_string_string_int',
        [string, string, string, int],
        string,
        (text, old, by, limit) => replace(text as string, old as string, by as string, Number(limit)),
      ],
    ],
  }),
  declare('split', {
    members: [
      ['string_split_string', [string, string], list(string), (text, separator) => split(text as string, separator as string)],
      [
        'string_split_string_int',
        [string, string, int],
        list(string),
        (text, separator, limit) => split(text as string, separator as string, Number(limit)),
      ],
    ],
  }),
  declare('substring', {
    members: [
      ['string_substring_int', [string, int], string, (text, start) => substring(text as string, start as number)],
      [
        'string_substring_int_int',
        [string, int, int],
        string,
        (text, start, end) => substring(text as string, start as number, end as number),
      ],
    ],
  }),
  declare('join', {
    members: [
      ['list_join', [list(string)], string, (values) => join(values as CelList)],
      ['list_join_string', [list(string), string], string, (values, separator) => join(values as CelList, separator as string)],
    ],
  }),
  declare('format', {
    members: [
      ['string_format', [string, list(dyn)], string, (text, args) => formatString(text as string, args as CelList, style)],
    ],
  }),
  declare('strings.quote', { functions: [['strings_quote', [string], string, (text) => quote(text as string)]] }),
]

const reverse = declare('reverse', {
  members: [['string_reverse', [string], string, (text) => [...(text as string)].reverse().join('')]],
})

/** https://github.com/google/cel-go/blob/master/ext/README.md#strings. Kubernetes has version 2; `reverse` came with 3. */
export const stringsLibrary = (version: 2 | 4): Library => ({
  name: 'cel.lib.ext.strings',
  functions: version === 2 ? functions('literals') : [...functions('plain'), reverse],
  ...(version === 2 && { validator: formatValidator }),
})
