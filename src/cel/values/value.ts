import type { CelDuration } from './duration.ts'
import type { CelList } from './list.ts'
import type { CelMap } from './map.ts'
import type { Double, Uint } from './number.ts'
import type { Opaque } from './opaque.ts'
import type { Timestamp } from './timestamp.ts'

/** Everything an expression can compute. Numbers and bigints are CEL's `int`; see `number.ts`. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Double
  | Uint
  | Timestamp
  | CelDuration
  | CelList
  | CelMap
  | Opaque
