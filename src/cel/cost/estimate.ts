import { type CheckedAst, overloadsAt, typeAt } from '../check/checked.ts'
import { ACCUMULATOR, type Call, type Comprehension, type Expression, type Select } from '../syntax/ast.ts'
import { innerTypes, optionalOf, type Type } from '../types/type.ts'
import { codePoints } from '../values/size.ts'
import {
  type CallEstimate,
  type CallShape,
  extensionEstimates,
  kubernetesEstimates,
  type Operand,
  standardEstimates,
} from './call-estimates.ts'
import { fixedRange, multiply, ONE, plus, type Range, sum, UNKNOWN, union, ZERO } from './range.ts'
import { LIST_CREATE_COST, MAP_CREATE_COST, STRUCT_CREATE_COST } from './runtime.ts'

/**
 * The most elements, characters or bytes of what a path of declared data leads to: a variable's name, then field names, `@items`, `@keys`,
 * `@values`; empty for what comes from no variable. undefined where nothing is known.
 */
export type SizeHints = (path: readonly string[], type: Type) => number | undefined

/** What an expression costs at least and at most, before it ever runs (k8s.io/apiserver/pkg/cel/library/cost.go). */
export function estimateCost(checked: CheckedAst, hints: SizeHints): Range {
  return new Estimator(checked, hints).cost(checked.root)
}

/** Sizes of what a list or map holds. */
interface Entries {
  readonly kind: 'list' | 'map'
  readonly key: Range
  readonly value: Range
}

interface Local {
  readonly path: readonly string[]
  readonly size: Range | undefined
  readonly entries: Entries | undefined
}

class Estimator {
  private readonly checked: CheckedAst
  private readonly hints: SizeHints
  private readonly costs = new Map<number, Range>()
  private readonly paths = new Map<number, readonly string[]>()
  private readonly sizes = new Map<number, Range>()
  private readonly entries = new Map<number, Entries>()
  private readonly locals = new Map<string, Local[]>()

  constructor(checked: CheckedAst, hints: SizeHints) {
    this.checked = checked
    this.hints = hints
  }

  /** A node that a macro shares between places is estimated once. */
  cost(expression: Expression): Range {
    const known = this.costs.get(expression.id)
    if (known !== undefined) return known
    const cost = this.costOf(expression)
    this.costs.set(expression.id, cost)
    return cost
  }

  private costOf(expression: Expression): Range {
    switch (expression.kind) {
      case 'literal':
        return ZERO
      case 'identifier':
        return this.name(expression, expression.name)
      case 'select':
        return this.select(expression)
      case 'call':
        return this.call(expression)
      case 'list': {
        const cost = sum(expression.elements.map((element) => this.cost(element)))
        this.setEntries(expression, { kind: 'list', key: ONE, value: this.allSizes(expression.elements) })
        return plus(cost, fixedRange(LIST_CREATE_COST))
      }
      case 'map': {
        const keys = expression.entries.map(({ key }) => key)
        const values = expression.entries.map(({ value }) => value)
        const cost = sum([...keys, ...values].map((each) => this.cost(each)))
        this.setEntries(expression, { kind: 'map', key: this.allSizes(keys), value: this.allSizes(values) })
        return plus(cost, fixedRange(MAP_CREATE_COST))
      }
      case 'struct':
        return plus(sum(expression.fields.map(({ value }) => this.cost(value))), fixedRange(STRUCT_CREATE_COST))
      case 'comprehension':
        return this.isBinding(expression) ? this.binding(expression) : this.comprehension(expression)
    }
  }

  private name(expression: Expression, name: string): Range {
    this.paths.set(expression.id, this.local(name)?.path ?? [name])
    return ONE
  }

  private select(expression: Select): Range {
    const reference = this.checked.references[expression.id]
    if (reference?.kind === 'name') return this.name(expression, reference.name)
    const operand = this.cost(expression.operand)
    // Upstream gave presence a cost once; Kubernetes keeps it free.
    if (expression.testOnly) return operand
    this.paths.set(expression.id, [...this.pathOf(expression.operand), expression.field])
    const { kind } = typeAt(this.checked, expression.operand.id)
    return kind === 'map' || kind === 'struct' ? plus(operand, ONE) : operand
  }

  private call(expression: Call): Range {
    const { name, args } = expression
    if (name === 'dyn' && expression.target === undefined) {
      const cost = this.cost(args[0]!)
      this.copySizes(expression, args[0]!)
      return plus(ONE, cost)
    }
    const reference = this.checked.references[expression.id]
    const isMember = expression.target !== undefined && reference?.kind === 'function' && reference.name === name
    const target = isMember ? expression.target : undefined
    const costs = args.map((arg) => this.cost(arg))
    const operands = args.map((arg) => this.operand(arg))
    const targetCost = target === undefined ? ZERO : this.cost(target)
    const receiver = target && this.operand(target)
    const functionName = reference?.kind === 'function' ? reference.name : name
    let cost: Range | undefined
    let size: Range | undefined
    for (const overload of overloadsAt(this.checked, expression.id)) {
      const estimate = this.overload(expression, functionName, { overload, target: receiver, args: operands }, costs)
      cost = cost === undefined ? estimate.cost : union(cost, estimate.cost)
      if (estimate.size !== undefined) size = size === undefined ? estimate.size : union(size, estimate.size)
      if (overload === 'index_list' || overload === 'index_map') {
        size = this.entriesOf(args[0]!)?.value
        this.paths.set(expression.id, [...this.pathOf(args[0]!), overload === 'index_list' ? '@items' : '@values'])
      }
      size ??= this.sizeOf(expression)
    }
    if (size !== undefined) this.sizes.set(expression.id, size)
    return cost === undefined ? ZERO : plus(targetCost, cost)
  }

  private overload(expression: Call, name: string, shape: CallShape, costs: readonly Range[]): CallEstimate {
    const known =
      extensionEstimates(shape) ?? (Object.hasOwn(kubernetesEstimates, name) ? kubernetesEstimates[name]!(shape) : undefined)
    if (known !== undefined) return { ...known, cost: plus(known.cost, sum(costs)) }
    const [first, second, third] = expression.args
    switch (shape.overload) {
      case 'logical_and':
      case 'logical_or':
        return { cost: { min: costs[0]!.min, max: costs[0]!.max + costs[1]!.max } }
      case 'conditional': {
        this.setEntries(expression, unionOf(this.entriesOf(second!), this.entriesOf(third!)))
        return { cost: plus(costs[0]!, union(costs[1]!, costs[2]!)), size: union(shape.args[1]!.size, shape.args[2]!.size) }
      }
      case 'add_list':
      case 'add_string':
      case 'add_bytes':
        this.setEntries(expression, unionOf(this.entriesOf(first!), this.entriesOf(second!)))
    }
    const standard = standardEstimates(shape)
    return standard === undefined ? { cost: plus(ONE, sum(costs)) } : { ...standard, cost: plus(standard.cost, sum(costs)) }
  }

  private comprehension(expression: Comprehension): Range {
    const { range, initial, condition, step, result, variable, variable2, accumulator } = expression
    const before = plus(this.cost(range), this.cost(initial))
    this.push(accumulator, { path: this.pathOf(initial), size: this.sizeOf(initial), entries: this.entriesOf(initial) })
    this.pushVariables(range, variable, variable2)
    const turn = plus(this.cost(step), this.cost(condition))
    this.pop(variable)
    if (variable2 !== undefined) this.pop(variable2)
    const after = this.cost(result)
    this.pop(accumulator)
    const turns = this.sizeOf(range) ?? UNKNOWN
    if (initial.kind === 'literal') this.setSize(expression, this.sizeOf(initial))
    else if (initial.kind === 'list' || initial.kind === 'map') {
      this.setSize(expression, turns)
      this.setEntries(expression, this.entriesOf(step))
    }
    return plus(plus(before, after), multiply(turns, turn))
  }

  private pushVariables(range: Expression, variable: string, variable2: string | undefined): void {
    const entries = this.entriesOf(range)
    const kind = entries?.kind ?? typeAt(this.checked, range.id).kind
    const path = this.pathOf(range)
    const value: Local = { path: [...path, kind === 'list' ? '@items' : '@values'], size: entries?.value, entries: undefined }
    const key: Local = { path: [...path, kind === 'list' ? '@indices' : '@keys'], size: entries?.key, entries: undefined }
    if (variable2 === undefined) this.push(variable, kind === 'list' ? value : key)
    else {
      this.push(variable, key)
      this.push(variable2, value)
    }
  }

  /** What `cel.bind` and its kin become: a fold over nothing. */
  private isBinding({ range, condition, accumulator }: Comprehension): boolean {
    const isEmpty = range.kind === 'list' && range.elements.length === 0
    return isEmpty && condition.kind === 'literal' && condition.value === false && accumulator !== ACCUMULATOR
  }

  private binding({ id, range, initial, result, accumulator }: Comprehension): Range {
    const before = plus(this.cost(range), this.cost(initial))
    this.push(accumulator, { path: this.pathOf(initial), size: this.sizeOf(initial), entries: this.entriesOf(initial) })
    const cost = plus(before, this.cost(result))
    this.copySizes({ id }, result)
    this.pop(accumulator)
    return cost
  }

  private push(name: string, local: Local): void {
    this.locals.set(name, [...(this.locals.get(name) ?? []), local])
  }

  private pop(name: string): void {
    this.locals.set(name, this.locals.get(name)!.slice(0, -1))
  }

  private local(name: string): Local | undefined {
    return this.locals.get(name)?.at(-1)
  }

  private pathOf(expression: Expression): readonly string[] {
    const local = expression.kind === 'identifier' ? this.local(expression.name) : undefined
    return local?.path ?? this.paths.get(expression.id) ?? []
  }

  private operand(expression: Expression): Operand {
    const path = this.pathOf(expression)
    const isData = path.length > 0 && path[0] !== ACCUMULATOR
    const type = typeAt(this.checked, expression.id)
    return {
      expression,
      type,
      size: this.sizeOf(expression) ?? UNKNOWN,
      element: () => {
        const [inner] = innerTypes(type)
        if (inner === undefined) return undefined
        const hint = this.hints(isData ? [...path, '@items'] : [], inner)
        return {
          expression: undefined,
          type: inner,
          size: hint === undefined ? UNKNOWN : { min: 0, max: hint },
          element: () => undefined,
        }
      },
    }
  }

  private sizeOf(expression: Expression): Range | undefined {
    const known = this.sizes.get(expression.id) ?? literalSize(expression)
    if (known !== undefined) return known
    const path = this.pathOf(expression)
    const hint = this.hints(path[0] === ACCUMULATOR ? [] : path, typeAt(this.checked, expression.id))
    if (hint !== undefined) {
      this.sizes.set(expression.id, { min: 0, max: hint })
      return { min: 0, max: hint }
    }
    if (isScalar(typeAt(this.checked, expression.id))) return ONE
    return expression.kind === 'identifier' ? this.local(expression.name)?.size : undefined
  }

  private entriesOf(expression: Expression): Entries | undefined {
    return (
      this.entries.get(expression.id) ?? (expression.kind === 'identifier' ? this.local(expression.name)?.entries : undefined)
    )
  }

  private allSizes(expressions: readonly Expression[]): Range {
    const sizes = expressions.map((each) => this.sizeOf(each) ?? UNKNOWN)
    return sizes.length === 0 ? ZERO : sizes.reduce(union)
  }

  private setSize({ id }: { readonly id: number }, size: Range | undefined): void {
    if (size !== undefined) this.sizes.set(id, size)
  }

  private setEntries({ id }: { readonly id: number }, entries: Entries | undefined): void {
    if (entries !== undefined) this.entries.set(id, entries)
  }

  private copySizes(to: { readonly id: number }, from: Expression): void {
    this.setSize(to, this.sizeOf(from))
    this.setEntries(to, this.entriesOf(from))
  }
}

function unionOf(a: Entries | undefined, b: Entries | undefined): Entries | undefined {
  return a && b && { kind: a.kind, key: union(a.key, b.key), value: union(a.value, b.value) }
}

function literalSize(expression: Expression): Range | undefined {
  if (expression.kind === 'list') return fixedRange(expression.elements.length)
  if (expression.kind === 'map') return fixedRange(expression.entries.length)
  if (expression.kind !== 'literal') return undefined
  const { value } = expression
  if (typeof value === 'string') return fixedRange(codePoints(value))
  return fixedRange(value instanceof Uint8Array ? value.length : 1)
}

const SCALARS: ReadonlySet<Type['kind']> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint'])

function isScalar(type: Type): boolean {
  const held = optionalOf(type)
  return SCALARS.has(type.kind) || (held !== undefined && isScalar(held))
}
