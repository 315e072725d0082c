import { goQuote } from '#base'
import type { FieldType, TypeProvider } from '../types/declarations.ts'
import { dyn, string } from '../types/type.ts'
import { fail } from '../values/failure.ts'
import { CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
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
      if (isObjectType(typeName) || typeName === 'JSONPatch') return new MutationObject(typeName, fields)
      return next.construct?.(typeName, fields) ?? fail(`unknown type: '${typeName}'`)
    },
    constant: (name) => next.constant?.(name),
  }
}

/**
 * What is wrong with the names of objects in a value that an expression made: each is named for the field that it is in; undefined when nothing is. What a patch
 * holds begins at its own name.
 */
export function mutationMismatch(value: Value): string | undefined {
  const wrong = value instanceof CelList ? value.toArray().flatMap(mismatchesInPatch) : [...mismatches(value, typeNameOf(value))]
  return wrong.length === 0 ? undefined : wrong.join('\n')
}

function mismatchesInPatch(patch: Value): string[] {
  const held = patch instanceof MutationObject ? patch.field('value') : undefined
  return held instanceof MutationObject ? [...mismatches(held, held.typeName)] : []
}

const typeNameOf = (value: Value): string => (value instanceof MutationObject ? value.typeName : '')

/** In lists and maps, objects are named for where these are. */
function* mismatches(value: Value, expected: string): Iterable<string> {
  if (value instanceof MutationObject) {
    const { typeName } = value
    if (typeName !== expected)
      yield `unexpected type name ${goQuote(typeName)}, expected ${goQuote(expected)}, which matches field name path from root Object type`
    for (const name of value.names()) yield* mismatches(value.field(name)!, `${expected}.${name}`)
  } else if (value instanceof CelList) for (const each of value.toArray()) yield* mismatches(each, expected)
  else if (value instanceof CelMap) for (const key of value.keys()) yield* mismatches(value.get(key)!, expected)
}
