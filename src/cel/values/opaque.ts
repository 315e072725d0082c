import type { Value } from './value.ts'

/** A value with a type of its own: objects, optionals, types, and what the Kubernetes libraries add. */
export abstract class Opaque {
  abstract readonly typeName: string

  /** What costs are made of. */
  get size(): number {
    return 1
  }

  /** Only ever called with a value of the same class name; identity unless a type knows better. */
  equals(other: Value): boolean {
    return this === other
  }
}

/** A type as a value: what `type(x)` gives and `int` names. */
export class TypeValue extends Opaque {
  override readonly typeName = 'type'
  readonly name: string

  constructor(name: string) {
    super()
    this.name = name
  }

  override equals(other: Value): boolean {
    return other instanceof TypeValue && other.name === this.name
  }
}
