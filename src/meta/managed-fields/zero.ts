import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { zeroValue } from '../structure/index.ts'
import { fieldElement, fieldSchema } from './shape.ts'

const EMPTY: Readonly<Record<string, unknown>> = Object.freeze({})
const NO_ITEMS: readonly unknown[] = Object.freeze([])

/**
 * The value that a field has in upstream's objects while nobody has set it: structs that are not behind a pointer, and scalars and lists that are always written.
 * Undefined for a field that is simply absent, null for one that upstream writes so. So a template or a zero count doesn't count as added when its first part comes.
 */
export function zeroOf(schema: Schema | undefined): unknown {
  if (!schema?.always) return schema?.writtenAsNull ? null : undefined
  const node = deref(schema)
  if (node.intOrString || node.name?.endsWith('.Quantity')) return node.intOrString ? 0 : '0'
  switch (node.type) {
    case 'object':
      // One piece is compared as a whole.
      return (schema.mapType ?? node.mapType) === 'atomic' ? zeroValue(schema) : EMPTY
    case 'array':
      return NO_ITEMS
    case 'string':
      return ''
    case 'boolean':
      return false
    case 'integer':
    case 'number':
      return 0
    default:
      return undefined
  }
}

export interface NullField {
  readonly name: string
  readonly element: string
}

const NONE: readonly NullField[] = []
const nullFields = new WeakMap<Schema, readonly NullField[]>()

/** Fields that upstream writes as null while nobody has set them. They come and go with their struct. */
export function writtenAsNull(node: Schema | undefined): readonly NullField[] {
  if (node?.properties === undefined) return NONE
  let fields = nullFields.get(node)
  if (fields === undefined) {
    const names = Object.keys(node.properties).filter((name) => node.properties![name]!.writtenAsNull)
    fields = names.length === 0 ? NONE : names.map((name) => ({ name, element: fieldElement(name) }))
    nullFields.set(node, fields)
  }
  return fields
}

/** The value as upstream's typed objects show it: with the nulls that we leave out. What has none below it is shared. */
export function withNulls(value: unknown, schema: Schema | undefined): unknown {
  if (schema === undefined || !mayHoldNull(schema)) return value
  const node = deref(schema)
  if (Array.isArray(value)) return value.map((item) => withNulls(item, node.items))
  if (!isObject(value)) return value
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(value)) setOwn(result, name, withNulls(value[name], fieldSchema(node, name)))
  for (const { name } of writtenAsNull(node)) if (result[name] === undefined) result[name] = null
  return result
}

const holdsNull = new WeakMap<Schema, boolean>()

function mayHoldNull(schema: Schema): boolean {
  const node = deref(schema)
  let known = holdsNull.get(node)
  if (known === undefined) {
    // Types may contain themselves.
    holdsNull.set(node, false)
    const inner = [...Object.values(node.properties ?? {}), node.items, node.additionalProperties]
    known = writtenAsNull(node).length > 0 || inner.some((child) => child !== undefined && mayHoldNull(child))
    holdsNull.set(node, known)
  }
  return known
}
