import { deepEqual } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { type FieldSet, FieldSetBuilder, isEmptySet } from './field-set.ts'
import { addedFields } from './set-fields.ts'
import { fieldElement, fieldSchema, type Item, itemsIn, itemsOf, type Shape, shapeOf, Unmanageable } from './shape.ts'
import { writtenAsNull, zeroOf } from './zero.ts'

/** What differs between two versions of an object: fields that came, went, or have another value. Disjoint. */
export interface Comparison {
  readonly added: FieldSet
  readonly removed: FieldSet
  readonly modified: FieldSet
}

/** Compares two versions by the shape of their schema. The order of keyed lists and sets makes no difference. Throws {@link Unmanageable}. */
export function compare(before: unknown, after: unknown, schema: Schema): Comparison {
  const comparer = new Comparer()
  comparer.walk(before, after, schema)
  return comparer.result()
}

export const isSame = ({ added, removed, modified }: Comparison): boolean =>
  isEmptySet(added) && isEmptySet(removed) && isEmptySet(modified)

class Comparer {
  readonly #added = new FieldSetBuilder()
  readonly #removed = new FieldSetBuilder()
  readonly #modified = new FieldSetBuilder()
  readonly #path: string[] = []

  result(): Comparison {
    return { added: this.#added.build(), removed: this.#removed.build(), modified: this.#modified.build() }
  }

  walk(before: unknown, after: unknown, schema: Schema | undefined): void {
    if (before === after) return
    const shape = shapeOf(schema, after === undefined ? before : after)
    const former = before === undefined || after === undefined ? shape : shapeOf(schema, before)
    // Where the schema says nothing, a value may be of another shape than the one before it: it comes as what it is, and goes as what it was.
    if (former.kind !== shape.kind) this.#as(former, before, after)
    this.#as(shape, before, after)
  }

  #as(shape: Shape, before: unknown, after: unknown): void {
    if (shape.kind === 'leaf') this.#leaf(before, after)
    else if (shape.kind === 'map') {
      const [left, right] = [fieldsIn(before, shape.node), fieldsIn(after, shape.node)]
      const isOnePiece = isHollow(left) && isHollow(right) && !bringsNull(before, after, shape.node)
      if (isOnePiece) this.#leaf(before, after)
      else this.#fields(before, after, shape.node)
    } else if (isHollow(itemsIn(before)) && isHollow(itemsIn(after))) this.#leaf(before, after)
    else this.#items(before, after, shape)
  }

  #leaf(before: unknown, after: unknown): void {
    if (this.#path.length === 0) return
    if (before === undefined) this.#added.add(this.#path)
    else if (after === undefined) this.#removed.add(this.#path)
    else if (!deepEqual(before, after)) this.#modified.add(this.#path)
  }

  #fields(before: unknown, after: unknown, node: Schema | undefined): void {
    const [left, right] = [fieldsIn(before, node), fieldsIn(after, node)]
    for (const name in left) {
      const schema = fieldSchema(node, name)
      this.#child(fieldElement(name), shownValue(left, name, schema), shownValue(right, name, schema), schema)
    }
    for (const name in right) {
      if (left !== undefined && Object.hasOwn(left, name)) continue
      const schema = fieldSchema(node, name)
      this.#child(fieldElement(name), shownValue(left, name, schema), shownValue(right, name, schema), schema)
    }
    if (before === undefined || after === undefined) {
      const there = left ?? right
      for (const { name, element } of writtenAsNull(node)) {
        if (there === undefined || Object.hasOwn(there, name)) continue
        this.#child(element, before === undefined ? undefined : null, after === undefined ? undefined : null, undefined)
      }
    }
    this.#whole(before, after)
  }

  #items(before: unknown, after: unknown, shape: Shape & { readonly kind: 'set' | 'keyed' }): void {
    const [left, right] = [itemsOf(shape, before), itemsOf(shape, after)]
    for (const [element, item] of left) this.#item(element, item, right.get(element), shape.items)
    for (const [element, item] of right) if (!left.has(element)) this.#item(element, undefined, item, shape.items)
    this.#whole(before, after)
  }

  /** What shares an element is one piece, which comes and goes beside the fields of a single item. */
  #item(element: string, before: Item | undefined, after: Item | undefined, schema: Schema | undefined): void {
    const [several, many] = [before?.all, after?.all]
    if (several === undefined && many === undefined) {
      this.#child(element, before?.value, after?.value, schema)
      return
    }
    if (several === undefined) this.#child(element, before?.value, undefined, schema)
    if (many === undefined) this.#child(element, undefined, after?.value, schema)
    this.#path.push(element)
    if (many === undefined) this.#removed.add(this.#path)
    else if (several === undefined) this.#added.add(this.#path)
    else if (!deepEqual(several, many)) this.#modified.add(this.#path)
    this.#path.pop()
  }

  #child(element: string, before: unknown, after: unknown, schema: Schema | undefined): void {
    if (before === after) return
    // Most writes leave the spec or the status as it was, which is seen sooner than each of its fields is compared.
    if (this.#path.length === 0 && deepEqual(before, after)) return
    this.#path.push(element)
    if (before === undefined) this.#comes(after, schema)
    else this.walk(before, after, schema)
    this.#path.pop()
  }

  /** The fields of what was not there are those of a new object, which are mostly known. */
  #comes(after: unknown, schema: Schema | undefined): void {
    const fields = addedFields(after, schema)
    if (fields !== undefined) this.#added.addWhole(this.#path, fields)
  }

  /** What came or went as a whole is in the set beside its fields. */
  #whole(before: unknown, after: unknown): void {
    if (this.#path.length === 0) return
    if (before === undefined) this.#added.add(this.#path)
    else if (after === undefined) this.#removed.add(this.#path)
  }
}

/** A field as upstream's typed objects show it: some are there before anyone sets them. */
const shownValue = (object: Record<string, unknown> | undefined, name: string, schema: Schema | undefined): unknown =>
  object === undefined ? undefined : Object.hasOwn(object, name) && object[name] !== undefined ? object[name] : zeroOf(schema)

/** Whether an empty struct comes or goes, which has nulls. */
const bringsNull = (before: unknown, after: unknown, node: Schema | undefined): boolean =>
  (before === undefined || after === undefined) && isObject(before ?? after) && writtenAsNull(node).length > 0

/** Undefined when there are none. Throws {@link Unmanageable} for what can't be of a type with fields. */
function fieldsIn(value: unknown, node: Schema | undefined): Record<string, unknown> | undefined {
  if (isObject(value)) return value
  if (node !== undefined && value !== undefined && value !== null) throw new Unmanageable()
  return undefined
}

function isHollow(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) return Object.keys(value).length === 0
  return true
}
