import { ACCUMULATOR, type Expression } from './ast.ts'
import type { MacroFactory } from './factory.ts'

/** A call that the parser replaces. Returns undefined where the call is an ordinary one after all. */
export interface Macro {
  readonly name: string
  /** undefined: any number. */
  readonly args: number | undefined
  readonly member: boolean
  expand(make: MacroFactory, target: Expression | undefined, args: readonly Expression[]): Expression | undefined
}

export class MacroError extends Error {
  override readonly name = 'MacroError'
  /** Where, unless it is the macro as a whole. */
  readonly offset: number | undefined

  constructor(message: string, offset?: number) {
    super(message)
    this.offset = offset
  }
}

export const macroKey = (name: string, args: number | undefined, member: boolean): string => `${name}:${args ?? '*'}:${member}`

export const macroTable = (macros: readonly Macro[]): ReadonlyMap<string, Macro> =>
  new Map(macros.map((macro) => [macroKey(macro.name, macro.args, macro.member), macro]))

/** The variable of a comprehension: a plain name that is not the accumulator's. */
export function variableName(expression: Expression | undefined, message = 'argument must be a simple name'): string {
  if (expression?.kind !== 'identifier' || expression.name.startsWith('.')) throw new MacroError(message, expression?.offset)
  if (expression.name === ACCUMULATOR || expression.name === '__result__') {
    throw new MacroError('iteration variable overwrites accumulator variable', expression.offset)
  }
  return expression.name
}

const has: Macro = {
  name: 'has',
  args: 1,
  member: false,
  expand(make, _target, [argument]) {
    if (argument?.kind === 'select') return make.select(argument.operand, argument.field, true)
    throw new MacroError('invalid argument to has() macro', argument?.offset)
  },
}

/** The folds that `all`, `exists` and `exists_one` are, for one variable or two. */
export interface Quantifier {
  readonly initial: (make: MacroFactory) => Expression
  readonly condition: (make: MacroFactory) => Expression
  readonly step: (make: MacroFactory, predicate: Expression) => Expression
  readonly result: (make: MacroFactory) => Expression
}

const accumulator = (make: MacroFactory): Expression => make.identifier(ACCUMULATOR)

export const all: Quantifier = {
  initial: (make) => make.literal(true),
  condition: (make) => make.call('@not_strictly_false', [accumulator(make)]),
  step: (make, predicate) => make.call('_&&_', [accumulator(make), predicate]),
  result: accumulator,
}

export const exists: Quantifier = {
  initial: (make) => make.literal(false),
  condition: (make) => make.call('@not_strictly_false', [make.call('!_', [accumulator(make)])]),
  step: (make, predicate) => make.call('_||_', [accumulator(make), predicate]),
  result: accumulator,
}

export const existsOne: Quantifier = {
  initial: (make) => make.literal(0),
  condition: (make) => make.literal(true),
  step: (make, predicate) =>
    make.call('_?_:_', [predicate, make.call('_+_', [accumulator(make), make.literal(1)]), accumulator(make)]),
  result: (make) => make.call('_==_', [accumulator(make), make.literal(1)]),
}

export function quantify(
  make: MacroFactory,
  { initial, condition, step, result }: Quantifier,
  range: Expression,
  [variable, variable2]: readonly [string, string?],
  predicate: Expression,
): Expression {
  return make.comprehension({
    variable,
    variable2,
    range,
    accumulator: ACCUMULATOR,
    initial: initial(make),
    condition: condition(make),
    step: step(make, predicate),
    result: result(make),
  })
}

const quantifier = (name: string, fold: Quantifier): Macro => ({
  name,
  args: 2,
  member: true,
  expand: (make, target, [variable, predicate]) => quantify(make, fold, target!, [variableName(variable)], predicate!),
})

/** Folds `target` into a list: `transform` of the elements that `predicate` admits. */
export function collect(
  make: MacroFactory,
  target: Expression,
  variable: string,
  transform: Expression,
  predicate?: Expression,
): Expression {
  const append = make.call('_+_', [accumulator(make), make.list([transform])])
  return make.comprehension({
    variable,
    variable2: undefined,
    range: target,
    accumulator: ACCUMULATOR,
    initial: make.list([]),
    condition: make.literal(true),
    step: predicate === undefined ? append : make.call('_?_:_', [predicate, append, accumulator(make)]),
    result: accumulator(make),
  })
}

const map: Macro = {
  name: 'map',
  args: 2,
  member: true,
  expand: (make, target, [variable, transform]) =>
    collect(make, target!, variableName(variable, 'argument is not an identifier'), transform!),
}

const mapWhere: Macro = {
  name: 'map',
  args: 3,
  member: true,
  expand: (make, target, [variable, predicate, transform]) =>
    collect(make, target!, variableName(variable, 'argument is not an identifier'), transform!, predicate),
}

const filter: Macro = {
  name: 'filter',
  args: 2,
  member: true,
  expand(make, target, [variable, predicate]) {
    const name = variableName(variable, 'argument is not an identifier')
    return collect(make, target!, name, variable!, predicate)
  },
}

/** Known to the parser upstream, but not to Kubernetes, which has it with two variables only. */
export const existsOneMacro: Macro = quantifier('existsOne', existsOne)

/** The macros of the language definition. */
export const standardMacros: readonly Macro[] = [
  has,
  quantifier('all', all),
  quantifier('exists', exists),
  quantifier('exists_one', existsOne),
  map,
  mapWhere,
  filter,
]
