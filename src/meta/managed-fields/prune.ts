import { setOwn } from '#base'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { difference, type FieldSet, intersection, isEmptySet, isMember, LEAF, MEMBER, union } from './field-set.ts'
import { presentFields } from './fields-of.ts'
import { fieldElement, fieldSchema, isNamedField, itemElement, type Shape, shapeOf } from './shape.ts'

export interface Owned {
  /** What the applier listed before. */
  readonly last: FieldSet
  /** What it lists now. */
  readonly listed: FieldSet
  readonly others: FieldSet
}

/**
 * Takes out of the merged object what an applier no longer lists: what it owned by its last configuration and nobody owns now. Fields and items go as a whole, with what
 * lies below. In upstream's steps, whose outcome for what is hollow no simpler rule gives: all that was listed goes; what somebody owns comes back, and with it what was
 * not listed; and only what was listed is gone in the end. What loses all that it had is null, as upstream leaves it.
 */
export function pruneUnowned(merged: unknown, { last, listed, others }: Owned, schema: Schema): unknown {
  if (isEmptySet(last)) return merged
  const before = withNamed(last, schema)
  // Mostly everything is listed again; then nothing goes, unless an empty list makes what holds it look hollow.
  if (isEmptySet(difference(before, withNamed(listed, schema))) && !hasEmptyList(merged)) return merged
  const present = (value: unknown): FieldSet => withNamed(presentFields(value, schema), schema)
  const all = present(merged)
  const kept = union(present(withoutItems(merged, before, schema)), withNamed(union(listed, others), schema))
  const left = present(withoutItems(merged, difference(all, kept), schema))
  return withoutItems(merged, intersection(difference(all, left), before), schema)
}

/** Also of the fields of structs that something lies below of. */
function withNamed(set: FieldSet, schema: Schema | undefined): FieldSet {
  if (set === LEAF) return set
  const node = schema === undefined ? undefined : deref(schema)
  let changed: Record<string, FieldSet> | undefined
  for (const element in set) {
    if (element === MEMBER) continue
    const child = set[element]!
    const name = element.startsWith('f:') ? element.slice(2) : undefined
    const below = name === undefined ? (node?.items ?? node?.additionalProperties) : fieldSchema(node, name)
    let now = withNamed(child, below)
    if (name !== undefined && isNamedField(node, name) && !isMember(now)) now = { [MEMBER]: LEAF, ...now }
    if (now === child) continue
    changed ??= { ...set }
    changed[element] = now
  }
  return changed ?? set
}

/** A value without the members of a set. What has nothing left, or had nothing, is null. */
function withoutItems(value: unknown, set: FieldSet, schema: Schema | undefined): unknown {
  if (isEmptySet(set)) return value
  const shape = shapeOf(schema, value)
  if (shape.kind === 'leaf') return typeof value === 'object' ? null : value
  if (shape.kind !== 'map') return Array.isArray(value) ? remainingItems(value, set, shape) : null
  if (!isObject(value)) return null
  const result: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    const gone = set[fieldElement(name)]
    if (gone === undefined) setOwn(result, name, value[name])
    else if (!isMember(gone)) setOwn(result, name, withoutItems(value[name], gone, fieldSchema(shape.node, name)))
  }
  return Object.keys(result).length === 0 ? null : result
}

function remainingItems(
  list: readonly unknown[],
  set: FieldSet,
  shape: Shape & { readonly kind: 'set' | 'keyed' },
): readonly unknown[] | null {
  const left = list.flatMap((item) => {
    const element = itemElement(shape, item)
    const gone = element === undefined ? undefined : set[element]
    if (gone === undefined) return [item]
    return isMember(gone) ? [] : [withoutItems(item, gone, shape.items)]
  })
  return left.length === 0 ? null : left
}

function hasEmptyList(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0 || value.some(hasEmptyList)
  return isObject(value) && Object.values(value).some(hasEmptyList)
}
