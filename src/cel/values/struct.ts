import { Opaque } from './opaque.ts'
import type { Value } from './value.ts'

/** An object with declared fields: one of a schema, of the request, or made by `Name{field: value}`. */
export abstract class StructValue extends Opaque {
  /** The field's value, its default where the type has one, or undefined when it is absent. */
  abstract field(name: string): Value | undefined
  /** Whether the field is set: what `has()` asks. */
  abstract has(name: string): boolean
  /** Names of the fields that are set. */
  abstract names(): readonly string[]

  override get size(): number {
    return this.names().length
  }
}
