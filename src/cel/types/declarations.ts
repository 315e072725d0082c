import type { Value } from '../values/value.ts'
import type { Type } from './type.ts'

/** One signature of a function. */
export interface Overload {
  /** Upstream's name of it, e.g. `string_to_int`; costs are kept by it. */
  readonly id: string
  /** Whether the first parameter is the receiver: `a.f(b)` instead of `f(a, b)`. */
  readonly member: boolean
  readonly parameters: readonly Type[]
  readonly result: Type
  readonly invoke: Implementation
  /** Whether it sees to the types of its arguments itself. */
  readonly unguarded?: boolean
}

/** Receives finished values whose types fit the parameters; fails by `fail()`. */
export type Implementation = (...args: Value[]) => Value

export interface FunctionDeclaration {
  readonly name: string
  readonly overloads: readonly Overload[]
}

/** A field of a struct type. */
export interface FieldType {
  readonly type: Type
}

/**
 * Knows the struct types of an environment. Everything is asked for by name and only when an expression mentions it,
 * so that a provider over schemas builds nothing in advance.
 */
export interface TypeProvider {
  /** Whether a struct type of this name exists. */
  hasType(name: string): boolean
  field(typeName: string, field: string): FieldType | undefined
  /** Makes `Name{…}`. The values fit the fields' types. Absent where objects of the type cannot be made. */
  construct?(typeName: string, fields: ReadonlyMap<string, Value>): Value
  /** A constant or type of this name beside the declared variables, for instance an enum's value. */
  constant?(name: string): { readonly type: Type; readonly value: Value } | undefined
}

type Signature = readonly [id: string, parameters: readonly Type[], result: Type, invoke: Implementation]

/** A function of ordinary and member overloads, each `[id, parameters, result, implementation]`. */
export function declare(
  name: string,
  {
    functions = [],
    members = [],
    unguarded = false,
  }: { functions?: readonly Signature[]; members?: readonly Signature[]; unguarded?: boolean },
): FunctionDeclaration {
  const overload =
    (member: boolean) =>
    ([id, parameters, result, invoke]: Signature): Overload => ({ id, member, parameters, result, invoke, unguarded })
  return { name, overloads: [...functions.map(overload(false)), ...members.map(overload(true))] }
}
