import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { failure } from '../status.ts'
import { type FieldSet, FieldSetBuilder } from './field-set.ts'
import { fieldElement, fieldSchema, isNamedField, itemElement, type Shape, shapeOf } from './shape.ts'
import { typeErrors } from './typed.ts'

/**
 * The fields that an applied configuration speaks of. Throws a Status for what its type does not allow (upstream answers 500, with no reason, to a configuration that
 * it can't read as its type); `what` names the configuration in it.
 */
export function fieldsOf(configuration: unknown, schema: Schema, what: string): FieldSet {
  const errors = typeErrors(configuration, schema)
  if (errors !== undefined) throw failure(500, '', `failed to create typed patch object (${what}): ${errors}`)
  const collector = new Collector()
  collector.walk(configuration, schema)
  return collector.set.build()
}

/** The fields of any object. Of items that are there twice it has only that they are. */
export function presentFields(object: unknown, schema: Schema): FieldSet {
  const collector = new Collector()
  collector.walk(object, schema)
  return collector.set.build()
}

/** Of a value of its type. */
class Collector {
  readonly set = new FieldSetBuilder()
  readonly #path: string[] = []

  walk(value: unknown, schema: Schema | undefined): void {
    const shape = shapeOf(schema, value)
    if (shape.kind === 'leaf') this.#add()
    else if (shape.kind === 'map') {
      if (isObject(value)) this.#fields(value, shape.node)
    } else if (Array.isArray(value)) this.#items(value, shape)
  }

  #fields(value: Record<string, unknown>, node: Schema | undefined): void {
    for (const name in value) {
      const child = value[name]
      if (child === undefined) continue
      this.#path.push(fieldElement(name))
      this.walk(child, fieldSchema(node, name))
      const hollow = child === null || (isObject(child) && Object.keys(child).length === 0)
      if (hollow || !isNamedField(node, name)) this.#add()
      this.#path.pop()
    }
  }

  #items(value: readonly unknown[], shape: Shape & { readonly kind: 'set' | 'keyed' }): void {
    const elements = value.map((item) => itemElement(shape, item))
    const twins = twinsAmong(elements)
    for (const [index, element] of elements.entries()) {
      if (element === undefined) continue
      this.#path.push(element)
      if (!twins.has(element)) this.walk(value[index], shape.items)
      this.#add()
      this.#path.pop()
    }
  }

  #add(): void {
    if (this.#path.length > 0) this.set.add(this.#path)
  }
}

const NONE: ReadonlySet<unknown> = new Set()

function twinsAmong(elements: readonly unknown[]): ReadonlySet<unknown> {
  const seen = new Set(elements)
  if (seen.size === elements.length) return NONE
  return new Set(elements.filter((element) => !seen.delete(element)))
}
