import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { badRequest } from '../status.ts'
import { type FieldSet, FieldSetBuilder } from './field-set.ts'
import { fieldElement, fieldSchema, isNamedField, itemElement, printPath, type Shape, shapeOf } from './shape.ts'

/**
 * The fields that an applied configuration speaks of. Throws a 400 Status for a field that the schema does not know, a list item without its keys,
 * or one that stands there twice; `what` names the configuration in it.
 */
export function fieldsOf(configuration: unknown, schema: Schema, what: string): FieldSet {
  const collector = new Collector(what)
  collector.walk(configuration, schema)
  return collector.set.build()
}

class Collector {
  readonly set = new FieldSetBuilder()
  readonly #path: string[] = []
  readonly #what: string

  constructor(what: string) {
    this.#what = what
  }

  walk(value: unknown, schema: Schema | undefined): void {
    const shape = shapeOf(schema, value)
    if (shape.kind === 'leaf') this.#add()
    else if (value === null || value === undefined) return
    else if (shape.kind === 'map') this.#fields(value, shape.node)
    else this.#items(value, shape)
  }

  #fields(value: unknown, node: Schema | undefined): void {
    if (!isObject(value)) throw this.#refusal(`expected map, got ${typeName(value)}`)
    for (const name in value) {
      const schema = fieldSchema(node, name)
      const child = value[name]
      if (child === undefined) continue
      if (schema === undefined && node !== undefined && !node.preserveUnknownFields) {
        throw this.#refusal('field not declared in schema', name)
      }
      this.#path.push(fieldElement(name))
      this.walk(child, schema)
      const hollow = child === null || (isObject(child) && Object.keys(child).length === 0)
      if (hollow || !isNamedField(node, name)) this.#add()
      this.#path.pop()
    }
  }

  #items(value: unknown, shape: Shape & { readonly kind: 'set' | 'keyed' }): void {
    if (!Array.isArray(value)) throw this.#refusal(`expected list, got ${typeName(value)}`)
    const seen = new Set<string>()
    for (const [index, item] of value.entries()) {
      const element = itemElement(shape, item)
      if (element === undefined) throw this.#refusal(`element ${index}: ${missingKeys(shape, item)}`)
      this.#path.push(element)
      if (seen.has(element)) throw this.#duplicate(element)
      seen.add(element)
      this.walk(item, shape.items)
      this.#add()
      this.#path.pop()
    }
  }

  #add(): void {
    if (this.#path.length > 0) this.set.add(this.#path)
  }

  #duplicate(element: string): Error {
    this.#path.pop()
    return this.#refusal(`duplicate entries for key ${printPath([element])}`)
  }

  #refusal(message: string, field?: string): Error {
    const path = printPath(field === undefined ? this.#path : [...this.#path, fieldElement(field)])
    return badRequest(`failed to create typed patch object (${this.#what}): ${path}: ${message}`)
  }
}

function missingKeys(shape: Shape, item: unknown): string {
  if (shape.kind !== 'keyed' || !isObject(item)) return 'associative list with keys may not have non-map elements'
  return `associative list with keys has an element that omits all key fields ${JSON.stringify(shape.keys)} (and doesn't have default values for any key fields)`
}

const typeName = (value: unknown): string => (Array.isArray(value) ? 'list' : typeof value)
