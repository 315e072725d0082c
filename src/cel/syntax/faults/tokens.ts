import type { Token } from '../lexer.ts'

/** Kinds of tokens as the grammar numbers them; messages list what was expected in this order. The first stands for nothing. */
const NAMES = (
  "- '==' '!=' 'in' '<' '<=' '>=' '>' '&&' '||' '[' ']' '{' '}' '(' ')' '.' ',' '-' '!' '?' ':' '+' '*' '/' '%' 'true' 'false' 'null' " +
  'WHITESPACE COMMENT NUM_FLOAT NUM_INT NUM_UINT STRING BYTES IDENTIFIER ESC_IDENTIFIER'
).split(' ')

const LITERALS_END = NAMES.indexOf('WHITESPACE')

/** A kind of token. */
export type Type = number

export const EOF: Type = -1
/** Among what may follow: the end of the rule. */
export const EPSILON: Type = -2

const NUMBERS: ReadonlyMap<string, Type> = new Map([
  ['EOF', EOF],
  ...NAMES.map((name, type) => [name.replace(/^'(.*)'$/, '$1'), type] as const),
])

/** The kind of a token that is written so, or that the grammar calls so. */
export const typeOf = (name: string): Type => NUMBERS.get(name)!

const BY_KIND = {
  identifier: 'IDENTIFIER',
  quoted: 'ESC_IDENTIFIER',
  int: 'NUM_INT',
  uint: 'NUM_UINT',
  double: 'NUM_FLOAT',
  string: 'STRING',
  bytes: 'BYTES',
  end: 'EOF',
} as const

export const typeOfToken = ({ kind, text }: Token): Type => typeOf(kind === 'symbol' || kind === 'keyword' ? text : BY_KIND[kind])

const nameOf = (type: Type): string => (type === EOF ? '<EOF>' : type === EPSILON ? '<EPSILON>' : NAMES[type]!)

/** `'.'`, or `{'.', IDENTIFIER}`. */
export function shownTypes(types: ReadonlySet<Type>): string {
  const names = [...types].sort((a, b) => a - b).map(nameOf)
  return names.length === 1 ? names[0]! : `{${names.join(', ')}}`
}

/** What a token is called that was not there. */
export const missingText = (type: Type): string =>
  type === EOF ? '<missing EOF>' : `<missing ${type > 0 && type < LITERALS_END ? NAMES[type] : 'undefined'}>`
