import type { Expression } from '../ast.ts'
import { ExpressionFactory } from '../factory.ts'
import type { Token } from '../lexer.ts'
import { LiteralError, parseBytes, parseDouble, parseInt64, parseString, parseUint64 } from '../literals.ts'
import { MacroError } from '../macros.ts'
import { macroFor, type ParseOptions, RESERVED } from '../options.ts'
import { GivenUp } from './recovery.ts'
import type { Node } from './tree.ts'

/** Where a finding about nothing is. */
const NOWHERE = -1

/** What counts as a step down. */
const DEEPER: ReadonlySet<string> = new Set(['expr', 'relation', 'calc', 'Select', 'MemberCall', 'Index'])

type Report = (offset: number, message: string) => void

/**
 * Looks through what was read of a text with errors for what else is wrong with it. The expressions that it makes are for macros to look at: what was not there
 * is a null, and what nobody looks at is left out.
 */
export class Reader {
  readonly #options: ParseOptions
  readonly #report: Report
  readonly #make = new ExpressionFactory()
  #depth = 0

  constructor(options: ParseOptions, report: Report) {
    this.#options = options
    this.#report = report
  }

  read(tree: Node): void {
    this.#visit(tree.node('e'))
  }

  #visit(node: Node | undefined): Expression {
    const at = unnested(node)
    const isDeeper = at !== undefined && DEEPER.has(at.name)
    if (isDeeper && ++this.#depth > this.#options.recursionMax) throw new GivenUp('max recursion depth exceeded')
    const found = this.#visitOne(at)
    if (isDeeper) this.#depth--
    return found
  }

  #visitOne(at: Node | undefined): Expression {
    switch (at?.name) {
      case 'expr':
        return this.#call(at.token('op')!.start, '_?_:_', this.#all([at.node('e'), at.node('e1'), at.node('e2')]))
      case 'conditionalOr':
      case 'conditionalAnd':
        return this.#logical(at)
      case 'relation':
      case 'calc':
        return this.#binary(at)
      case 'unary':
        return this.#make.literal(at.start.start, '<<error>>')
      case 'LogicalNot':
        return this.#repeated(at, '!_')
      case 'Negate':
        return this.#repeated(at, '-_')
      case 'Select':
        return this.#select(at)
      case 'MemberCall':
        return this.#memberCall(at)
      case 'Index':
        return this.#index(at)
      case 'Ident':
      case 'GlobalCall':
        return this.#named(at)
      case 'CreateList':
        return this.#list(at)
      case 'CreateStruct':
        return this.#map(at)
      case 'CreateMessage':
        return this.#message(at)
      default:
        return at === undefined ? this.#nothing() : this.#literal(at)
    }
  }

  #all(nodes: readonly (Node | undefined)[]): Expression[] {
    return nodes.map((node) => this.#visit(node))
  }

  #nothing(offset = NOWHERE): Expression {
    return this.#make.literal(offset, null)
  }

  #refuse(offset: number, message: string): Expression {
    this.#report(offset, message)
    return this.#nothing(offset)
  }

  #call(offset: number, name: string, args: readonly Expression[], target?: Expression): Expression {
    const macro = macroFor(this.#options.macros, name, args.length, target !== undefined)
    try {
      const expanded = macro?.expand(this.#make.at(offset), target, args)
      if (expanded !== undefined) return expanded
    } catch (error) {
      if (!(error instanceof MacroError)) throw error
      return this.#refuse(error.offset ?? offset, error.message)
    }
    return this.#make.call(offset, name, args, target)
  }

  #logical(node: Node): Expression {
    const name = node.name === 'conditionalOr' ? '||' : '&&'
    const terms = [this.#visit(node.node('e'))]
    const rest = node.nodes('e1')
    for (const index of node.tokens('ops').keys()) {
      if (index >= rest.length) return this.#refuse(node.start.start, `unexpected character, wanted '${name}'`)
      terms.push(this.#visit(rest[index]))
    }
    return this.#make.call(node.tokens('ops')[0]!.start, `_${name}_`, terms)
  }

  #binary(node: Node): Expression {
    const { start, text } = node.token('op')!
    const operands = this.#all([node.child(node.rule), node.child(node.rule, 1)])
    return this.#call(start, text === 'in' ? '@in' : `_${text}_`, operands)
  }

  #repeated(node: Node, name: string): Expression {
    const operators = node.tokens('ops')
    const operand = this.#visit(node.child('member'))
    return operators.length % 2 === 0 ? operand : this.#call(operators[0]!.start, name, [operand])
  }

  #select(node: Node): Expression {
    const operand = this.#visit(node.child('member'))
    const [id, dot] = [node.node('id'), node.token('op')]
    if (id === undefined || dot === undefined) return this.#nothing(node.start.start)
    const field = this.#field(id, id.start.start)
    if (node.token('opt') === undefined) return this.#make.select(dot.start, operand, field ?? '')
    if (!this.#options.optionalSyntax) return this.#refuse(dot.start, "unsupported syntax '.?'")
    return this.#make.call(dot.start, '_?._', [operand, this.#make.literal(id.start.start, field ?? '')])
  }

  #field(id: Node | undefined, offset: number): string | undefined {
    const text = id?.token('id')?.text ?? ''
    if (id?.name === 'SimpleIdentifier') return text
    if (id?.name !== 'EscapedIdentifier') this.#report(offset, 'unsupported ident kind')
    else if (this.#options.quotedFields) return text.slice(1, -1)
    else this.#report(offset, "unsupported syntax: '`'")
    return undefined
  }

  #memberCall(node: Node): Expression {
    const target = this.#visit(node.child('member'))
    const id = node.token('id')
    if (id === undefined) return this.#nothing(node.start.start)
    return this.#call(node.token('open')?.start ?? NOWHERE, id.text, this.#all(node.node('args')?.nodes('e') ?? []), target)
  }

  #index(node: Node): Expression {
    const target = this.#visit(node.child('member'))
    const bracket = node.token('op')
    if (bracket === undefined) return this.#nothing(node.start.start)
    const index = this.#visit(node.node('index'))
    const isOptional = node.token('opt') !== undefined
    if (isOptional && !this.#options.optionalSyntax) return this.#refuse(bracket.start, "unsupported syntax '[?'")
    return this.#call(bracket.start, isOptional ? '_[?_]' : '_[_]', [target, index])
  }

  #named(node: Node): Expression {
    const id = node.token('id')
    if (id === undefined) return this.#nothing(node.start.start)
    if (RESERVED.has(id.text)) return this.#refuse(node.start.start, `reserved identifier: ${id.text}`)
    const name = node.token('leadingDot') === undefined ? id.text : `.${id.text}`
    if (node.name === 'Ident') return this.#make.identifier(id.start, name)
    return this.#call(node.token('op')?.start ?? NOWHERE, name, this.#all(node.node('args')?.nodes('e') ?? []))
  }

  #list(node: Node): Expression {
    const elements: Expression[] = []
    for (const element of node.node('elems')?.nodes('elems') ?? []) {
      elements.push(this.#visit(element.node('e')))
      const mark = element.token('opt')
      if (mark !== undefined && !this.#options.optionalSyntax) this.#report(mark.start, "unsupported syntax '?'")
    }
    return this.#make.list(node.token('op')?.start ?? NOWHERE, elements)
  }

  #map(node: Node): Expression {
    const entries = node.node('entries')
    const [keys, values] = [entries?.nodes('keys') ?? [], entries?.nodes('values') ?? []]
    for (const index of entries?.tokens('cols').keys() ?? []) {
      const key = keys[index]
      if (key === undefined || values[index] === undefined) break
      if (this.#allows(key)) this.#all([key.node('e'), values[index]])
    }
    return this.#make.map(node.token('op')?.start ?? NOWHERE, [])
  }

  #message(node: Node): Expression {
    const entries = node.node('entries')
    const [columns, values] = [entries?.tokens('cols') ?? [], entries?.nodes('values') ?? []]
    for (const [index, field] of (entries?.nodes('fields') ?? []).entries()) {
      if (index >= columns.length || index >= values.length) break
      if (this.#allows(field) && this.#field(field.child('escapeIdent'), entries!.start.start) !== undefined)
        this.#visit(values[index])
    }
    return this.#make.struct(node.token('op')?.start ?? NOWHERE, '', [])
  }

  /** Whether an entry is looked into. */
  #allows(entry: Node): boolean {
    if (entry.token('opt') === undefined || this.#options.optionalSyntax) return true
    this.#report(entry.start.start, "unsupported syntax '?'")
    return false
  }

  #literal(node: Node): Expression {
    const token = node.token('tok')
    if (token === undefined) return this.#nothing()
    const offset = node.start.start
    try {
      return this.#make.literal(offset, literalOf(node.name, token, node.token('sign') !== undefined))
    } catch (error) {
      if (!(error instanceof LiteralError)) throw error
      return this.#refuse(offset, error.message)
    }
  }
}

function literalOf(name: string, { text }: Token, isNegative: boolean): Parameters<ExpressionFactory['literal']>[1] {
  if (name === 'Int') return parseInt64(text, isNegative)
  if (name === 'Uint') return parseUint64(text)
  if (name === 'Double') return parseDouble(text, isNegative)
  if (name === 'String') return parseString(text)
  return name === 'Bytes' ? parseBytes(text) : null
}

/** What a node that adds nothing holds. */
function unnested(node: Node | undefined): Node | undefined {
  let at = node
  for (;;) {
    const inner = at === undefined ? undefined : innerOf(at)
    if (inner === 'itself') return at
    at = inner
    if (at === undefined) return undefined
  }
}

function innerOf(node: Node): Node | 'itself' | undefined {
  switch (node.name) {
    case 'expr':
      return node.token('op') === undefined ? node.node('e') : 'itself'
    case 'conditionalOr':
    case 'conditionalAnd':
      return node.tokens('ops').length === 0 ? node.node('e') : 'itself'
    case 'relation':
      return node.token('op') === undefined ? node.child('calc') : 'itself'
    case 'calc':
      return node.token('op') === undefined ? node.child('unary') : 'itself'
    case 'MemberExpr':
      return node.child('member')
    case 'PrimaryExpr':
      return node.child('primary')
    case 'Nested':
      return node.node('e')
    case 'ConstantLiteral':
      return node.child('literal')
    default:
      return 'itself'
  }
}
