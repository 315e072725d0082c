import type { FieldType, TypeProvider } from '../types/declarations.ts'
import type { Type } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'

/** The types of `next` and one struct more, e.g. that of `variables`. Fields added to `fields` later are seen by what compiles later. */
export function withStruct(next: TypeProvider, name: string, fields: ReadonlyMap<string, Type>): TypeProvider {
  return {
    hasType: (typeName) => typeName === name || next.hasType(typeName),
    field: (typeName, field): FieldType | undefined => {
      if (typeName !== name) return next.field(typeName, field)
      const type = fields.get(field)
      return type && { type }
    },
    construct: (typeName, values) => next.construct?.(typeName, values) ?? fail(`unknown type: '${typeName}'`),
    constant: (constant) => next.constant?.(constant),
  }
}

/** An object whose fields are computed when they are first read and then kept: the variables of an admission policy. */
export class LazyStruct extends StructValue {
  override readonly typeName: string
  private readonly compute: ReadonlyMap<string, () => Value>
  private readonly known = new Map<string, Value>()

  constructor(typeName: string, compute: ReadonlyMap<string, () => Value>) {
    super()
    this.typeName = typeName
    this.compute = compute
  }

  override field(name: string): Value | undefined {
    let value = this.known.get(name)
    if (value === undefined) {
      value = this.compute.get(name)?.()
      if (value !== undefined) this.known.set(name, value)
    }
    return value
  }

  override has(name: string): boolean {
    return this.compute.has(name)
  }

  override names(): readonly string[] {
    return [...this.compute.keys()]
  }
}
