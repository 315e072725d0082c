import { equal } from './equality.ts'
import { fail } from './failure.ts'
import { Opaque } from './opaque.ts'
import { sizeOf } from './size.ts'
import type { Value } from './value.ts'

/** `optional.of(x)` or `optional.none()`. */
export class Optional extends Opaque {
  static readonly none = new Optional(undefined)
  override readonly typeName = 'optional_type'
  readonly held: Value | undefined

  private constructor(held: Value | undefined) {
    super()
    this.held = held
  }

  static of(value: Value | undefined): Optional {
    return value === undefined ? Optional.none : new Optional(value)
  }

  get value(): Value {
    return this.held === undefined ? fail('optional.none() dereference') : this.held
  }

  override get size(): number {
    return this.held === undefined ? 1 : sizeOf(this.held)
  }

  override equals(other: Value): boolean {
    if (!(other instanceof Optional)) return false
    if (this.held === undefined || other.held === undefined) return this.held === other.held
    return equal(this.held, other.held)
  }
}
