import type { Value } from '../values/value.ts'
import type { Ast, Expression, MapEntry, StructField } from './ast.ts'
import { ExpressionFactory } from './factory.ts'
import { type Token, tokenize } from './lexer.ts'
import { LiteralError, parseBytes, parseDouble, parseInt64, parseString, parseUint64 } from './literals.ts'
import { type Macro, MacroError, macroKey } from './macros.ts'
import { CompileError, type Issue, type Source } from './source.ts'

export interface ParseOptions {
  readonly macros: ReadonlyMap<string, Macro>
  /** Whether `a.?b`, `a[?b]`, `[?a]` and `{?a: b}` are part of the language. */
  readonly optionalSyntax: boolean
  /** Whether fields may be written in backquotes: a.`b-c`. */
  readonly quotedFields: boolean
  /** How deep each rule of the grammar may nest. */
  readonly recursionMax: number
}

/** Upstream's bound; what exceeds it is an error before anything is built. */
const CODE_POINTS_MAX = 100_000
const ISSUES_MAX = 100

const RESERVED: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
)
const RELATIONS: ReadonlySet<string> = new Set(['<', '<=', '>=', '>', '==', '!=', 'in'])
const EXPECTED_OPERAND =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"

/** Whether a token can begin what an operator applies to. */
function startsOperand(token: Token | undefined): boolean {
  if (token === undefined || token.kind === 'end' || token.kind === 'quoted') return false
  return token.kind === 'symbol' ? ['(', '[', '{', '.', '-', '!'].includes(token.text) : token.text !== 'in'
}

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

/** Ends the parse: what follows a syntax error means nothing. */
class Stop extends Error {}

type Depth = 'expression' | 'calculation' | 'relation' | 'member'

/** Recursive descent over CEL's grammar (https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax). */
class Parser {
  private readonly source: Source
  private readonly options: ParseOptions
  private readonly make = new ExpressionFactory()
  private readonly tokens: readonly Token[]
  private readonly issues: Issue[]
  private readonly depth: Record<Depth, number> = { expression: 0, calculation: 0, relation: 0, member: 0 }
  private at = 0

  constructor(source: Source, options: ParseOptions) {
    this.source = source
    this.options = options
    const { tokens, issues } = tokenize(source)
    this.tokens = tokens
    this.issues = issues
  }

  parse(): Ast {
    let root: Expression | undefined
    try {
      root = this.expression()
      if (this.token.kind !== 'end') {
        const isLast = this.tokens[this.at + 1]?.kind === 'end'
        this.stop(this.token, `Syntax error: ${isLast ? 'extraneous' : 'mismatched'} input '${this.token.text}' expecting <EOF>`)
      }
    } catch (error) {
      if (!(error instanceof Stop)) throw error
    }
    if (this.issues.length > 0 || root === undefined) throw new CompileError(this.source, this.issues)
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
    return this.accept(text) ?? this.stop(this.token, `Syntax error: ${this.inputHere()} expecting '${text}'`)
  }

  private inputHere(): string {
    return this.token.kind === 'end' ? "mismatched input '<EOF>'" : `mismatched input '${this.token.text}'`
  }

  private report(offset: number, message: string): void {
    if (this.issues.length < ISSUES_MAX) this.issues.push(this.source.issue(offset, message))
  }

  private stop(token: Token, message: string): never {
    this.report(token.start, message)
    throw new Stop()
  }

  /** Counts one level of a grammar rule. */
  private deeper(rule: Depth): void {
    const { recursionMax } = this.options
    if (++this.depth[rule] > recursionMax) {
      // Upstream names no place.
      this.issues.splice(0, this.issues.length, {
        message: `expression recursion limit exceeded: ${recursionMax}`,
        line: -1,
        column: -1,
      })
      throw new Stop()
    }
  }

  private expression(): Expression {
    this.deeper('expression')
    const condition = this.logical('||', '_||_', () => this.logical('&&', '_&&_', () => this.relation()))
    const mark = this.accept('?')
    let result = condition
    if (mark !== undefined) {
      const yes = this.logical('||', '_||_', () => this.logical('&&', '_&&_', () => this.relation()))
      this.expect(':')
      result = this.make.call(mark.start, '_?_:_', [condition, yes, this.expression()])
    }
    this.depth.expression--
    return result
  }

  /** A chain of && or || becomes a balanced tree, so that its depth stays logarithmic. */
  private logical(symbol: string, name: string, operand: () => Expression): Expression {
    const terms = [operand()]
    const operators: Token[] = []
    for (let token = this.accept(symbol); token !== undefined; token = this.accept(symbol)) {
      operators.push(token)
      terms.push(operand())
    }
    const balance = (low: number, high: number): Expression => {
      if (low > high) return terms[low]!
      const middle = Math.floor((low + high + 1) / 2)
      return this.make.call(operators[middle]!.start, name, [balance(low, middle - 1), balance(middle + 1, high)])
    }
    return balance(0, operators.length - 1)
  }

  private relation(): Expression {
    let left = this.sum()
    let count = 0
    while (RELATIONS.has(this.token.text) && (this.token.kind === 'symbol' || this.token.kind === 'keyword')) {
      const operator = this.next()
      this.deeper('relation')
      count++
      left = this.make.call(operator.start, operator.text === 'in' ? '@in' : `_${operator.text}_`, [left, this.sum()])
    }
    this.depth.relation -= count
    return left
  }

  private sum(): Expression {
    return this.chain(['+', '-'], () => this.chain(['*', '/', '%'], () => this.unary()))
  }

  private chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand()
    let count = 0
    while (this.token.kind === 'symbol' && operators.includes(this.token.text)) {
      const operator = this.next()
      this.deeper('calculation')
      count++
      left = this.make.call(operator.start, `_${operator.text}_`, [left, operand()])
    }
    this.depth.calculation -= count
    return left
  }

  private unary(): Expression {
    for (const [symbol, name] of [
      ['!', '!_'],
      ['-', '-_'],
    ] as const) {
      const first = this.accept(symbol)
      if (first === undefined) continue
      let count = 1
      while (this.accept(symbol)) count++
      const isNumber = symbol === '-' && (this.token.kind === 'int' || this.token.kind === 'double')
      if (count === 1 && isNumber) return this.member(first)
      const operand = this.member()
      return count % 2 === 0 ? operand : this.make.call(first.start, name, [operand])
    }
    return this.member()
  }

  private member(minus?: Token): Expression {
    let operand = this.primary(minus)
    let count = 0
    for (;;) {
      if (this.is('.')) operand = this.afterDot(operand, this.next())
      else if (this.is('[')) operand = this.index(operand, this.next())
      else break
      this.deeper('member')
      count++
    }
    this.depth.member -= count
    return operand
  }

  private afterDot(operand: Expression, dot: Token): Expression {
    const optional = this.accept('?')
    const name = this.next()
    if (name.kind !== 'identifier' && name.kind !== 'quoted') {
      const shown =
        name.kind === 'end' ? "no viable alternative at input '.'" : `mismatched input '${name.text}' expecting IDENTIFIER`
      return this.stop(name, `Syntax error: ${shown}`)
    }
    if (name.kind === 'identifier' && !optional && this.is('(')) {
      const parenthesis = this.next()
      return this.invoke(parenthesis, operand, name.text, this.list(')'))
    }
    const field = this.fieldName(name)
    if (optional !== undefined) {
      this.needOptionals(dot, '.?')
      return this.make.call(dot.start, '_?._', [operand, this.make.literal(name.start, field)])
    }
    return this.make.select(dot.start, operand, field)
  }

  private index(operand: Expression, bracket: Token): Expression {
    const optional = this.accept('?')
    if (optional !== undefined) this.needOptionals(bracket, '[?')
    const index = this.expression()
    this.expect(']')
    return this.make.call(bracket.start, optional === undefined ? '_[_]' : '_[?_]', [operand, index])
  }

  private needOptionals(token: Token, syntax = '?'): void {
    if (!this.options.optionalSyntax) this.report(token.start, `unsupported syntax '${syntax}'`)
  }

  private fieldName(name: Token): string {
    if (name.kind !== 'quoted') return name.text
    if (!this.options.quotedFields) this.report(name.start, "unsupported syntax: '`'")
    return name.text.slice(1, -1)
  }

  /** Expressions separated by commas up to `end`. */
  private list(end: string): Expression[] {
    const result: Expression[] = []
    if (this.accept(end)) return result
    do result.push(this.expression())
    while (this.accept(','))
    this.expect(end)
    return result
  }

  private primary(minus?: Token): Expression {
    const token = this.token
    if (token.kind === 'identifier' || this.is('.')) return this.named()
    if (this.accept('(')) {
      const inner = this.expression()
      this.expect(')')
      return inner
    }
    if (this.is('[')) return this.listLiteral(this.next())
    if (this.is('{')) return this.mapLiteral(this.next())
    if (token.kind === 'symbol' || token.kind === 'end' || token.kind === 'quoted' || token.text === 'in') {
      if (!startsOperand(this.tokens[this.at + 1])) {
        return this.stop(token, `Syntax error: ${this.inputHere()} expecting ${EXPECTED_OPERAND}`)
      }
      // As upstream does, goes on without a token after which all is well.
      this.report(token.start, `Syntax error: extraneous input '${token.text}' expecting ${EXPECTED_OPERAND}`)
      this.next()
      return this.primary(minus)
    }
    this.next()
    return this.make.literal((minus ?? token).start, this.value(token, minus !== undefined))
  }

  private value(token: Token, negative: boolean): Value {
    const { kind, text } = token
    try {
      if (kind === 'int') return parseInt64(text, negative)
      if (kind === 'uint') return parseUint64(text)
      if (kind === 'double') return parseDouble(text, negative)
      if (kind === 'string') return parseString(text)
      if (kind === 'bytes') return parseBytes(text)
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error
      this.report(token.start, error.message)
      return null
    }
    return text === 'null' ? null : text === 'true'
  }

  /** An identifier, a call of a function, or `a.b.Message{…}`. */
  private named(): Expression {
    const start = this.token
    const dot = this.accept('.') === undefined ? '' : '.'
    const token = this.next()
    if (token.kind !== 'identifier') return this.stop(token, `Syntax error: ${this.inputAt(token)} expecting IDENTIFIER`)
    const struct = this.structName(token)
    if (struct !== undefined) return this.structLiteral(dot + struct, this.expect('{'))
    if (RESERVED.has(token.text)) this.report(token.start, `reserved identifier: ${token.text}`)
    if (this.is('(')) {
      const parenthesis = this.next()
      return this.invoke(parenthesis, undefined, dot + token.text, this.list(')'))
    }
    return this.make.identifier(start.start, dot + token.text)
  }

  private inputAt(token: Token): string {
    return token.kind === 'end' ? "mismatched input '<EOF>'" : `mismatched input '${token.text}'`
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
    const macro = this.macroFor(name, args.length, target !== undefined)
    if (macro !== undefined) {
      try {
        const expanded = macro.expand(this.make.at(parenthesis.start), target, args)
        if (expanded !== undefined) return expanded
      } catch (error) {
        if (!(error instanceof MacroError)) throw error
        this.report(error.offset ?? parenthesis.start, error.message)
      }
    }
    return this.make.call(parenthesis.start, name, args, target)
  }

  private macroFor(name: string, args: number, isMember: boolean): Macro | undefined {
    const { macros } = this.options
    return macros.get(macroKey(name, args, isMember)) ?? macros.get(macroKey(name, undefined, isMember))
  }

  private listLiteral(bracket: Token): Expression {
    const elements: Expression[] = []
    const optionalIndices: number[] = []
    while (!this.is(']')) {
      const optional = this.accept('?')
      if (optional !== undefined) {
        this.needOptionals(optional)
        optionalIndices.push(elements.length)
      }
      elements.push(this.expression())
      if (!this.accept(',')) break
    }
    this.expect(']')
    return this.make.list(bracket.start, elements, optionalIndices)
  }

  private mapLiteral(brace: Token): Expression {
    const entries: MapEntry[] = []
    while (!this.is('}')) {
      const optional = this.accept('?')
      if (optional !== undefined) this.needOptionals(optional)
      const issues = this.issues.length
      const key = this.expression()
      const colon = this.expect(':')
      const id = this.make.nextId()
      entries.push({ id, offset: colon.start, key, value: this.expression(), optional: optional !== undefined })
      // Upstream does not look into an entry that it refuses.
      if (optional !== undefined && !this.options.optionalSyntax) this.issues.length = issues
      if (!this.accept(',')) break
    }
    this.expect('}')
    return this.make.map(brace.start, entries)
  }

  private structLiteral(typeName: string, brace: Token): Expression {
    const fields: StructField[] = []
    while (!this.is('}')) {
      const optional = this.accept('?')
      if (optional !== undefined) this.needOptionals(optional)
      const name = this.next()
      if (name.kind !== 'identifier' && name.kind !== 'quoted') {
        return this.stop(name, `Syntax error: ${this.inputAt(name)} expecting {'}', ',', IDENTIFIER}`)
      }
      const colon = this.expect(':')
      const field = this.fieldName(name)
      const id = this.make.nextId()
      fields.push({ id, offset: colon.start, name: field, value: this.expression(), optional: optional !== undefined })
      if (!this.accept(',')) break
    }
    this.expect('}')
    return this.make.struct(brace.start, typeName, fields)
  }
}
