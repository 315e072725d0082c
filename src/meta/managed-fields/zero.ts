import { deref, type Schema } from '../schema.ts'

const EMPTY: Readonly<Record<string, unknown>> = Object.freeze({})
const NO_ITEMS: readonly unknown[] = Object.freeze([])

/**
 * The value that a field has in upstream's objects while nobody has set it: structs that are not behind a pointer, and scalars and lists that are always written.
 * Undefined for a field that is simply absent. So a template or a zero count doesn't count as added when its first part comes.
 */
export function zeroOf(schema: Schema | undefined): unknown {
  if (!schema?.always) return undefined
  const node = deref(schema)
  if (node.intOrString || node.name?.endsWith('.Quantity')) return node.intOrString ? 0 : '0'
  switch (node.type) {
    case 'object':
      return EMPTY
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
