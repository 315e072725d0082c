import { CelDuration } from './duration.ts'
import { CelList } from './list.ts'
import { CelMap } from './map.ts'
import { Double, Uint } from './number.ts'
import { Opaque } from './opaque.ts'
import { Timestamp } from './timestamp.ts'
import type { Value } from './value.ts'

/** Makes a value of raw data. Called each time an element is read: raw data stays as it is, shared and frozen. */
export type Adapt = (raw: unknown) => Value

/** A list over a raw array. */
export class JsonList extends CelList {
  private readonly raw: readonly unknown[]
  private readonly adapt: Adapt

  constructor(raw: readonly unknown[], adapt: Adapt) {
    super()
    this.raw = raw
    this.adapt = adapt
  }

  override get size(): number {
    return this.raw.length
  }

  override at(index: number): Value {
    return this.adapt(this.raw[index])
  }
}

/** A map over the own properties of a raw object. */
export class JsonMap extends CelMap {
  private readonly raw: Readonly<Record<string, unknown>>
  private readonly adapt: Adapt

  constructor(raw: Readonly<Record<string, unknown>>, adapt: Adapt) {
    super()
    this.raw = raw
    this.adapt = adapt
  }

  override get size(): number {
    return Object.keys(this.raw).length
  }

  override has(key: Value): boolean {
    return typeof key === 'string' && Object.hasOwn(this.raw, key)
  }

  override get(key: Value): Value | undefined {
    return typeof key === 'string' && Object.hasOwn(this.raw, key) ? this.adapt(this.raw[key]) : undefined
  }

  override keys(): Iterable<Value> {
    return Object.keys(this.raw)
  }
}

/** JSON without a schema. Whole numbers are ints, as Kubernetes decodes them. Finished values pass unchanged. */
export const fromJson: Adapt = (raw) => {
  switch (typeof raw) {
    case 'string':
    case 'boolean':
    case 'bigint':
      return raw
    case 'number':
      return Number.isSafeInteger(raw) ? raw + 0 : new Double(raw)
    case 'object':
      return raw === null ? null : fromObject(raw)
    default:
      return null
  }
}

function fromObject(raw: object): Value {
  if (Array.isArray(raw)) return new JsonList(raw, fromJson)
  return isFinished(raw) ? raw : new JsonMap(raw as Readonly<Record<string, unknown>>, fromJson)
}

const isFinished = (raw: object): raw is Exclude<Value, null | boolean | number | bigint | string> =>
  raw instanceof CelList ||
  raw instanceof CelMap ||
  raw instanceof Opaque ||
  raw instanceof Double ||
  raw instanceof Uint ||
  raw instanceof Timestamp ||
  raw instanceof CelDuration ||
  raw instanceof Uint8Array
