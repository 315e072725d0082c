import { goQuote } from '#base'
import { labelValue, qualifiedName } from './label-rules.ts'
import { isInt64, type Operator, type Requirement, type Selector } from './selectors.ts'

/** `in` and `notin` are operators only behind a key; elsewhere they are identifiers like others. */
interface Token {
  readonly kind: 'end' | 'identifier' | 'symbol'
  readonly text: string
}

const END: Token = { kind: 'end', text: '' }
const SYMBOLS = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '('])
const TOKEN = /[=!]=\0?|[=!(),<>]\0?|[^=!(),<> \t\r\n\0]+\0?|\0/g
const OPERATORS: Readonly<Record<string, Operator>> = {
  in: 'in',
  notin: 'notin',
  '=': '=',
  '==': '==',
  '!=': '!=',
  '>': 'gt',
  '<': 'lt',
}

/**
 * Parses the query syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`; sorted by key, as upstream's.
 * Throws an Error with upstream's sentence about what was found and expected.
 */
export function parseSelector(text: string): Selector {
  const requirements = new Parser(tokenize(text)).parse()
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
}

class Parser {
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
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
    refuse([[NOWHERE, key, qualifiedName(key)]])
    if (absent) return { key, operator: '!', values: [] }
    const following = this.#peek()
    if (following.kind === 'end' || is(following, ',')) return { key, operator: 'exists', values: [] }
    const { text } = this.#next()
    const operator = Object.hasOwn(OPERATORS, text) ? OPERATORS[text] : undefined
    if (operator === undefined) throw new Error(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`)
    const values = operator === 'in' || operator === 'notin' ? this.#valueList() : [this.#value()]
    refuse(valueProblems(key, operator, values))
    return { key, operator, values }
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

/** What is looked at, where it stands, and what is wrong with it. */
type Problem = readonly [path: string, value: string, problems: Iterable<string>]

/** How a path prints that does not exist. */
const NOWHERE = '<nil>'

function* valueProblems(key: string, operator: Operator, values: readonly string[]): Iterable<Problem> {
  for (const [index, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && !isInt64(value))
      yield [`values[${index}]`, value, ["for 'Gt', 'Lt' operators, the value must be an integer"]]
  }
  for (const [index, value] of values.entries()) yield [`values[${index}][${key}]`, value, labelValue(value)]
}

/** Several sentences print as a list of Go's. */
function refuse(problems: Iterable<Problem>): void {
  const sentences: string[] = []
  for (const [path, value, [...problem]] of problems)
    if (problem.length > 0) sentences.push(`${path}: Invalid value: ${goQuote(value)}: ${problem.join('; ')}`)
  if (sentences.length > 0) throw new Error(sentences.length === 1 ? sentences[0] : `[${sentences.join(', ')}]`)
}

/**
 * Splits at white space and symbols; of symbols that touch, the longest that is one is taken. A zero byte ends the token before it, and where there
 * is none, all.
 */
function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  for (const [found] of text.matchAll(TOKEN)) {
    const read = found.replace('\0', '')
    if (read === '') break
    tokens.push({ kind: SYMBOLS.has(read) ? 'symbol' : 'identifier', text: read })
  }
  return tokens
}
