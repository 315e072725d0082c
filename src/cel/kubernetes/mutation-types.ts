import type { FieldType, TypeProvider } from '../types/declarations.ts'
import { dyn, string } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { CelList } from '../values/list.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'

/** `Object{…}` and `JSONPatch{…}` of mutating admission policies. */
class MutationObject extends StructValue {
  override readonly typeName: string
  private readonly fields: ReadonlyMap<string, Value>

  constructor(typeName: string, fields: ReadonlyMap<string, Value>) {
    super()
    this.typeName = typeName
    this.fields = fields
  }

  override field(name: string): Value | undefined {
    return this.fields.get(name)
  }

  override has(name: string): boolean {
    return this.fields.has(name)
  }

  override names(): readonly string[] {
    return [...this.fields.keys()]
  }
}

const PATCH_FIELDS: Readonly<Record<string, FieldType>> = {
  op: { type: string },
  path: { type: string },
  from: { type: string },
  value: { type: dyn },
}

const isObjectType = (name: string): boolean => name === 'Object' || name.startsWith('Object.')

/** Beside the types of `next`: any `Object.path.to.field`, whose place shows in its name, and `JSONPatch`. */
export function mutationTypes(next: TypeProvider): TypeProvider {
  return {
    hasType: (name) => isObjectType(name) || name === 'JSONPatch' || next.hasType(name),
    field: (typeName, field) => {
      if (isObjectType(typeName)) return { type: dyn }
      if (typeName !== 'JSONPatch') return next.field(typeName, field)
      return Object.hasOwn(PATCH_FIELDS, field) ? PATCH_FIELDS[field] : undefined
    },
    construct: (typeName, fields) => {
      if (isObjectType(typeName)) return checked(typeName, fields)
      if (typeName === 'JSONPatch') return new MutationObject(typeName, fields)
      return next.construct?.(typeName, fields) ?? fail(`unknown type: '${typeName}'`)
    },
    constant: (name) => next.constant?.(name),
  }
}

/** An object below another must be named for the field it is in; in a list, for the list. */
function checked(typeName: string, fields: ReadonlyMap<string, Value>): Value {
  for (const [name, value] of fields) {
    const values = value instanceof CelList ? value.toArray() : [value]
    for (const each of values) {
      if (!(each instanceof MutationObject) || each.typeName === `${typeName}.${name}`) continue
      return fail(
        `unexpected type name ${JSON.stringify(each.typeName)}, expected ${JSON.stringify(`${typeName}.${name}`)}, which matches field name path from root Object type`,
      )
    }
  }
  return new MutationObject(typeName, fields)
}
