import { homogeneousAggregates } from './check/aggregates.ts'
import { type CheckedAst, typeOfRoot } from './check/checked.ts'
import { check } from './check/checker.ts'
import { type LiteralChecks, literalValidator } from './check/literals.ts'
import type { Declarations } from './check/scope.ts'
import { type Validator, validate } from './check/validation.ts'
import type { RuntimeCost } from './cost/runtime.ts'
import type { Activation, Evaluator } from './evaluate/frame.ts'
import { plan } from './evaluate/planner.ts'
import { type EvaluateOptions, type Evaluation, run } from './evaluate/program.ts'
import type { Library } from './libraries/library.ts'
import { standardLibrary } from './libraries/standard.ts'
import type { Ast } from './syntax/ast.ts'
import { type Macro, macroTable } from './syntax/macros.ts'
import type { ParseOptions } from './syntax/options.ts'
import { parse } from './syntax/parser.ts'
import { Source } from './syntax/source.ts'
import type { FunctionDeclaration, TypeProvider } from './types/declarations.ts'
import { type Type, typeOf, typeValueName } from './types/type.ts'
import { type Adapt, fromJson } from './values/json.ts'
import { TypeValue } from './values/opaque.ts'
import { Suspension } from './values/suspension.ts'
import type { Value } from './values/value.ts'

/** A variable that expressions may name. `adapt` makes its value of the raw data; without it the data is JSON of no schema. */
export interface Variable {
  readonly type: Type
  readonly adapt?: Adapt
}

export interface EnvironmentOptions {
  /** Beside the standard library. */
  readonly libraries?: readonly Library[]
  readonly variables?: Readonly<Record<string, Variable>>
  readonly functions?: readonly FunctionDeclaration[]
  readonly provider?: TypeProvider
  /** Names are looked up in it first, outwards: `a.b`. */
  readonly container?: string
  /** Whether elements of list and map literals must be of one type. Default: they may differ. */
  readonly homogeneousAggregates?: boolean
  /** Literals that are tried when an expression compiles, by function. */
  readonly literalChecks?: LiteralChecks
  /** How deep each rule of the grammar may nest. Default: 250, as upstream. */
  readonly recursionMax?: number
  /** Whether what an expression has of constants is computed when it compiles, where upstream optimizes its programs. */
  readonly optimized?: boolean
  /** What one evaluation may cost. Default: no limit. */
  readonly costLimit?: number
}

/** Raw data of variables by name, or functions that give it when it is first read. */
export type Variables = Readonly<Record<string, unknown>>

const RECURSION_MAX = 250

const noTypes: TypeProvider = { hasType: () => false, field: () => undefined }

/** What expressions may use: variables, functions, types. Made once and extended cheaply; nothing is built before an expression needs it. */
export class Environment {
  readonly costLimit: number
  private readonly options: EnvironmentOptions
  private readonly libraries: readonly Library[]
  private declared: Declarations | undefined
  private costs: ReadonlyMap<string, RuntimeCost> | undefined
  private validations: readonly Validator[] | undefined
  private macros: ReadonlyMap<string, Macro> | undefined

  constructor(options: EnvironmentOptions = {}) {
    this.options = options
    this.libraries = [standardLibrary, ...(options.libraries ?? [])]
    this.costLimit = options.costLimit ?? Number.POSITIVE_INFINITY
  }

  /** The same environment with more variables, functions or another provider. */
  extend(more: EnvironmentOptions): Environment {
    const { libraries = [], functions = [], variables, ...rest } = more
    return new Environment({
      ...this.options,
      ...rest,
      libraries: [...(this.options.libraries ?? []), ...libraries],
      functions: [...(this.options.functions ?? []), ...functions],
      variables: { ...this.options.variables, ...variables },
    })
  }

  /** Parses, type-checks and plans an expression. Throws `CompileError` with every issue, `InstantiationError` where a constant part of it fails. */
  compile(text: string): Program {
    return this.instantiate(this.check(text))
  }

  /** Parses and type-checks an expression. Throws `CompileError` with every issue. */
  check(text: string): CheckedAst {
    const source = new Source(text)
    const checked = check(parse(source, this.parseOptions), source, this.declarations)
    validate(checked, source, this.validators)
    return checked
  }

  /** Like {@link compile} without type-checking: names and overloads are found when they are needed. Kubernetes always checks. */
  compileUnchecked(text: string): Program {
    return this.instantiate({ ...this.parse(text), types: [], references: [] })
  }

  /** The syntax tree, macros expanded. Throws `CompileError`. */
  parse(text: string): Ast {
    return parse(new Source(text), this.parseOptions)
  }

  /** Makes a program of what {@link check} found. Throws `InstantiationError`. */
  instantiate(checked: CheckedAst): Program {
    const evaluator = plan(checked, {
      declarations: this.declarations,
      costOf: (name, overload) => (overload && this.runtimeCosts.get(overload.id)) ?? this.runtimeCosts.get(name),
      optimized: this.options.optimized ?? false,
    })
    return new Program(checked, evaluator, this)
  }

  /** Raw data of a variable as its declaration reads it. */
  adapt(name: string, raw: unknown): Value {
    const given: unknown = typeof raw === 'function' ? raw() : raw
    return (this.options.variables?.[name]?.adapt ?? fromJson)(given)
  }

  private get validators(): readonly Validator[] {
    const { literalChecks } = this.options
    this.validations ??= [
      ...(this.options.homogeneousAggregates === true ? [homogeneousAggregates] : []),
      ...(literalChecks === undefined ? [] : [literalValidator(literalChecks)]),
      ...this.libraries.flatMap(({ validator }) => validator ?? []),
    ]
    return this.validations
  }

  private get parseOptions(): ParseOptions {
    this.macros ??= macroTable(this.libraries.flatMap(({ macros }) => macros ?? []))
    return {
      macros: this.macros,
      recursionMax: this.options.recursionMax ?? RECURSION_MAX,
      optionalSyntax: this.libraries.some((library) => library.optionalSyntax === true),
      quotedFields: this.libraries.some((library) => library.quotedFields === true),
    }
  }

  private get declarations(): Declarations {
    this.declared ??= this.collect()
    return this.declared
  }

  private get runtimeCosts(): ReadonlyMap<string, RuntimeCost> {
    this.costs ??= new Map(this.libraries.flatMap(({ costs }) => Object.entries(costs ?? {})))
    return this.costs
  }

  private collect(): Declarations {
    const { container = '', provider = noTypes, variables = {} } = this.options
    const types = new Map(this.libraries.flatMap((library) => Object.entries(library.types ?? {})))
    const named = (name: string): Type | undefined =>
      types.get(name) ?? (provider.hasType(name) ? { kind: 'struct', name } : undefined)
    return {
      container,
      provider,
      functions: this.allFunctions(),
      variable: (name) => (Object.hasOwn(variables, name) ? variables[name]!.type : undefined),
      constant: (name) => {
        const type = named(name)
        return type === undefined ? provider.constant?.(name) : { type: typeOf(type), value: new TypeValue(typeValueName(type)) }
      },
    }
  }

  /** By name. A function that several libraries declare has the overloads of all; the same overload counts once. */
  private allFunctions(): ReadonlyMap<string, FunctionDeclaration> {
    const functions = new Map<string, FunctionDeclaration>()
    const declared = [...this.libraries.flatMap((library) => library.functions ?? []), ...(this.options.functions ?? [])]
    for (const { name, overloads } of declared) {
      const before = functions.get(name)?.overloads ?? []
      const added = overloads.filter(({ id }) => before.every((overload) => overload.id !== id))
      functions.set(name, { name, overloads: [...before, ...added] })
    }
    return functions
  }
}

/** A compiled expression, to be evaluated any number of times. */
export class Program {
  /** The expression with its types. */
  readonly checked: CheckedAst
  private readonly evaluator: Evaluator
  private readonly environment: Environment

  constructor(checked: CheckedAst, evaluator: Evaluator, environment: Environment) {
    this.checked = checked
    this.evaluator = evaluator
    this.environment = environment
  }

  /** The type of the result. */
  get type(): Type {
    return typeOfRoot(this.checked)
  }

  /** Throws `EvaluationError` when the expression fails, `EvaluationCancelled` when it costs too much. */
  evaluate(variables: Variables = {}, { costLimit, isCancelled }: EvaluateOptions = {}): Evaluation {
    const activation: Activation = (name) =>
      Object.hasOwn(variables, name) && variables[name] !== undefined ? this.environment.adapt(name, variables[name]) : undefined
    return run(this.evaluator, activation, costLimit ?? this.environment.costLimit, isCancelled)
  }

  /** Like {@link evaluate} for values that answer late, such as an authorizer that asks a webhook: waits and evaluates again. */
  async evaluateAsync(variables: Variables = {}, options: EvaluateOptions = {}): Promise<Evaluation> {
    for (;;) {
      try {
        return this.evaluate(variables, options)
      } catch (error) {
        if (!(error instanceof Suspension)) throw error
        await error.ready
      }
    }
  }
}
