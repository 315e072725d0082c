import { assert } from '#base'
import type { Environment, Program, Type } from '#cel'
import type { FieldError } from '#meta'
import type { ParamKind, Variable } from '../generated/types.ts'
import { type Findings, internalFinding, invalidValue } from '../validation/findings.ts'
import { environmentOf } from './environment.ts'

type Cel = typeof import('#cel')

let loaded: Cel | undefined

/** Loads the language; webhooks and policies with expressions can't be checked before. */
export async function loadExpressions(): Promise<void> {
  loaded ??= await import('#cel')
}

/** What an expression may evaluate to, as types are printed. */
export const RETURNS = {
  bool: ['bool'],
  string: ['string'],
  stringOrNull: ['string', 'null_type'],
  object: ['Object'],
  patches: ['list(JSONPatch)'],
} as const

export interface ExpressionOptions {
  /** Names and types of what an expression may return. */
  readonly returns: readonly string[]
  /** The text that the error shows, where it is not the one that is compiled. */
  readonly shown?: string
  /** Conditions are asked before a policy's variables exist. */
  readonly isCondition?: boolean
  /** Messages may not ask what their reader may do. */
  readonly isMessage?: boolean
}

interface Scope {
  readonly paramKind?: ParamKind | undefined
  /** Whether `variables` is known. */
  readonly isComposed?: boolean
  /** Whether patches can be made. */
  readonly isMutation?: boolean
}

/** Checks the expressions of one webhook or policy, which see the variables that were checked before them. */
export class Expressions {
  readonly #scope: Scope
  readonly #variables = new Map<string, Type>()
  #environments = new Map<string, Environment>()

  constructor(scope: Scope) {
    this.#scope = scope
  }

  variable({ name, expression }: Variable, field: string, found: Findings): void {
    const { environment, cel } = this.#environmentOf({ returns: [] })
    const compiled = compileExpression(cel, environment, expression)
    this.#variables.set(name, variableType(cel, compiled))
    this.#environments = new Map()
    if ('problem' in compiled) found.push(problemOf(compiled, field, expression))
  }

  check(text: string, field: string, options: ExpressionOptions, found: Findings): void {
    const { returns, shown = text } = options
    const { environment, cel } = this.#environmentOf(options)
    const compiled = compileExpression(cel, environment, text, returns)
    if ('problem' in compiled) found.push(problemOf(compiled, field, shown))
  }

  #environmentOf({ isCondition = false, isMessage = false }: ExpressionOptions): { environment: Environment; cel: Cel } {
    assert(loaded !== undefined, 'the language is loaded before an object with expressions is checked')
    const { paramKind, isComposed = false, isMutation = false } = this.#scope
    const key = `${isCondition} ${isMessage}`
    let environment = this.#environments.get(key)
    if (environment === undefined) {
      environment = environmentOf(loaded, {
        params: paramKind !== undefined,
        ...(isComposed && !isCondition && { variables: new Map(this.#variables) }),
        mutation: isMutation && !isCondition,
        authorizer: !isMessage,
      })
      this.#environments.set(key, environment)
    }
    return { environment, cel: loaded }
  }
}

const printed = (cel: Cel, type: Type): string => (type.kind === 'null' ? 'null_type' : cel.formatType(type))

/** What is wrong with an expression. */
export interface ExpressionProblem {
  readonly problem: string
  /** Whether it is said to be ours, though it is the author's. */
  readonly isInternal: boolean
}

const problemOf = ({ problem, isInternal }: ExpressionProblem, field: string, shown: string): FieldError =>
  isInternal ? internalFinding(field, problem) : invalidValue(field, shown, problem)

/**
 * An expression ready to run, or what is wrong with it in upstream's words. What is returned is looked at before the expression is made ready to run; without
 * `returns` it may be anything.
 */
export function compileExpression(
  cel: Cel,
  environment: Environment,
  text: string,
  returns?: readonly string[],
): Program | ExpressionProblem {
  try {
    const checked = environment.check(text)
    const got = printed(cel, cel.typeOfRoot(checked))
    if (returns === undefined || returns.includes(got)) return environment.instantiate(checked)
    const wanted = returns.length === 1 ? returns[0] : `one of [${returns.join(' ')}]`
    return { problem: `must evaluate to ${wanted} but got ${got}`, isInternal: false }
  } catch (error) {
    if (error instanceof cel.InstantiationError)
      return { problem: `program instantiation failed: ${error.message}`, isInternal: true }
    return { problem: `compilation failed: ${(error as Error).message}`, isInternal: false }
  }
}

/** The type of a variable for what follows it. One that does not compile is of any, as is one of a type that upstream does not carry over; its own error is the one to tell. */
export const variableType = (cel: Cel, compiled: Program | ExpressionProblem): Type =>
  'problem' in compiled ? cel.types.dyn : carriedOver(cel, compiled.type)

const CARRIED_OVER = new Set<Type['kind']>([
  'any',
  'bool',
  'bytes',
  'double',
  'duration',
  'int',
  'null',
  'string',
  'timestamp',
  'uint',
])

function carriedOver(cel: Cel, type: Type): Type {
  const { types } = cel
  if (type.kind === 'list') return types.list(carriedOver(cel, type.element))
  if (type.kind === 'map') return types.map(carriedOver(cel, type.key), carriedOver(cel, type.value))
  return CARRIED_OVER.has(type.kind) ? type : types.dyn
}
