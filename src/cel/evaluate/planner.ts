import { type CheckedAst, overloadsAt } from '../check/checked.ts'
import { candidateNames } from '../check/names.ts'
import type { Declarations } from '../check/scope.ts'
import { LIST_CREATE_COST, MAP_CREATE_COST, type RuntimeCost, STRUCT_CREATE_COST } from '../cost/runtime.ts'
import {
  type Call,
  type Comprehension,
  type Expression,
  type ListLiteral,
  type MapLiteral,
  qualifiedName,
  type Select,
  type StructLiteral,
} from '../syntax/ast.ts'
import type { Overload } from '../types/declarations.ts'
import { fail, noSuchOverload } from '../values/failure.ts'
import { ArrayList } from '../values/list.ts'
import { EntryMap } from '../values/map.ts'
import { Optional } from '../values/optional.ts'
import type { Value } from '../values/value.ts'
import { at, isPresent, select } from './access.ts'
import { planCall } from './calls.ts'
import { planFold } from './comprehension.ts'
import { Constants } from './constants.ts'
import type { Evaluator } from './frame.ts'
import { binaryOperators, negate, not } from './operators.ts'
import {
  binaryCost,
  charging,
  FAILED,
  held,
  local,
  logical,
  notStrictlyFalse,
  otherwise,
  parts,
  root,
  unary,
  within,
} from './parts.ts'

export interface PlanOptions {
  readonly declarations: Declarations
  /** The cost of a call where it is not 1; the overload is undefined where only the arguments tell which one it is. */
  costOf(functionName: string, overload: Overload | undefined): RuntimeCost | undefined
  /** Whether parts made of constants are computed once, when the plan is made. */
  readonly optimized: boolean
}

/** Turns a checked expression into closures, once. Names that the checker did not resolve are looked up when they are read. */
export function plan(checked: CheckedAst, options: PlanOptions): Evaluator {
  return new Planner(checked, options).plan(checked.root)
}

type Slots = { readonly outer: Slots | undefined; readonly name: string; readonly slot: number }

class Planner {
  private readonly checked: CheckedAst
  private readonly options: PlanOptions
  private readonly known = new Map<Expression, Evaluator>()
  private readonly constants: Constants | undefined
  private slots: Slots | undefined
  private slotCount = 0

  constructor(checked: CheckedAst, options: PlanOptions) {
    this.checked = checked
    this.options = options
    this.constants = options.optimized ? new Constants(checked) : undefined
  }

  /** A node that a macro shares between places is planned once. */
  plan(expression: Expression): Evaluator {
    const known = this.known.get(expression)
    if (known !== undefined) return known
    const planned = this.planNode(expression, true)
    const evaluator = this.constants?.fold(expression, planned, (part) => this.plan(part)) ?? planned
    this.known.set(expression, evaluator)
    return evaluator
  }

  /** As part of a larger attribute, such as an index or a branch of `?:`, a variable costs nothing of its own upstream. */
  private planPart(expression: Expression): Evaluator {
    const reference = this.checked.references[expression.id]
    const isConstant = reference?.kind === 'name' && reference.constant !== undefined
    return isAttribute(expression) && !isConstant ? this.planNode(expression, false) : this.plan(expression)
  }

  private planNode(expression: Expression, charged: boolean): Evaluator {
    switch (expression.kind) {
      case 'literal': {
        const { value } = expression
        return () => value
      }
      case 'identifier':
        return this.name(expression, expression.name, charged)
      case 'select':
        return this.select(expression, charged)
      case 'call':
        return this.call(expression, charged)
      case 'list':
        return this.list(expression)
      case 'map':
        return this.map(expression)
      case 'struct':
        return this.struct(expression)
      case 'comprehension':
        return this.comprehension(expression)
    }
  }

  private slotOf(name: string): number | undefined {
    for (let at = this.slots; at !== undefined; at = at.outer) if (at.name === name) return at.slot
    return undefined
  }

  private name(expression: Expression, name: string, charged: boolean): Evaluator {
    const slot = this.slotOf(name)
    const cost = charged ? 1 : 0
    if (slot !== undefined) return local(slot, cost)
    const reference = this.checked.references[expression.id]
    if (reference?.kind === 'name') {
      const { constant } = reference
      return constant === undefined ? root(reference.name, cost) : () => constant
    }
    return this.unresolved([{ name, fields: [] }], cost)
  }

  /** Without a checker, `a.b.c` may be a variable of that name or fields of `a.b` or `a`: the longest name that has a value wins. */
  private unresolved(meanings: readonly { name: string; fields: readonly string[] }[], cost: number): Evaluator {
    const { container } = this.options.declarations
    const choices = meanings.flatMap(({ name, fields }) =>
      candidateNames(container, name).map((candidate) => ({
        candidate,
        fields,
        constant: this.options.declarations.constant(candidate)?.value,
      })),
    )
    return (frame) => {
      for (const { candidate, fields, constant } of choices) {
        const variable = frame.root(candidate)
        const value = variable === undefined ? constant : variable
        if (value === undefined) continue
        frame.charge(cost + fields.length)
        return fields.reduce(select, value)
      }
      return fail(`no such attribute(s): ${choices.map(({ candidate }) => candidate).join(', ')}`)
    }
  }

  private select(expression: Select, charged: boolean): Evaluator {
    const { field, testOnly } = expression
    if (!testOnly && this.checked.references[expression.id] !== undefined) return this.name(expression, '', charged)
    if (!testOnly && this.isUnchecked(expression)) return this.unresolved(meaningsOf(expression), charged ? 1 : 0)
    const operand = this.operand(expression.operand, charged)
    if (testOnly) return (frame) => isPresent(operand(frame), field)
    return (frame) => {
      const value = operand(frame)
      if (value instanceof Optional) return within(frame, value, () => field)
      frame.charge(1)
      return select(value, field)
    }
  }

  private isUnchecked(expression: Select): boolean {
    const name = qualifiedName(expression)
    if (name === undefined || this.checked.types[expression.id] !== undefined) return false
    return this.slotOf(name.split('.')[0]!) === undefined
  }

  /** What a selection or index applies to. Anything but an attribute costs one to become one. */
  private operand(expression: Expression, charged: boolean): Evaluator {
    if (isAttribute(expression)) return charged ? this.plan(expression) : this.planNode(expression, false)
    const inner = this.plan(expression)
    if (!charged) return inner
    return charging(inner)
  }

  private call(expression: Call, charged: boolean): Evaluator {
    const { name, args } = expression
    if (expression.target === undefined) {
      switch (name) {
        case '_&&_':
          return logical(this.plan(args[0]!), this.plan(args[1]!), false)
        case '_||_':
          return logical(this.plan(args[0]!), this.plan(args[1]!), true)
        case '_?_:_':
          return this.conditional(args)
        case '@not_strictly_false':
          return notStrictlyFalse(this.plan(args[0]!))
        case '_[_]':
        case '_?._':
        case '_[?_]':
          return this.index(name, args, charged)
        case '!_':
          return unary(this.plan(args[0]!), not)
        case '-_':
          return unary(this.plan(args[0]!), negate)
      }
      const operator = Object.hasOwn(binaryOperators, name) ? binaryOperators[name] : undefined
      if (operator !== undefined) return this.binary(expression, operator)
    }
    return this.functionCall(expression)
  }

  private binary({ id, name, args }: Call, operator: (a: Value, b: Value) => Value): Evaluator {
    const left = this.plan(args[0]!)
    const right = this.plan(args[1]!)
    const cost = binaryCost(name, overloadsAt(this.checked, id))
    return (frame) => {
      let a: Value
      let b: Value
      try {
        a = left(frame)
      } catch (error) {
        return frame.fail(error, (second) => cost(FAILED, second), right)
      }
      try {
        b = right(frame)
      } catch (error) {
        return frame.fail(error, () => cost(a, FAILED))
      }
      frame.charge(cost(a, b))
      return operator(a, b)
    }
  }

  private conditional(args: readonly Expression[]): Evaluator {
    const condition = this.plan(args[0]!)
    const yes = this.planPart(args[1]!)
    const no = this.planPart(args[2]!)
    return (frame) => {
      const value = condition(frame)
      if (value === true) return yes(frame)
      return value === false ? no(frame) : noSuchOverload()
    }
  }

  private index(name: string, args: readonly Expression[], charged: boolean): Evaluator {
    const operand = this.operand(args[0]!, charged)
    const index = this.planPart(args[1]!)
    const key = charging(index)
    if (name === '_[_]') {
      return (frame) => {
        const value = operand(frame)
        return value instanceof Optional ? within(frame, value, index) : at(value, key(frame))
      }
    }
    return (frame) => {
      const value = operand(frame)
      return within(frame, value instanceof Optional ? value : Optional.of(value), index)
    }
  }

  private functionCall(expression: Call): Evaluator {
    const { functions } = this.options.declarations
    const { target, name } = expression
    const ids = overloadsAt(this.checked, expression.id)
    const reference = this.checked.references[expression.id]
    const qualified = reference?.kind === 'function' ? undefined : this.uncheckedFunction(expression)
    const declaration = functions.get(reference?.kind === 'function' ? reference.name : (qualified ?? name))
    const isMember =
      target !== undefined &&
      qualified === undefined &&
      declaration?.overloads.some(({ id, member }) => member && (ids.length === 0 || ids.includes(id)))
    const args = isMember ? [target, ...expression.args] : expression.args
    const overloads = declaration?.overloads.filter(
      (overload) =>
        overload.parameters.length === args.length &&
        overload.member === Boolean(isMember) &&
        (ids.length === 0 || ids.includes(overload.id)),
    )
    if (declaration === undefined || overloads === undefined || overloads.length === 0) {
      return () => fail(`no such overload: ${name}`)
    }
    const planned = args.map((arg) => this.plan(arg))
    if (ids.length === 1 && (ids[0] === 'optional_or_optional' || ids[0] === 'optional_orValue_value'))
      return otherwise(planned[0]!, planned[1]!, name === 'orValue')
    return planCall(
      declaration.name,
      overloads,
      planned,
      this.options.costOf(declaration.name, ids.length === 1 ? overloads[0] : undefined),
      (ids.length === 1 || name === 'matches') && this.constants?.hasPattern(expression) !== true,
    )
  }

  private uncheckedFunction({ target, name }: Call): string | undefined {
    const prefix = target === undefined ? '' : qualifiedName(target)
    if (prefix === undefined) return undefined
    const { container, functions } = this.options.declarations
    const full = target === undefined ? name : `${prefix}.${name}`
    return candidateNames(container, full).find((candidate) => functions.has(candidate))
  }

  private list({ elements, optionalIndices }: ListLiteral): Evaluator {
    const planned = elements.map((element) => this.plan(element))
    if (optionalIndices.length === 0) {
      return parts(LIST_CREATE_COST, (frame) => new ArrayList(planned.map((element) => element(frame))))
    }
    return parts(LIST_CREATE_COST, (frame) => {
      const values: Value[] = []
      for (const [index, element] of planned.entries()) {
        const value = optionalIndices.includes(index) ? held(element(frame)) : element(frame)
        if (value !== undefined) values.push(value)
      }
      return new ArrayList(values)
    })
  }

  private map({ entries }: MapLiteral): Evaluator {
    const planned = entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }))
    return parts(MAP_CREATE_COST, (frame) => {
      const pairs: [Value, Value][] = []
      for (const { key, value, optional } of planned) {
        const name = key(frame)
        const entry = optional ? held(value(frame)) : value(frame)
        if (entry !== undefined) pairs.push([name, entry])
      }
      return EntryMap.of(pairs)
    })
  }

  private struct(expression: StructLiteral): Evaluator {
    const { provider, container } = this.options.declarations
    const reference = this.checked.references[expression.id]
    const name =
      reference?.kind === 'name'
        ? reference.name
        : candidateNames(container, expression.typeName).find((candidate) => provider.hasType(candidate))
    if (name === undefined || provider.construct === undefined) return () => fail(`unknown type: '${expression.typeName}'`)
    const planned = expression.fields.map(({ name: field, value, optional }) => ({ field, value: this.plan(value), optional }))
    return parts(STRUCT_CREATE_COST, (frame) => {
      const fields = new Map<string, Value>()
      for (const { field, value, optional } of planned) {
        const given = optional ? held(value(frame)) : value(frame)
        if (given !== undefined) fields.set(field, given)
      }
      return provider.construct!(name, fields)
    })
  }

  private comprehension(expression: Comprehension): Evaluator {
    const { variable, variable2, accumulator } = expression
    const range = this.plan(expression.range)
    const initial = this.plan(expression.initial)
    const before = this.slots
    const accumulatorSlot = this.open(accumulator)
    const outer = this.slots
    const variableSlot = this.open(variable)
    const variable2Slot = variable2 === undefined ? undefined : this.open(variable2)
    const condition = this.plan(expression.condition)
    const step = this.plan(expression.step)
    this.slots = outer
    const result = this.plan(expression.result)
    this.slots = before
    return planFold(expression, {
      isInitialCharged: this.constants === undefined,
      range,
      initial,
      condition,
      step,
      result,
      variable: variableSlot,
      variable2: variable2Slot,
      accumulator: accumulatorSlot,
    })
  }

  private open(name: string): number {
    const slot = this.slotCount++
    this.slots = { outer: this.slots, name, slot }
    return slot
  }
}

/** What may be a chain of selections on a variable: upstream prices it as one attribute. */
function isAttribute(expression: Expression): boolean {
  if (expression.kind === 'identifier') return true
  if (expression.kind === 'select') return !expression.testOnly
  return expression.kind === 'call' && ['_[_]', '_?._', '_[?_]', '_?_:_'].includes(expression.name)
}

function meaningsOf(expression: Select): { name: string; fields: string[] }[] {
  const meanings: { name: string; fields: string[] }[] = []
  let node: Expression = expression
  let fields: string[] = []
  for (;;) {
    meanings.push({ name: qualifiedName(node)!, fields })
    if (node.kind !== 'select') return meanings
    fields = [node.field, ...fields]
    node = node.operand
  }
}
