import { ACCUMULATOR, type Expression } from './ast.ts'
import type { MacroFactory } from './factory.ts'
import { all, exists, existsOne, type Macro, MacroError, type Quantifier, quantify, variableName } from './macros.ts'

/** No expression of a user can name it: the variable of a fold over nothing. */
const UNUSED = '#unused'

/** Evaluates `value` once under `name` for `body`: a fold over an empty list whose accumulator is the binding. */
export function bindTo(make: MacroFactory, name: string, value: Expression, body: Expression): Expression {
  return make.comprehension({
    variable: UNUSED,
    variable2: undefined,
    range: make.list([]),
    accumulator: name,
    initial: value,
    condition: make.literal(false),
    step: make.identifier(name),
    result: body,
  })
}

/** `optMap` and `optFlatMap`: apply an expression to what an optional holds. */
const optional = (name: string, wrap: boolean): Macro => ({
  name,
  args: 2,
  member: true,
  expand(make, target, [variable, body]) {
    const bound = variableName(variable, `${name}() variable name must be a simple identifier`)
    const inner = bindTo(make, bound, make.call('value', [], target), body!)
    return make.call('_?_:_', [
      make.call('hasValue', [], target),
      wrap ? make.call('optional.of', [inner]) : inner,
      make.call('optional.none', []),
    ])
  },
})

export const optionalMacros: readonly Macro[] = [optional('optMap', true), optional('optFlatMap', false)]

/** `cel.bind(name, value, body)`. */
export const bindMacro: Macro = {
  name: 'bind',
  args: 3,
  member: true,
  expand(make, target, [variable, value, body]) {
    if (target?.kind !== 'identifier' || target.name !== 'cel') return undefined
    return bindTo(make, variableName(variable, 'cel.bind() variable names must be simple identifiers'), value!, body!)
  },
}

function twoNames([first, second]: readonly (Expression | undefined)[]): [string, string] {
  const message = 'argument must be a simple name'
  const names: [string, string] = [variableName(first, message), variableName(second, message)]
  if (names[0] === names[1]) throw new MacroError(`duplicate variable name: ${names[0]}`, second!.offset)
  return names
}

const quantifier = (name: string, fold: Quantifier): Macro => ({
  name,
  args: 3,
  member: true,
  expand: (make, target, args) => quantify(make, fold, target!, twoNames(args), args[2]!),
})

/** Folds into a list or map by `insert`, for the entries that the predicate admits. */
const transform = (
  name: string,
  filtered: boolean,
  initial: (make: MacroFactory) => Expression,
  insert: (make: MacroFactory, key: string, body: Expression) => Expression,
): Macro => ({
  name,
  args: filtered ? 4 : 3,
  member: true,
  expand(make, target, args) {
    const [variable, variable2] = twoNames(args)
    const step = insert(make, variable, args[filtered ? 3 : 2]!)
    return make.comprehension({
      variable,
      variable2,
      range: target!,
      accumulator: ACCUMULATOR,
      initial: initial(make),
      condition: make.literal(true),
      step: filtered ? make.call('_?_:_', [args[2]!, step, make.identifier(ACCUMULATOR)]) : step,
      result: make.identifier(ACCUMULATOR),
    })
  },
})

const toList = (filtered: boolean): Macro =>
  transform(
    'transformList',
    filtered,
    (make) => make.list([]),
    (make, _key, body) => make.call('_+_', [make.identifier(ACCUMULATOR), make.list([body])]),
  )

const toMap = (filtered: boolean): Macro =>
  transform(
    'transformMap',
    filtered,
    (make) => make.map(),
    (make, key, body) => make.call('cel.@mapInsert', [make.identifier(ACCUMULATOR), make.identifier(key), body]),
  )

const toMapEntry = (filtered: boolean): Macro =>
  transform(
    'transformMapEntry',
    filtered,
    (make) => make.map(),
    (make, _key, body) => make.call('cel.@mapInsert', [make.identifier(ACCUMULATOR), body]),
  )

/** https://github.com/google/cel-go/blob/master/ext/README.md#two-variable-comprehensions */
export const twoVariableMacros: readonly Macro[] = [
  quantifier('all', all),
  quantifier('exists', exists),
  quantifier('existsOne', existsOne),
  quantifier('exists_one', existsOne),
  toList(false),
  toList(true),
  toMap(false),
  toMap(true),
  toMapEntry(false),
  toMapEntry(true),
]
