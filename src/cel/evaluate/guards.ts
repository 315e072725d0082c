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
  type: (value) => value instanceof TypeValue,
}

export const anything: Guard = () => true

/** Whether a value may be passed where `type` is declared: of lists and maps, what comes first in them is looked at, as upstream does. */
export function guardOf(type: Type): Guard {
  if (type.kind === 'list') return listGuard(guardOf(type.element))
  if (type.kind === 'map') return mapGuard(guardOf(type.key), guardOf(type.value))
  if (type.kind === 'struct' || type.kind === 'opaque') {
    return (value) => value instanceof Opaque && value.typeName === type.name
  }
  return GUARDS[type.kind] ?? anything
}

function listGuard(element: Guard): Guard {
  if (element === anything) return (value) => value instanceof CelList
  return (value) => value instanceof CelList && (value.size === 0 || element(value.at(0)))
}

function mapGuard(key: Guard, held: Guard): Guard {
  if (key === anything && held === anything) return (value) => value instanceof CelMap
  return (value) => {
    if (!(value instanceof CelMap)) return false
    const [first] = value.keys()
    return first === undefined || (key(first) && held(value.get(first)!))
  }
}
