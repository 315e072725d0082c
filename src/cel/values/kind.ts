import { CelDuration } from './duration.ts'
import { CelList } from './list.ts'
import { CelMap } from './map.ts'
import { Double, Uint } from './number.ts'
import { Opaque } from './opaque.ts'
import { Timestamp } from './timestamp.ts'
import type { Value } from './value.ts'

/** The name of a value's type at run time: what `type(x)` names and messages print. */
export function typeNameOf(value: Value): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool'
    case 'number':
    case 'bigint':
      return 'int'
    case 'string':
      return 'string'
    default:
      return value === null ? 'null_type' : objectTypeName(value)
  }
}

function objectTypeName(value: Exclude<Value, null | boolean | number | bigint | string>): string {
  if (value instanceof CelList) return 'list'
  if (value instanceof CelMap) return 'map'
  if (value instanceof Opaque) return value.typeName
  if (value instanceof Double) return 'double'
  if (value instanceof Uint) return 'uint'
  if (value instanceof Timestamp) return 'google.protobuf.Timestamp'
  if (value instanceof CelDuration) return 'google.protobuf.Duration'
  return 'bytes'
}
