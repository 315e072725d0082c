import { CelDuration, formatSeconds } from './duration.ts'
import { fail } from './failure.ts'
import { CelList } from './list.ts'
import { CelMap } from './map.ts'
import { Double, isInt, Uint } from './number.ts'
import { Optional } from './optional.ts'
import { StructValue } from './struct.ts'
import { Timestamp } from './timestamp.ts'
import type { Value } from './value.ts'
import { spend } from './work.ts'

/** A value as JSON: what a host stores of it. Fails on what has no form there, such as types and URLs. */
export function toJson(value: Value, special?: (value: Value) => unknown): unknown {
  const own = special?.(value)
  if (own !== undefined) return own
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (isInt(value)) return typeof value === 'number' ? value : Number(value)
  if (value instanceof Double || value instanceof Uint) return Number(value.value)
  if (value instanceof CelList) {
    spend(value.size)
    return value.toArray().map((each) => toJson(each, special))
  }
  if (value instanceof CelMap) return entries([...value.keys()], (key) => value.get(key)!, special)
  if (value instanceof StructValue) return entries(value.names(), (name) => value.field(name as string)!, special)
  if (value instanceof Timestamp) return value.toString()
  if (value instanceof CelDuration) return `${formatSeconds(value.nanos)}s`
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (value instanceof Optional) return value.held === undefined ? null : toJson(value.held, special)
  return fail(`no JSON form of ${value.typeName}`)
}

function entries(
  keys: readonly Value[],
  read: (key: Value) => Value,
  special: ((value: Value) => unknown) | undefined,
): Record<string, unknown> {
  spend(keys.length)
  return Object.fromEntries(
    keys.map((key) => [typeof key === 'string' ? key : fail('map key must be a string'), toJson(read(key), special)] as const),
  )
}
