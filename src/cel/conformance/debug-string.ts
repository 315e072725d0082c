import { goQuote, goQuoteBytes } from '#base'
import type { CheckedAst } from '../check/checked.ts'
import type { Expression } from '../syntax/ast.ts'
import { formatType } from '../types/type.ts'
import { Double, formatDouble, Uint } from '../values/number.ts'
import type { Value } from '../values/value.ts'

/** What is printed after a node: `^#*expr.Expr_CallExpr#` or `~int^add_int64`. */
type Adorn = (id: number, kind: string) => string

const byKind: Adorn = (_id, kind) => (kind === '' ? '' : `^#*expr.${kind}#`)

/** A parsed expression in the notation of the published test data. */
export const parsedString = (root: Expression): string => new Writer(byKind).write(root)

/** A checked expression in the notation of the published test data: types and overloads behind each node. */
export function checkedString(checked: CheckedAst): string {
  const adorn: Adorn = (id) => {
    const type = checked.types[id]
    const reference = checked.references[id]
    const shown = type === undefined ? '' : `~${formatType(type)}`
    if (reference === undefined) return shown
    if (reference.kind === 'name') return `${shown}^${reference.name}`
    return `${shown}^${[...reference.overloads].sort().join('|')}`
  }
  return new Writer(adorn, checked).write(checked.root)
}

class Writer {
  private text = ''
  private indent = 0
  private startsLine = true
  private readonly adorn: Adorn
  private readonly checked: CheckedAst | undefined

  constructor(adorn: Adorn, checked?: CheckedAst) {
    this.adorn = adorn
    this.checked = checked
  }

  write(expression: Expression): string {
    this.expression(expression)
    return this.text
  }

  private put(text: string): this {
    if (this.startsLine) this.text += '  '.repeat(this.indent)
    this.startsLine = false
    this.text += text
    return this
  }

  private line(change: number): void {
    this.indent += change
    this.text += '\n'
    this.startsLine = true
  }

  private many<T>(items: readonly T[], one: (item: T, at: number) => unknown): void {
    if (items.length === 0) return
    this.line(1)
    for (const [at, item] of items.entries()) {
      if (at > 0) {
        this.put(',')
        this.line(0)
      }
      one(item, at)
    }
    this.line(-1)
  }

  /** The resolved name, where the checker found one that stands for the whole chain. */
  private resolved(id: number): string | undefined {
    const reference = this.checked?.references[id]
    return reference?.kind === 'name' ? reference.name : undefined
  }

  private expression(expression: Expression): unknown {
    const { id } = expression
    switch (expression.kind) {
      case 'literal':
        return this.put(literal(expression.value) + this.adorn(id, literalKind(expression.value)))
      case 'identifier':
        return this.put((this.resolved(id) ?? expression.name) + this.adorn(id, 'Expr_IdentExpr'))
      case 'select': {
        const name = this.resolved(id)
        if (name !== undefined) return this.put(name + this.adorn(id, 'Expr_IdentExpr'))
        this.expression(expression.operand)
        return this.put(`.${expression.field}${expression.testOnly ? '~test-only~' : ''}${this.adorn(id, 'Expr_SelectExpr')}`)
      }
      case 'call': {
        const reference = this.checked?.references[id]
        const isQualified =
          reference?.kind === 'function' && expression.target !== undefined && reference.name !== expression.name
        if (expression.target !== undefined && !isQualified) {
          this.expression(expression.target)
          this.put('.')
        }
        this.put(
          `${isQualified || (reference?.kind === 'function' && expression.target === undefined) ? reference.name : expression.name}(`,
        )
        this.many(expression.args, (arg) => this.expression(arg))
        return this.put(`)${this.adorn(id, 'Expr_CallExpr')}`)
      }
      default:
        return this.aggregate(expression)
    }
  }

  private aggregate(expression: Extract<Expression, { kind: 'list' | 'map' | 'struct' | 'comprehension' }>): unknown {
    const { id } = expression
    switch (expression.kind) {
      case 'list':
        this.put('[')
        this.many(expression.elements, (element, at) => {
          if (expression.optionalIndices.includes(at)) this.put('?')
          this.expression(element)
        })
        return this.put(`]${this.adorn(id, 'Expr_ListExpr')}`)
      case 'map':
        this.put('{')
        this.many(expression.entries, (entry) => {
          if (entry.optional) this.put('?')
          this.expression(entry.key)
          this.put(':')
          this.expression(entry.value)
          this.put(this.adorn(entry.id, 'Expr_CreateStruct_Entry'))
        })
        return this.put(`}${this.adorn(id, 'Expr_StructExpr')}`)
      case 'struct':
        this.put(`${this.resolved(id) ?? expression.typeName}{`)
        this.many(expression.fields, (field) => {
          this.put(`${field.optional ? '?' : ''}${field.name}:`)
          this.expression(field.value)
          this.put(this.adorn(field.id, 'Expr_CreateStruct_Entry'))
        })
        return this.put(`}${this.adorn(id, 'Expr_StructExpr')}`)
      case 'comprehension':
        this.put('__comprehension__(')
        this.comprehension(expression)
        return this.put(`)${this.adorn(id, 'Expr_ComprehensionExpr')}`)
    }
  }

  private comprehension(expression: Extract<Expression, { kind: 'comprehension' }>): void {
    this.line(1)
    const part = (title: string, write: () => unknown): void => {
      this.put(`// ${title}`)
      this.line(0)
      write()
      if (title !== 'Result') {
        this.put(',')
        this.line(0)
      }
    }
    part('Variable', () => this.put(expression.variable))
    if (expression.variable2 !== undefined) {
      this.put(expression.variable2)
      this.put(',')
      this.line(0)
    }
    part('Target', () => this.expression(expression.range))
    part('Accumulator', () => this.put(expression.accumulator))
    part('Init', () => this.expression(expression.initial))
    part('LoopCondition', () => this.expression(expression.condition))
    part('LoopStep', () => this.expression(expression.step))
    part('Result', () => this.expression(expression.result))
    this.indent--
  }
}

function literal(value: Value): string {
  if (typeof value === 'string') return goQuote(value)
  if (value instanceof Uint) return `${value.value}u`
  if (value instanceof Double) return formatDouble(value.value)
  if (value instanceof Uint8Array) return `b${goQuoteBytes(value)}`
  return String(value)
}

function literalKind(value: Value): string {
  if (value === null) return 'Constant_NullValue'
  if (value instanceof Uint) return 'Constant_Uint64Value'
  if (value instanceof Double) return 'Constant_DoubleValue'
  if (value instanceof Uint8Array) return 'Constant_BytesValue'
  const kinds: Record<string, string> = { string: 'String', boolean: 'Bool', number: 'Int64', bigint: 'Int64' }
  return `Constant_${kinds[typeof value]}Value`
}
