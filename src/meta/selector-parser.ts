import type { Operator, Requirement, Selector } from './selectors.ts'

/** What is wrong with a key or a value, in sentences; nothing when it may stand. */
export interface SelectorRules {
  key(key: string): Iterable<string>
  value(value: string): Iterable<string>
}

const PLAIN_KEY = /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const PLAIN_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/
const VALUE_LENGTH_MAX = 63

const plainRules: SelectorRules = {
  *key(key) {
    if (!PLAIN_KEY.test(key)) yield 'is no label key'
  },
  *value(value) {
    if (value.length > VALUE_LENGTH_MAX || !PLAIN_VALUE.test(value)) yield 'is no label value'
  },
}

/** `in` and `notin` are operators only behind a key; elsewhere they are identifiers like others. */
interface Token {
  readonly kind: 'end' | 'identifier' | 'symbol' | 'error'
  readonly text: string
}

const END: Token = { kind: 'end', text: '' }
const SYMBOLS = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '('])
const SPECIAL = /[=!(),<>]/
const OPERATORS: Readonly<Record<string, Operator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '=',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
}

/**
 * Parses the query syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`; sorted by key, as upstream's.
 * Throws an Error with upstream's sentence about what was found and expected.
 */
export function parseSelector(text: string, rules: SelectorRules = plainRules): Selector {
  const requirements = new Parser(tokenize(text), rules).parse()
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

class Parser {
  readonly #tokens: readonly Token[]
  readonly #rules: SelectorRules
  #at = 0

  constructor(tokens: readonly Token[], rules: SelectorRules) {
    this.#tokens = tokens
    this.#rules = rules
  }

  parse(): Requirement[] {
    const requirements: Requirement[] = []
    for (;;) {
      const token = this.#peek()
      if (token.kind === 'end') return requirements
      if (!startsRequirement(token)) throw new Error(`found '${token.text}', expected: !, identifier, or 'end of string'`)
      requirements.push(this.#requirement())
      const separator = this.#next()
      if (separator.kind === 'end') return requirements
      if (!is(separator, ',')) throw new Error(`found '${separator.text}', expected: ',' or 'end of string'`)
      if (!startsRequirement(this.#peek())) throw new Error(`found '${this.#peek().text}', expected: identifier after ','`)
    }
  }

  #requirement(): Requirement {
    try {
      return this.#readRequirement()
    } catch (error) {
      throw new Error(`unable to parse requirement: ${(error as Error).message}`, { cause: error })
    }
  }

  #readRequirement(): Requirement {
    let token = this.#next()
    const absent = is(token, '!')
    if (absent) token = this.#next()
    if (token.kind !== 'identifier') throw new Error(`found '${token.text}', expected: identifier`)
    const key = token.text
    refuse('<nil>', key, this.#rules.key(key))
    if (absent) return { key, operator: '!', values: [] }
    const following = this.#peek()
    if (following.kind === 'end' || is(following, ',')) return { key, operator: 'exists', values: [] }
    const { text } = this.#next()
    const operator = Object.hasOwn(OPERATORS, text) ? OPERATORS[text] : undefined
    if (operator === undefined) throw new Error(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`)
    const values = operator === 'in' || operator === 'notin' ? this.#valueList() : [this.#value()]
    this.#check(key, operator, values)
    return { key, operator, values }
  }

  #check(key: string, operator: Operator, values: readonly string[]): void {
    for (const [index, value] of values.entries()) {
      if ((operator === 'gt' || operator === 'lt') && !isInt64(value)) {
        const why = "for 'Gt', 'Lt' operators, the value must be an integer"
        refuse(`values[${index}]`, value, [why])
      }
      refuse(`values[${index}][${key}]`, value, this.#rules.value(value))
    }
  }

  #value(): string {
    const token = this.#peek()
    if (token.kind === 'end' || is(token, ',')) return ''
    this.#next()
    if (token.kind !== 'identifier') throw new Error(`found '${token.text}', expected: identifier`)
    return token.text
  }

  /** `(a,b)`; an empty place between commas or parentheses stands for ''. */
  #valueList(): string[] {
    const open = this.#next()
    if (!is(open, '(')) throw new Error(`found '${open.text}' expected: '('`)
    if (this.#peek().kind !== 'identifier' && !is(this.#peek(), ',') && !is(this.#peek(), ')')) {
      throw new Error(`found '${this.#peek().text}', expected: ',', ')' or identifier`)
    }
    const values = new Set<string>()
    let empty = true
    for (;;) {
      const token = this.#next()
      if (is(token, ')')) {
        if (empty) values.add('')
        return [...values].sort()
      }
      if (is(token, ',')) {
        if (empty) values.add('')
        empty = true
      } else if (token.kind !== 'identifier') {
        throw new Error(`found '${token.text}', expected: ',', or identifier`)
      } else {
        values.add(token.text)
        empty = false
        const following = this.#peek()
        if (!is(following, ',') && !is(following, ')')) throw new Error(`found '${following.text}', expected: ',' or ')'`)
      }
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? END
  }

  #next(): Token {
    const token = this.#peek()
    this.#at++
    return token
  }
}

const is = (token: Token, symbol: string): boolean => token.kind === 'symbol' && token.text === symbol
const startsRequirement = (token: Token): boolean => token.kind === 'identifier' || is(token, '!')

function refuse(path: string, value: string, problems: Iterable<string>): void {
  const all = [...problems]
  if (all.length > 0) throw new Error(`${path}: Invalid value: ${JSON.stringify(value)}: ${all.join('; ')}`)
}

const isInt64 = (text: string): boolean => /^[-+]?\d{1,19}$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text)

/** Splits at white space and symbols; of symbols that touch, the longest that is one is taken. */
function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (at < text.length) {
    const character = text[at]!
    if (/[ \t\r\n]/.test(character)) at++
    else if (SPECIAL.test(character)) {
      const two = text.slice(at, at + 2)
      const symbol = SYMBOLS.has(two) ? two : character
      tokens.push({ kind: 'symbol', text: symbol })
      at += symbol.length
    } else {
      let end = at + 1
      while (end < text.length && !/[ \t\r\n]/.test(text[end]!) && !SPECIAL.test(text[end]!)) end++
      tokens.push({ kind: 'identifier', text: text.slice(at, end) })
      at = end
    }
  }
  return tokens
}
