import { fail } from './failure.ts'
import { Double, type Int, Uint } from './number.ts'
import type { Value } from './value.ts'

/** A map; equal numbers of different types are the same key. */
export abstract class CelMap {
  abstract readonly size: number
  abstract get(key: Value): Value | undefined
  abstract keys(): Iterable<Value>

  has(key: Value): boolean {
    return this.get(key) !== undefined
  }
}

type Key = string | Int | boolean

/** The key as a JavaScript Map compares it, or undefined for what no map can hold. */
export function mapKey(key: Value): Key | undefined {
  if (typeof key === 'string' || typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return key
  if (key instanceof Uint) return key.value
  if (key instanceof Double && Number.isInteger(key.value)) return Number.isSafeInteger(key.value) ? key.value : BigInt(key.value)
  return undefined
}

/** A map of finished values, in insertion order. */
export class EntryMap extends CelMap {
  protected readonly entries: Map<Key, readonly [Value, Value]>

  constructor(entries = new Map<Key, readonly [Value, Value]>()) {
    super()
    this.entries = entries
  }

  /** The last of equal keys wins. Fails on keys of other types than bool, int, uint and string. */
  static of(pairs: Iterable<readonly [Value, Value]>): EntryMap {
    const entries = new Map<Key, readonly [Value, Value]>()
    for (const [key, value] of pairs) entries.set(keyOf(key), [key, value])
    return new EntryMap(entries)
  }

  override get size(): number {
    return this.entries.size
  }

  override get(key: Value): Value | undefined {
    const found = mapKey(key)
    return found === undefined ? undefined : this.entries.get(found)?.[1]
  }

  override *keys(): Iterable<Value> {
    for (const [key] of this.entries.values()) yield key
  }
}

/** The accumulator of a fold into a map. */
export class MapBuilder extends EntryMap {
  insert(key: Value, value: Value): this {
    const found = keyOf(key)
    if (this.entries.has(found)) return fail(`insert failed: key ${shown(key)} already exists`)
    this.entries.set(found, [key, value])
    return this
  }

  finish(): EntryMap {
    return new EntryMap(this.entries)
  }
}

const keyOf = (key: Value): Key => (key instanceof Double ? undefined : mapKey(key)) ?? fail('unsupported key type')

const shown = (key: Value): string => (key instanceof Uint ? String(key.value) : String(key))
