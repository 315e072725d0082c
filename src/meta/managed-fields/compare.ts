import { deepEqual } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { type FieldSet, FieldSetBuilder, isEmptySet } from './field-set.ts'
import { fieldElement, fieldSchema, type Item, itemsOf, type Shape, shapeOf } from './shape.ts'
import { zeroOf } from './zero.ts'

/** What differs between two versions of an object: fields that came, went, or have another value. Disjoint. */
export interface Comparison {
  readonly added: FieldSet
  readonly removed: FieldSet
  readonly modified: FieldSet
}

/** Compares two versions by the shape of their schema. The order of keyed lists and sets makes no difference. */
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
    const shape = shapeOf(schema, after ?? before)
    switch (shape.kind) {
      case 'leaf':
        this.#leaf(before, after)
        return
      case 'map':
        if (isHollow(before) && isHollow(after)) this.#leaf(before, after)
        else this.#fields(before, after, shape.node)
        break
      default:
        if (isHollow(before) && isHollow(after)) this.#leaf(before, after)
        else this.#items(before, after, shape)
    }
  }

  #leaf(before: unknown, after: unknown): void {
    if (this.#path.length === 0) return
    if (before === undefined) this.#added.add(this.#path)
    else if (after === undefined) this.#removed.add(this.#path)
    else if (!deepEqual(before, after)) this.#modified.add(this.#path)
  }

  #fields(before: unknown, after: unknown, node: Schema | undefined): void {
    const [left, right] = [isObject(before) ? before : undefined, isObject(after) ? after : undefined]
    for (const name in left) {
      const schema = fieldSchema(node, name)
      this.#child(fieldElement(name), shownValue(left, name, schema), shownValue(right, name, schema), schema)
    }
    for (const name in right) {
      if (left !== undefined && Object.hasOwn(left, name)) continue
      const schema = fieldSchema(node, name)
      this.#child(fieldElement(name), shownValue(left, name, schema), shownValue(right, name, schema), schema)
    }
    this.#whole(before, after)
  }

  #items(before: unknown, after: unknown, shape: Shape & { readonly kind: 'set' | 'keyed' }): void {
    const [left, right] = [itemsOf(shape, before), itemsOf(shape, after)]
    for (const [element, item] of left) this.#item(element, item, right.get(element), shape.items)
    for (const [element, item] of right) if (!left.has(element)) this.#item(element, undefined, item, shape.items)
    this.#whole(before, after)
  }

  #item(element: string, before: Item | undefined, after: Item | undefined, schema: Schema | undefined): void {
    const duplicates = (before?.duplicates ?? 0) - (after?.duplicates ?? 0)
    if (before === undefined || after === undefined || duplicates === 0) this.#child(element, before?.value, after?.value, schema)
    else {
      this.#path.push(element)
      this.#modified.add(this.#path)
      this.#path.pop()
    }
  }

  #child(element: string, before: unknown, after: unknown, schema: Schema | undefined): void {
    if (before === after) return
    // Most writes leave the spec or the status as it was, which is seen sooner than each of its fields is compared.
    if (this.#path.length === 0 && deepEqual(before, after)) return
    this.#path.push(element)
    this.walk(before, after, schema)
    this.#path.pop()
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
  object === undefined ? undefined : ((Object.hasOwn(object, name) ? object[name] : undefined) ?? zeroOf(schema))

function isHollow(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) return Object.keys(value).length === 0
  return true
}
