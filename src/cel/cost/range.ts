/** From a least to a most; infinite where nothing bounds it. Upstream counts in 64 bits and saturates, which comes to the same. */
export interface Range {
  readonly min: number
  readonly max: number
}

export const fixedRange = (value: number): Range => ({ min: value, max: value })
export const UNKNOWN: Range = { min: 0, max: Number.POSITIVE_INFINITY }
export const ZERO: Range = fixedRange(0)
export const ONE: Range = fixedRange(1)

/** Zero times infinity is zero: nothing, however often. */
const times = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b)

export const plus = (a: Range, b: Range): Range => ({ min: a.min + b.min, max: a.max + b.max })
export const multiply = (a: Range, b: Range): Range => ({ min: times(a.min, b.min), max: times(a.max, b.max) })
export const scale = (a: Range, factor: number): Range => ({ min: Math.ceil(a.min * factor), max: Math.ceil(a.max * factor) })
export const union = (a: Range, b: Range): Range => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) })
export const sum = (ranges: readonly Range[]): Range => ranges.reduce(plus, ZERO)
