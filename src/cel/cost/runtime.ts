import { Opaque, TypeValue } from '../values/opaque.ts'
import { Optional } from '../values/optional.ts'
import { sizeOf } from '../values/size.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'

/**
 * What one call costs. The arguments have the receiver first. What follows from them alone is charged before the call,
 * so that a call too dear is never made.
 */
export type RuntimeCost =
  | { readonly ofArguments: (args: readonly Value[]) => number }
  | { readonly ofResult: (args: readonly Value[], result: Value) => number }

/** Costs upstream gives to the parts of an expression; a unit is about 50 ns of its evaluator. */
export const STRING_TRAVERSAL_FACTOR = 0.1
export const REGEX_LENGTH_FACTOR = 0.25
export const LIST_CREATE_COST = 10
export const MAP_CREATE_COST = 30
export const STRUCT_CREATE_COST = 40

export const traversal = (size: number): number => Math.ceil(size * STRING_TRAVERSAL_FACTOR)

/** Comparing costs by the smaller side: it is over when that ends. */
export const comparisonCost = (a: Value, b: Value): number =>
  typeof a === 'number' && typeof b === 'number' ? 1 : traversal(Math.min(sizeOf(a), sizeOf(b)))

/** Whether two are equal has one price for what the Kubernetes libraries add; whether they are not has the price of all others. */
export const equalityCost = (a: Value, b: Value): number => (isOfLibrary(a) ? 1 : comparisonCost(a, b))

/** Whether a value is of a type that a library of Kubernetes brought. */
export const isOfLibrary = (value: Value): boolean =>
  value instanceof Opaque && !(value instanceof StructValue || value instanceof TypeValue || value instanceof Optional)

const ofReceiver: RuntimeCost = { ofArguments: ([receiver]) => traversal(sizeOf(receiver!)) }

/** Text and pattern both count: matching is linear in their product. One more for the text, since an empty one still compiles the pattern. */
export const matchCost: RuntimeCost = {
  ofArguments: ([text, pattern]) =>
    Math.ceil((1 + sizeOf(text!)) * STRING_TRAVERSAL_FACTOR) * Math.ceil(sizeOf(pattern!) * REGEX_LENGTH_FACTOR),
}

/** Overloads of the standard library that cost other than 1; operators are in the planner. */
export const standardCosts: Readonly<Record<string, RuntimeCost>> = {
  starts_with_string: ofReceiver,
  ends_with_string: ofReceiver,
  string_to_bytes: ofReceiver,
  bytes_to_string: ofReceiver,
  strings_quote: ofReceiver,
  string_format: ofReceiver,
  matches: matchCost,
  matches_string: matchCost,
  contains_string: { ofArguments: ([text, part]) => traversal(sizeOf(text!)) * traversal(sizeOf(part!)) },
}
