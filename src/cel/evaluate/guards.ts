import type { Type } from '../types/type.ts'
import { CelDuration } from '../values/duration.ts'
import { CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import { Double, isInt, Uint } from '../values/number.ts'
import { Opaque, TypeValue } from '../values/opaque.ts'
import { Timestamp } from '../values/timestamp.ts'
import type { Value } from '../values/value.ts'

export type Guard = (value: Value) => boolean

const GUARDS: Readonly<Partial<Record<Type['kind'], Guard>>> = {
  bool: (value) => typeof value === 'boolean',
  int: isInt,
  uint: (value) => value instanceof Uint,
  double: (value) => value instanceof Double,
  string: (value) => typeof value === 'string',
  bytes: (value) => value instanceof Uint8Array,
  null: (value) => value === null,
  timestamp: (value) => value instanceof Timestamp,
  duration: (value) => value instanceof CelDuration,
  list: (value) => value instanceof CelList,
  map: (value) => value instanceof CelMap,
  type: (value) => value instanceof TypeValue,
}

const anything: Guard = () => true

/** Whether a value may be passed where `type` is declared: its outermost constructor is compared, as upstream does. */
export function guardOf(type: Type): Guard {
  if (type.kind === 'struct' || type.kind === 'opaque') {
    return (value) => value instanceof Opaque && value.typeName === type.name
  }
  return GUARDS[type.kind] ?? anything
}
