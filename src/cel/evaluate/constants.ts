import { type CheckedAst, overloadsAt } from '../check/checked.ts'
import { regex } from '../libraries/regex.ts'
import type { Call, Expression } from '../syntax/ast.ts'
import { Failure } from '../values/failure.ts'
import { CelList } from '../values/list.ts'
import { Double, type Int, isInt, Uint } from '../values/number.ts'
import type { Value } from '../values/value.ts'
import { keyProblem } from './access.ts'
import { type Evaluator, Frame } from './frame.ts'

/** A part of an expression that needs no data fails: the expression can not be made ready to run. The message is upstream's. */
export class InstantiationError extends Error {
  override readonly name = 'InstantiationError'
}

const CONVERSIONS: ReadonlySet<string> = new Set([
  'bool',
  'bytes',
  'double',
  'duration',
  'dyn',
  'int',
  'string',
  'timestamp',
  'type',
  'uint',
])

/** Functions whose second argument, the receiver counted, is a regular expression. */
const PATTERNED: ReadonlySet<string> = new Set(['matches', 'find', 'findAll'])

/**
 * What upstream's optimizer computes when a program is made, and then costs nothing in a run: lists and maps of constants, conversions of constants,
 * and whether something is in a list of constants, which is a look-up in a set (cel-go, interpreter/decorators.go).
 */
export class Constants {
  private readonly checked: CheckedAst
  private readonly known = new Map<Expression, Value | Failure>()

  constructor(checked: CheckedAst) {
    this.checked = checked
  }

  /** How to evaluate a node whose children were folded before; undefined where there is nothing to gain. Throws {@link InstantiationError}. */
  fold(node: Expression, planned: Evaluator, plan: (part: Expression) => Evaluator): Evaluator | undefined {
    switch (node.kind) {
      case 'literal':
        this.known.set(node, node.value)
        return undefined
      case 'identifier':
      case 'select':
        return this.name(node)
      case 'list':
        return node.elements.every(this.isConstant) ? this.constant(node, planned) : undefined
      case 'map':
        return node.entries.every(({ key, value }) => this.isConstant(key) && this.isConstant(value))
          ? this.constant(node, planned)
          : undefined
      case 'call':
        return this.call(node, planned, plan)
      default:
        return undefined
    }
  }

  private readonly isConstant = (node: Expression): boolean => this.known.has(node)

  private name(node: Expression): undefined {
    const reference = this.checked.references[node.id]
    if (reference?.kind === 'name' && reference.constant !== undefined) this.known.set(node, reference.constant)
  }

  private constant(node: Expression, planned: Evaluator): Evaluator {
    const value = computed(planned)
    this.known.set(node, value)
    return () => {
      if (value instanceof Failure) throw value
      return value
    }
  }

  private call(node: Call, planned: Evaluator, plan: (part: Expression) => Evaluator): Evaluator | undefined {
    const { target, name, args } = node
    const [first, second] = args
    if (name === '@in' && overloadsAt(this.checked, node.id).join() === 'in_list') {
      const list = this.known.get(second!)
      return list instanceof CelList ? this.membership(node, list, plan(first!)) : undefined
    }
    if (PATTERNED.has(name)) this.pattern(node)
    if (name === '_[_]' || name === '_[?_]') this.key(second!)
    if (target !== undefined || args.length !== 1 || !CONVERSIONS.has(name) || !this.isConstant(first!)) return undefined
    const value = computed(planned)
    if (value instanceof Failure) throw new InstantiationError(value.message)
    return this.constant(node, () => value)
  }

  /** Whether a call has a pattern that is known: upstream makes another call of it, which stops at the first argument that fails. */
  hasPattern({ name, target, args }: Call): boolean {
    return PATTERNED.has(name) && typeof this.known.get(target === undefined ? args[1]! : args[0]!) === 'string'
  }

  private key(node: Expression): void {
    const key = this.known.get(node)
    const problem = key === undefined || key instanceof Failure ? undefined : keyProblem(key)
    if (problem !== undefined) throw new InstantiationError(problem)
  }

  /** A pattern that is known is compiled at once. */
  private pattern({ target, args }: Call): void {
    const pattern = this.known.get(target === undefined ? args[1]! : args[0]!)
    if (typeof pattern !== 'string') return
    const problem = computed(() => String(regex(pattern)))
    if (problem instanceof Failure) throw new InstantiationError(problem.message)
  }

  private membership(node: Call, list: CelList, element: Evaluator): Evaluator | undefined {
    if (list.size === 0) return this.constant(node, () => false)
    const members = new Set<string>()
    for (const each of list) {
      const keys = keysOf(each)
      if (keys === undefined) return undefined
      for (const key of keys) members.add(key)
    }
    return (frame) => {
      const value = element(frame)
      if (value instanceof Uint8Array)
        throw new Failure('internal error: runtime error: hash of unhashable type types.Bytes', true)
      const [key] = keysOf(value) ?? []
      return key !== undefined && members.has(key)
    }
  }
}

function computed(planned: Evaluator): Value | Failure {
  try {
    return planned(new Frame(() => undefined, Number.POSITIVE_INFINITY, undefined))
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
}

/** What a value is known by among others, and after it what it is known by as a number of another type that equals it; undefined for what is no scalar. */
function keysOf(value: Value): readonly string[] | undefined {
  if (typeof value === 'string') return [`s${value}`]
  if (typeof value === 'boolean') return [String(value)]
  if (isInt(value)) return [`i${value}`, `d${Number(value)}`, `u${value}`]
  if (value instanceof Uint) return [`u${value.value}`, `d${Number(value.value)}`, `i${value.value}`]
  if (value instanceof Double) return keysOfDouble(value.value)
  return undefined
}

function keysOfDouble(value: number): readonly string[] {
  // Not a number is in no list.
  if (Number.isNaN(value)) return []
  const keys = [`d${value}`]
  if (!Number.isInteger(value)) return keys
  const whole: Int = BigInt(value)
  return [...keys, `i${whole}`, `u${whole}`]
}
