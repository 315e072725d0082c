import { deref, type Schema } from '../schema.ts'
import { type FieldSet, LEAF, MEMBER } from './field-set.ts'
import { fieldSchema, isRawExtension, shapeOf } from './shape.ts'

/** Sets that were found to fit a schema; most are seen again, with the next write to their object. */
const fitting = new WeakMap<FieldSet, Schema>()

/**
 * The set as its schema sees it now: who owned parts of what has since become one piece owns the piece.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#compatibility-across-topology-changes
 */
export function reconciled(set: FieldSet, schema: Schema): FieldSet {
  if (fitting.get(set) === schema) return set
  const result = fieldsFitting(set, schema)
  fitting.set(result, schema)
  return result
}

function fitted(set: FieldSet, schema: Schema | undefined): FieldSet {
  if (schema === undefined || set === LEAF) return set
  const node = deref(schema)
  if (isOnePiece(schema, node)) {
    for (const element in set) if (element !== MEMBER) return LEAF
    return set
  }
  return fieldsFitting(set, schema)
}

function fieldsFitting(set: FieldSet, schema: Schema): FieldSet {
  const node = deref(schema)
  const isList = node.type === 'array'
  if (isList ? node.items === undefined : node.properties === undefined && node.additionalProperties === undefined) return set
  let changed: Record<string, FieldSet> | undefined
  for (const element in set) {
    if (element === MEMBER) continue
    const child = isList ? node.items : element.startsWith('f:') ? fieldSchema(node, element.slice(2)) : node.additionalProperties
    const now = fitted(set[element]!, child)
    if (now === set[element]) continue
    changed ??= { ...set }
    changed[element] = now
  }
  return changed ?? set
}

/** A map or list of the schema that is owned whole, in contrast to a single value. */
function isOnePiece(schema: Schema, node: Schema): boolean {
  if (isRawExtension(node)) return true
  return (node.type === 'array' || node.type === 'object') && shapeOf(schema, undefined).kind === 'leaf' && !isOpen(node)
}

const isOpen = (node: Schema): boolean => node.preserveUnknownFields === true && node.properties === undefined
