import { CelDuration } from './duration.ts'
import { CelList } from './list.ts'
import { CelMap } from './map.ts'
import { compareNumbers, Double, isInt, Uint } from './number.ts'
import { Opaque } from './opaque.ts'
import { StructValue } from './struct.ts'
import { Timestamp } from './timestamp.ts'
import type { Value } from './value.ts'
import { spend } from './work.ts'

const isNumber = (value: Value): value is number | bigint | Double | Uint =>
  isInt(value) || value instanceof Double || value instanceof Uint

/** CEL's equality: numbers across types, collections by their elements, values of different types never equal. */
export function equal(a: Value, b: Value): boolean {
  if (a === b) return true
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof CelList) return b instanceof CelList && equalLists(a, b)
  if (a instanceof CelMap) return b instanceof CelMap && equalMaps(a, b)
  if (a instanceof Uint8Array) return b instanceof Uint8Array && compareBytes(a, b) === 0
  if (a instanceof Timestamp) return b instanceof Timestamp && a.compare(b) === 0
  if (a instanceof CelDuration) return b instanceof CelDuration && a.nanos === b.nanos
  if (a instanceof StructValue) return b instanceof StructValue && equalStructs(a, b)
  return a instanceof Opaque && b instanceof Opaque && a.typeName === b.typeName && a.equals(b)
}

function equalLists(a: CelList, b: CelList): boolean {
  const own = a.equalTo(b) ?? b.equalTo(a)
  if (own !== undefined) return own
  if (a.size !== b.size) return false
  spend(a.size)
  for (let index = 0; index < a.size; index++) if (!equal(a.at(index), b.at(index))) return false
  return true
}

function equalMaps(a: CelMap, b: CelMap): boolean {
  if (a.size !== b.size) return false
  spend(a.size)
  for (const key of a.keys()) {
    const other = b.get(key)
    if (other === undefined || !equal(a.get(key)!, other)) return false
  }
  return true
}

function equalStructs(a: StructValue, b: StructValue): boolean {
  const names = a.names()
  if (a.typeName !== b.typeName || names.length !== b.names().length) return false
  return names.every((name) => {
    const other = b.has(name) ? b.field(name) : undefined
    return other !== undefined && equal(a.field(name)!, other)
  })
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let at = 0; at < shared; at++) if (a[at] !== b[at]) return a[at]! - b[at]!
  return a.length - b.length
}

/** Orders by code points. JavaScript's own order of UTF-16 units differs from U+E000 on. */
function compareStrings(a: string, b: string): number {
  if (a === b) return 0
  const shared = Math.min(a.length, b.length)
  for (let at = 0; at < shared; at++) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    // Surrogates stand for code points above every unit from U+E000 on.
    const isLeftHigh = left >= 0xd800 && left <= 0xdfff
    const isRightHigh = right >= 0xd800 && right <= 0xdfff
    if (isLeftHigh !== isRightHigh && left >= 0xd800 && right >= 0xd800) return isLeftHigh ? 1 : -1
    return left - right
  }
  return a.length - b.length
}

/**
 * The order of two values of one type, or of two numbers; undefined where there is none: NaN.
 * `no such overload` is the caller's to say, for which `null` stands here.
 */
export function compare(a: Value, b: Value): number | undefined | null {
  if (typeof a === 'string') return typeof b === 'string' ? compareStrings(a, b) : null
  if (isNumber(a)) return isNumber(b) ? compareNumbers(a, b) : null
  if (typeof a === 'boolean') return typeof b === 'boolean' ? Number(a) - Number(b) : null
  if (a instanceof Timestamp) return b instanceof Timestamp ? a.compare(b) : null
  if (a instanceof CelDuration) return b instanceof CelDuration ? compareNumbers(a.nanos, b.nanos)! : null
  if (a instanceof Uint8Array) return b instanceof Uint8Array ? compareBytes(a, b) : null
  return null
}
