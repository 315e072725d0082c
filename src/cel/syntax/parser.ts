import { assert } from '#base'
import type { Value } from '../values/value.ts'
import type { Ast, Expression, MapEntry, StructField } from './ast.ts'
import { ExpressionFactory } from './factory.ts'
import { faultsOf, type Stray } from './faults/index.ts'
import { type Token, tokenize } from './lexer.ts'
import { LiteralError, parseBytes, parseDouble, parseInt64, parseString, parseUint64 } from './literals.ts'
import { MacroError } from './macros.ts'
import { macroFor, type ParseOptions, RESERVED } from './options.ts'
import { CompileError, type Source } from './source.ts'

/** Upstream's bound; what exceeds it is an error before anything is built. */
const CODE_POINTS_MAX = 100_000

const RELATIONS: ReadonlySet<string> = new Set(['<', '<=', '>=', '>', '==', '!=', 'in'])
/** Throws {@link CompileError} with every issue found. */
export function parse(source: Source, options: ParseOptions): Ast {
  if (source.text.length > CODE_POINTS_MAX) {
    const size = [...source.text].length
    if (size > CODE_POINTS_MAX) {
      throw new CompileError(source, [
        { message: `expression code point size exceeds limit: size: ${size}, limit ${CODE_POINTS_MAX}`, line: 0, column: 0 },
      ])
    }
  }
  return new Parser(source, options).parse()
}

/** As many sums are open in one expression: itself, a term, and a factor. Upstream bounds how many are in all. */
const RULES_OF_ONE_MAX = 3

/** Ends the parse: the text is no expression, or too deep, and another reader tells why. */
class Stop extends Error {}

/** Recursive descent over CEL's grammar (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax). */
class Parser {
  private readonly source: Source
  private readonly options: ParseOptions
  private readonly make = new ExpressionFactory()
  private readonly tokens: readonly Token[]
  private readonly strays: readonly Stray[]
  /** How many expressions are open, and were at most. */
  private depth = 0
  private deepest = 0
  /** How many operators, selections and calls of members are inside each other in what was read last. */
  private height = 0
  private at = 0

  constructor(source: Source, options: ParseOptions) {
    this.source = source
    this.options = options
    const { tokens, strays } = tokenize(source)
    this.tokens = tokens
    this.strays = strays
  }

  parse(): Ast {
    let root: Expression | undefined
    try {
      root = this.expression()
      const isWhole = this.token.kind === 'end' && this.strays.length === 0
      if (isWhole && this.deepest * RULES_OF_ONE_MAX <= this.options.recursionMax) return this.ast(root)
      if (!isWhole) root = undefined
    } catch (error) {
      if (![Stop, LiteralError, MacroError].some((expected) => error instanceof expected)) throw error
    }
    const faults = faultsOf(this.source, this.tokens, this.strays, this.options)
    if (root !== undefined && faults.length === 0) return this.ast(root)
    assert(faults.length > 0, 'what one reader of a text refuses the other finds fault with')
    throw new CompileError(this.source, faults)
  }

  private ast(root: Expression): Ast {
    return { root, size: this.make.size }
  }

  private get token(): Token {
    return this.tokens[this.at]!
  }

  private next(): Token {
    const token = this.token
    if (token.kind !== 'end') this.at++
    return token
  }

  private is(text: string): boolean {
    const { kind } = this.token
    return this.token.text === text && (kind === 'symbol' || kind === 'keyword')
  }

  private accept(text: string): Token | undefined {
    return this.is(text) ? this.next() : undefined
  }

  private expect(text: string): Token {
    return this.accept(text) ?? stop()
  }

  /** What was read last stands on parts of these heights. */
  private raise(left: number, right = 0): void {
    this.height = Math.max(left, right) + 1
    if (this.height > this.options.recursionMax) stop()
  }

  private expression(): Expression {
    if (++this.depth > this.options.recursionMax) stop()
    if (this.depth > this.deepest) this.deepest = this.depth
    const condition = this.alternation()
    const mark = this.accept('?')
    let result = condition
    if (mark !== undefined) {
      const height = this.height
      const yes = this.alternation()
      this.expect(':')
      const within = Math.max(height, this.height)
      result = this.make.call(mark.start, '_?_:_', [condition, yes, this.expression()])
      this.raise(within, this.height)
    }
    this.depth--
    return result
  }

  private alternation(): Expression {
    return this.logical('||', '_||_', () => this.logical('&&', '_&&_', () => this.relation()))
  }

  /** A chain of && or || becomes a balanced tree, so that its depth stays logarithmic. */
  private logical(symbol: string, name: string, operand: () => Expression): Expression {
    const terms = [operand()]
    const operators: Token[] = []
    let { height } = this
    for (let token = this.accept(symbol); token !== undefined; token = this.accept(symbol)) {
      operators.push(token)
      terms.push(operand())
      height = Math.max(height, this.height)
    }
    this.height = height
    const balance = (low: number, high: number): Expression => {
      if (low > high) return terms[low]!
      const middle = Math.floor((low + high + 1) / 2)
      return this.make.call(operators[middle]!.start, name, [balance(low, middle - 1), balance(middle + 1, high)])
    }
    return balance(0, operators.length - 1)
  }

  private relation(): Expression {
    let left = this.sum()
    while (RELATIONS.has(this.token.text) && (this.token.kind === 'symbol' || this.token.kind === 'keyword')) {
      const operator = this.next()
      const { height } = this
      left = this.make.call(operator.start, operator.text === 'in' ? '@in' : `_${operator.text}_`, [left, this.sum()])
      this.raise(height, this.height)
    }
    return left
  }

  private sum(): Expression {
    return this.chain(['+', '-'], () => this.chain(['*', '/', '%'], () => this.unary()))
  }

  private chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand()
    while (this.token.kind === 'symbol' && operators.includes(this.token.text)) {
      const operator = this.next()
      const { height } = this
      left = this.make.call(operator.start, `_${operator.text}_`, [left, operand()])
      this.raise(height, this.height)
    }
    return left
  }

  private unary(): Expression {
    const isMinus = this.is('-')
    if (!isMinus && !this.is('!')) return this.member()
    const first = this.next()
    let count = 1
    while (this.accept(first.text)) count++
    if (isMinus && count === 1 && this.isNumber(0)) return this.member(first)
    const operand = this.member(!isMinus && this.is('-') && this.isNumber(1) ? this.next() : undefined)
    return count % 2 === 0 ? operand : this.make.call(first.start, isMinus ? '-_' : '!_', [operand])
  }

  /** Whether there is a number that may have a sign. */
  private isNumber(ahead: number): boolean {
    const kind = this.tokens[this.at + ahead]?.kind
    return kind === 'int' || kind === 'double'
  }

  private member(minus?: Token): Expression {
    let operand = this.primary(minus)
    for (;;) {
      if (this.is('.')) operand = this.afterDot(operand, this.next())
      else if (this.is('[')) operand = this.index(operand, this.next())
      else return operand
    }
  }

  private afterDot(operand: Expression, dot: Token): Expression {
    const optional = this.acceptMark()
    const name = this.next()
    if (name.kind !== 'identifier' && name.kind !== 'quoted') return stop()
    if (name.kind === 'identifier' && !optional && this.is('(')) {
      const parenthesis = this.next()
      const { height } = this
      const args = this.list(')')
      this.raise(height, this.height)
      return this.invoke(parenthesis, operand, name.text, args)
    }
    this.raise(this.height)
    const field = this.fieldName(name)
    if (optional !== undefined) {
      return this.make.call(dot.start, '_?._', [operand, this.make.literal(name.start, field)])
    }
    return this.make.select(dot.start, operand, field)
  }

  private index(operand: Expression, bracket: Token): Expression {
    const optional = this.acceptMark()
    const { height } = this
    const index = this.expression()
    this.expect(']')
    this.raise(height, this.height)
    return this.make.call(bracket.start, optional === undefined ? '_[_]' : '_[?_]', [operand, index])
  }

  /** `?` where it marks what may be left out. */
  private acceptMark(): Token | undefined {
    const mark = this.accept('?')
    return mark === undefined || this.options.optionalSyntax ? mark : stop()
  }

  private fieldName(name: Token): string {
    if (name.kind !== 'quoted') return name.text
    return this.options.quotedFields ? name.text.slice(1, -1) : stop()
  }

  /** Expressions separated by commas up to `end`. */
  private list(end: string): Expression[] {
    const result: Expression[] = []
    let height = 0
    if (this.accept(end) === undefined) {
      do {
        result.push(this.expression())
        height = Math.max(height, this.height)
      } while (this.accept(','))
      this.expect(end)
    }
    this.height = height
    return result
  }

  private primary(minus?: Token): Expression {
    const token = this.token
    this.height = 0
    if (token.kind === 'identifier' || this.is('.')) return this.named()
    if (this.accept('(')) {
      const inner = this.expression()
      this.expect(')')
      return inner
    }
    if (this.is('[')) return this.listLiteral(this.next())
    if (this.is('{')) return this.mapLiteral(this.next())
    if (token.kind === 'symbol' || token.kind === 'end' || token.kind === 'quoted' || token.text === 'in') return stop()
    this.next()
    return this.make.literal((minus ?? token).start, this.value(token, minus !== undefined))
  }

  private value({ kind, text }: Token, negative: boolean): Value {
    if (kind === 'int') return parseInt64(text, negative)
    if (kind === 'uint') return parseUint64(text)
    if (kind === 'double') return parseDouble(text, negative)
    if (kind === 'string') return parseString(text)
    if (kind === 'bytes') return parseBytes(text)
    return text === 'null' ? null : text === 'true'
  }

  /** An identifier, a call of a function, or `a.b.Message{…}`. */
  private named(): Expression {
    const start = this.token
    const dot = this.accept('.') === undefined ? '' : '.'
    const token = this.next()
    if (token.kind !== 'identifier') return stop()
    const struct = this.structName(token)
    if (struct !== undefined) return this.structLiteral(dot + struct, this.expect('{'))
    if (RESERVED.has(token.text)) stop()
    if (this.is('(')) {
      const parenthesis = this.next()
      return this.invoke(parenthesis, undefined, dot + token.text, this.list(')'))
    }
    return this.make.identifier(start.start, dot + token.text)
  }

  /** Looks ahead over `a.b.c` and consumes it when `{` follows. */
  private structName(first: Token): string | undefined {
    let name = first.text
    let ahead = this.at
    while (this.tokens[ahead]!.text === '.' && this.tokens[ahead + 1]?.kind === 'identifier') {
      name += `.${this.tokens[ahead + 1]!.text}`
      ahead += 2
    }
    const brace = this.tokens[ahead]!
    if (brace.kind !== 'symbol' || brace.text !== '{') return undefined
    this.at = ahead
    return name
  }

  private invoke(parenthesis: Token, target: Expression | undefined, name: string, args: Expression[]): Expression {
    const macro = macroFor(this.options.macros, name, args.length, target !== undefined)
    const expanded = macro?.expand(this.make.at(parenthesis.start), target, args)
    if (expanded !== undefined) return expanded
    return this.make.call(parenthesis.start, name, args, target)
  }

  private listLiteral(bracket: Token): Expression {
    const elements: Expression[] = []
    const optionalIndices: number[] = []
    let height = 0
    const isBare = this.accept(',') !== undefined
    while (!isBare && !this.is(']')) {
      const optional = this.acceptMark()
      if (optional !== undefined) {
        optionalIndices.push(elements.length)
      }
      elements.push(this.expression())
      height = Math.max(height, this.height)
      if (!this.accept(',')) break
    }
    this.height = height
    this.expect(']')
    return this.make.list(bracket.start, elements, optionalIndices)
  }

  private mapLiteral(brace: Token): Expression {
    const entries: MapEntry[] = []
    let highest = 0
    const isBare = this.accept(',') !== undefined
    while (!isBare && !this.is('}')) {
      const optional = this.acceptMark()
      const key = this.expression()
      const { height } = this
      const colon = this.expect(':')
      const id = this.make.nextId()
      entries.push({ id, offset: colon.start, key, value: this.expression(), optional: optional !== undefined })
      highest = Math.max(highest, height, this.height)
      if (!this.accept(',')) break
    }
    this.expect('}')
    this.height = highest
    return this.make.map(brace.start, entries)
  }

  private structLiteral(typeName: string, brace: Token): Expression {
    const fields: StructField[] = []
    let height = 0
    const isBare = this.accept(',') !== undefined
    while (!isBare && !this.is('}')) {
      const optional = this.acceptMark()
      const name = this.next()
      if (name.kind !== 'identifier' && name.kind !== 'quoted') return stop()
      const colon = this.expect(':')
      const field = this.fieldName(name)
      const id = this.make.nextId()
      fields.push({ id, offset: colon.start, name: field, value: this.expression(), optional: optional !== undefined })
      height = Math.max(height, this.height)
      if (!this.accept(',')) break
    }
    this.expect('}')
    this.height = height
    return this.make.struct(brace.start, typeName, fields)
  }
}

function stop(): never {
  throw new Stop()
}
