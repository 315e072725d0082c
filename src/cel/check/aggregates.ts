import { formatType, optionalOf, sameType, type Type } from '../types/type.ts'
import { typeAt } from './checked.ts'
import type { Objection, Validator } from './validation.ts'

/** The elements of a list literal, and the keys and values of a map literal, are each of one type: also dyn is one of its own. */
export const homogeneousAggregates: Validator = function* (node, checked, inFormat) {
  if (inFormat) return
  const typeOf = (id: number, isOptional: boolean): Type => {
    const type = typeAt(checked, id)
    return isOptional ? (optionalOf(type) ?? type) : type
  }
  if (node.kind === 'list') {
    const [first, ...others] = node.elements.map(
      (element, at) => [element, typeOf(element.id, node.optionalIndices.includes(at))] as const,
    )
    const other = first && others.find(([, type]) => !sameType(first[1], type))
    if (first && other) yield mismatch(other[0], first[1], other[1])
  } else if (node.kind === 'map') {
    const [first, ...others] = node.entries.map(
      ({ key, value, optional }) => [key, typeOf(key.id, false), value, typeOf(value.id, optional)] as const,
    )
    if (first === undefined) return
    const [, keyType, , valueType] = first
    for (const [key, type, value, held] of others) {
      if (!sameType(keyType, type)) yield mismatch(key, keyType, type)
      if (!sameType(valueType, held)) yield mismatch(value, valueType, held)
    }
  }
}

const mismatch = (at: Objection['at'], wanted: Type, given: Type): Objection => ({
  at,
  message: `expected type '${formatType(wanted)}' but found '${formatType(given)}'`,
})
