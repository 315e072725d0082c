import { deref, type Schema } from '../schema.ts'

const EMPTY: Readonly<Record<string, unknown>> = Object.freeze({})

/**
 * The value that a field has in upstream's objects while nobody has set it: structs that are not behind a pointer, and scalars that are always written.
 * Undefined for a field that is simply absent. So a template or a zero count doesn't count as added when its first part comes.
 */
export function zeroOf(schema: Schema | undefined): unknown {
  if (!schema?.always) return undefined
  switch (deref(schema).type) {
    case 'object':
      return EMPTY
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
