import { CelList } from './list.ts'
import { CelMap } from './map.ts'
import { Opaque } from './opaque.ts'
import type { Value } from './value.ts'

/** Code points: what CEL counts a string in. */
export function codePoints(text: string): number {
  let count = text.length
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit >= 0xd800 && unit <= 0xdbff && at + 1 < text.length) {
      count--
      at++
    }
  }
  return count
}

/** Code points of a string, bytes, elements, entries or fields; 1 for anything else. Costs are made of it. */
export function sizeOf(value: Value): number {
  if (typeof value === 'string') return codePoints(value)
  if (typeof value !== 'object' || value === null) return 1
  if (value instanceof CelList || value instanceof CelMap) return value.size
  if (value instanceof Uint8Array) return value.length
  return value instanceof Opaque ? value.size : 1
}
