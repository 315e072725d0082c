import {
  type Ast,
  type Call,
  type Comprehension,
  type Expression,
  qualifiedName,
  type Select,
  type StructLiteral,
} from '../syntax/ast.ts'
import { CompileError, type Issue, type Source } from '../syntax/source.ts'
import type { FunctionDeclaration } from '../types/declarations.ts'
import { mostGeneral, Substitution } from '../types/substitution.ts'
import * as types from '../types/type.ts'
import {
  bool,
  dyn,
  errorType,
  formatSignature,
  formatType,
  isDynOrError,
  optionalOf,
  sameType,
  type Type,
} from '../types/type.ts'
import { Double, Uint } from '../values/number.ts'
import type { Value } from '../values/value.ts'
import type { CheckedAst, Reference } from './checked.ts'
import { candidateNames } from './names.ts'
import { type Declarations, inScope, type Scope } from './scope.ts'

/** Types every node and resolves every name. Throws {@link CompileError} with every issue found. */
export function check(ast: Ast, source: Source, declarations: Declarations): CheckedAst {
  return new Checker(ast, source, declarations).check()
}

class Checker {
  private readonly ast: Ast
  private readonly source: Source
  private readonly declarations: Declarations
  private readonly issues: Issue[] = []
  private readonly types: (Type | undefined)[]
  private readonly references: (Reference | undefined)[]
  private readonly substitution = new Substitution()
  private freeCount = 0

  constructor(ast: Ast, source: Source, declarations: Declarations) {
    this.ast = ast
    this.source = source
    this.declarations = declarations
    this.types = new Array(ast.size)
    this.references = new Array(ast.size)
  }

  check(): CheckedAst {
    this.visit(this.ast.root, undefined)
    if (this.issues.length > 0) throw new CompileError(this.source, this.issues)
    const settled = this.types.map((type) => type && this.substitution.apply(type, 'dyn'))
    return { ...this.ast, types: settled, references: this.references }
  }

  private report(expression: { readonly offset: number }, message: string): Type {
    this.issues.push(this.source.issue(expression.offset, message))
    return errorType
  }

  /** The type of a node. A node that a macro shares between places is checked once. */
  private visit(expression: Expression, scope: Scope | undefined): Type {
    const known = this.types[expression.id]
    if (known !== undefined) return known
    const type = this.typeOf(expression, scope)
    this.types[expression.id] = type
    return type
  }

  private typeOf(expression: Expression, scope: Scope | undefined): Type {
    switch (expression.kind) {
      case 'literal':
        return literalType(expression.value)
      case 'identifier':
        return this.identifier(expression, expression.name, scope) ?? this.undeclared(expression, expression.name)
      case 'select':
        return this.select(expression, scope)
      case 'call':
        return this.call(expression, scope)
      case 'list':
        return types.list(this.join(expression.elements, scope, (at) => expression.optionalIndices.includes(at)))
      case 'map': {
        const { entries } = expression
        const key = this.join(
          entries.map((entry) => entry.key),
          scope,
        )
        const value = this.join(
          entries.map((entry) => entry.value),
          scope,
          (at) => entries[at]!.optional,
        )
        return types.map(key, value)
      }
      case 'struct':
        return this.struct(expression, scope)
      case 'comprehension':
        return this.comprehension(expression, scope)
    }
  }

  private undeclared(expression: Expression, name: string): Type {
    const shown = name.replace(/^\./, '')
    return this.report(expression, `undeclared reference to '${shown}' (in container '${this.declarations.container}')`)
  }

  private fresh(): Type {
    return types.parameter(`_var${this.freeCount++}`)
  }

  private current(type: Type): Type {
    return this.substitution.apply(type, 'keep')
  }

  /** Resolves a name that may be qualified: comprehension variables first, then the container's candidates. */
  private identifier(expression: Expression, name: string, scope: Scope | undefined): Type | undefined {
    const local = inScope(scope, name)
    if (local !== undefined) return this.refer(expression, name, local)
    for (const candidate of candidateNames(this.declarations.container, name)) {
      const variable = this.declarations.variable(candidate)
      if (variable !== undefined) return this.refer(expression, candidate, variable)
      const constant = this.declarations.constant(candidate)
      if (constant !== undefined) return this.refer(expression, candidate, constant.type, constant.value)
    }
    return undefined
  }

  private refer(expression: Expression, name: string, type: Type, constant?: Value): Type {
    this.references[expression.id] = { kind: 'name', name, constant }
    return type
  }

  private select(expression: Select, scope: Scope | undefined): Type {
    const name = expression.testOnly ? undefined : qualifiedName(expression)
    // A comprehension variable hides whatever qualified name begins with it.
    if (name !== undefined && inScope(scope, name.split('.')[0]!) === undefined) {
      const type = this.identifier(expression, name, scope)
      if (type !== undefined) return type
    }
    const operand = this.current(this.visit(expression.operand, scope))
    const type = this.fieldType(expression, operand, expression.field, false)
    return expression.testOnly ? bool : type
  }

  /** The type of `operand.field`; a selection on an optional is one inside of it and stays optional. */
  private fieldType(expression: Expression, type: Type, field: string, optional: boolean): Type {
    const inner = optionalOf(type)
    const target = inner ?? type
    const found = this.plainFieldType(expression, target, field)
    return inner !== undefined || optional ? types.optional(found) : found
  }

  private plainFieldType(expression: Expression, target: Type, field: string): Type {
    if (target.kind === 'map') return target.value
    if (target.kind === 'struct') {
      return this.declarations.provider.field(target.name, field)?.type ?? this.report(expression, `undefined field '${field}'`)
    }
    if (target.kind === 'parameter') {
      this.substitution.assign([target], [dyn])
      return dyn
    }
    if (!isDynOrError(target)) this.report(expression, `type '${formatType(target)}' does not support field selection`)
    return dyn
  }

  private call(expression: Call, scope: Scope | undefined): Type {
    if (expression.name === '_?._') return this.optionalSelect(expression, scope)
    const { target } = expression
    const qualified = this.qualifiedCall(expression, scope)
    if (qualified !== undefined) {
      const args = expression.args.map((arg) => this.visit(arg, scope))
      return this.resolve(expression, qualified, args, false)
    }
    if (target === undefined) {
      for (const arg of expression.args) this.visit(arg, scope)
      return this.undeclared(expression, expression.name)
    }
    const args = [target, ...expression.args].map((arg) => this.visit(arg, scope))
    const declaration = this.declarations.functions.get(expression.name)
    return declaration === undefined
      ? this.undeclared(expression, expression.name)
      : this.resolve(expression, declaration, args, true)
  }

  /** A function called by name, with or without a namespace: `size(x)`, `math.greatest(x)`. */
  private qualifiedCall({ target, name }: Call, scope: Scope | undefined): FunctionDeclaration | undefined {
    const prefix = target === undefined ? '' : qualifiedName(target)
    if (prefix === undefined || (target !== undefined && inScope(scope, prefix.split('.')[0]!) !== undefined)) return undefined
    const full = target === undefined ? name : `${prefix}.${name}`
    for (const candidate of candidateNames(this.declarations.container, full)) {
      const declaration = this.declarations.functions.get(candidate)
      if (declaration?.overloads.some((overload) => !overload.member)) return declaration
      if (declaration !== undefined && target === undefined) return declaration
    }
    return undefined
  }

  private optionalSelect(expression: Call, scope: Scope | undefined): Type {
    const [operand, field] = expression.args as [Expression, Expression]
    const type = this.current(this.visit(operand, scope))
    this.visit(field, scope)
    this.references[expression.id] = { kind: 'function', name: '_?._', overloads: ['select_optional_field'] }
    if (field.kind !== 'literal' || typeof field.value !== 'string')
      return this.report(field, 'unsupported optional field selection')
    return this.fieldType(expression, type, field.value, true)
  }

  /** Finds the overloads whose parameters admit the arguments; several possible results make the result dyn. */
  private resolve(expression: Call, declaration: FunctionDeclaration, args: readonly Type[], member: boolean): Type {
    if (declaration.name === '_&&_' || declaration.name === '_||_') return this.logical(expression, declaration, args)
    const found: string[] = []
    let result: Type | undefined
    for (const overload of declaration.overloads) {
      if (overload.member !== member) continue
      const instantiated = this.instantiate([...overload.parameters, overload.result])
      const resultType = instantiated.pop()!
      if (!this.substitution.assign(args, instantiated)) continue
      found.push(overload.id)
      const fit = this.current(resultType)
      if (result === undefined) result = fit
      else if (!isDynOrError(result) && !sameType(fit, result)) result = dyn
    }
    if (result === undefined) {
      const shown = args.map((arg) => this.substitution.apply(arg, 'dyn'))
      return this.report(
        expression,
        `found no matching overload for '${declaration.name}' applied to '${formatSignature(shown, member)}'`,
      )
    }
    this.references[expression.id] = { kind: 'function', name: declaration.name, overloads: found }
    return result
  }

  /** Upstream names each operand of `&&` and `||` that is no bool, instead of the operator. */
  private logical(expression: Call, { name, overloads }: FunctionDeclaration, args: readonly Type[]): Type {
    const wrong = args.filter((type, at) => {
      if (this.substitution.assign([type], [bool])) return false
      this.report(expression.args[at]!, mismatch(bool, type))
      return true
    })
    if (wrong.length > 0) return errorType
    this.references[expression.id] = { kind: 'function', name, overloads: overloads.map(({ id }) => id) }
    return bool
  }

  /** Gives the type parameters of one signature names of their own. */
  private instantiate(signature: readonly Type[]): Type[] {
    const fresh = new Map<string, Type>()
    const rename = (type: Type): Type => {
      if (type.kind === 'parameter') {
        if (!fresh.has(type.name)) fresh.set(type.name, this.fresh())
        return fresh.get(type.name)!
      }
      const inner = types.innerTypes(type)
      return inner.length === 0 ? type : types.withInner(type, inner.map(rename))
    }
    return signature.map(rename)
  }

  /** The one type of the elements of a literal: the most general, dyn where they differ. */
  private join(elements: readonly Expression[], scope: Scope | undefined, isOptional?: (at: number) => boolean): Type {
    let joined: Type | undefined
    for (const [at, element] of elements.entries()) {
      let type = this.visit(element, scope)
      if (isOptional?.(at)) type = this.unwrap(element, type)
      joined = joined === undefined ? type : this.joinTypes(joined, type)
    }
    return joined ?? this.fresh()
  }

  private joinTypes(previous: Type, type: Type): Type {
    return this.substitution.assign([previous], [type]) ? mostGeneral(previous, type) : dyn
  }

  private unwrap(element: Expression, type: Type): Type {
    const current = this.current(type)
    const inner = optionalOf(current)
    if (inner !== undefined) return inner
    if (isDynOrError(current)) return dyn
    return this.report(element, mismatch(types.optional(current), current))
  }

  private struct(expression: StructLiteral, scope: Scope | undefined): Type {
    const { provider, container } = this.declarations
    const name = candidateNames(container, expression.typeName).find((candidate) => provider.hasType(candidate))
    if (name === undefined) {
      const isType = candidateNames(container, expression.typeName).some(
        (candidate) => this.declarations.constant(candidate) !== undefined,
      )
      if (isType) return this.report(expression, `'${expression.typeName}' is not a message type`)
      return this.undeclared(expression, expression.typeName)
    }
    this.references[expression.id] = { kind: 'name', name, constant: undefined }
    for (const field of expression.fields) {
      const declared = provider.field(name, field.name)?.type
      let type = this.visit(field.value, scope)
      if (field.optional) type = this.unwrap(field.value, type)
      if (declared === undefined) this.report(field, `undefined field '${field.name}'`)
      else if (!this.substitution.assign([declared], [type])) {
        const [wanted, given] = [declared, this.current(type)].map(formatType)
        this.report(field, `expected type of field '${field.name}' is '${wanted}' but provided type is '${given}'`)
      }
    }
    return types.struct(name)
  }

  private comprehension(expression: Comprehension, scope: Scope | undefined): Type {
    const range = this.current(this.visit(expression.range, scope))
    const accumulatorType = this.visit(expression.initial, scope)
    const accumulator: Scope = { outer: scope, name: expression.accumulator, type: accumulatorType }
    const inner = this.iteration(expression, range, accumulator)
    this.require(expression.condition, this.visit(expression.condition, inner), bool)
    this.require(expression.step, this.visit(expression.step, inner), accumulatorType)
    return this.current(this.visit(expression.result, accumulator))
  }

  private require(expression: Expression, actual: Type, wanted: Type): void {
    if (this.substitution.assign([wanted], [actual])) return
    this.report(expression, mismatch(this.current(wanted), this.current(actual)))
  }

  private iteration({ range: at, variable, variable2 }: Comprehension, range: Type, outer: Scope): Scope {
    let key: Type = dyn
    let value: Type = dyn
    if (range.kind === 'list') {
      key = types.int
      value = range.element
    } else if (range.kind === 'map') {
      key = range.key
      value = range.value
    } else if (range.kind === 'parameter') {
      this.substitution.assign([range], [dyn])
    } else if (!isDynOrError(range)) {
      this.report(
        at,
        `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      )
      key = value = errorType
    }
    if (variable2 === undefined) return { outer, name: variable, type: range.kind === 'list' ? value : key }
    return { outer: { outer, name: variable, type: key }, name: variable2, type: value }
  }
}

const mismatch = (wanted: Type, actual: Type): string => `expected type '${formatType(wanted)}' but found '${formatType(actual)}'`

function literalType(value: Value): Type {
  switch (typeof value) {
    case 'boolean':
      return bool
    case 'string':
      return types.string
    case 'number':
    case 'bigint':
      return types.int
    default:
      if (value === null) return types.nullType
      if (value instanceof Double) return types.double
      return value instanceof Uint ? types.uint : types.bytes
  }
}
