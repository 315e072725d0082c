import { deepEqual } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { EMPTY_SET, type FieldSet, LEAF } from './field-set.ts'
import { KnownSets } from './known-sets.ts'
import { fieldElement, fieldSchema, itemElement, itemsIn, type Shape, shapeOf, Unmanageable } from './shape.ts'
import { writtenAsNull, zeroOf } from './zero.ts'

/**
 * The fields that a new object sets: what comparing it with an empty one finds added or modified, in one walk. Each type becomes a function when it is first met, and
 * sets that were met before are found again, so that objects that were made alike share theirs. Throws {@link Unmanageable}.
 */
export const setFields = (object: unknown, schema: Schema): FieldSet => setterOf(schema)(object, EMPTY) ?? EMPTY_SET

/** The node of what comes where nothing was; undefined when nothing does. */
export const addedFields = (value: unknown, schema: Schema | undefined): FieldSet | undefined =>
  setterOf(schema)(value, undefined)

const EMPTY: Readonly<Record<string, unknown>> = Object.freeze({})

/** What of a value belongs to the set, where `before` stood: undefined, or the zero of its type. Undefined when nothing does. */
type Setter = (value: unknown, before: unknown) => FieldSet | undefined

const setters = new WeakMap<Schema, Setter>()

function setterOf(schema: Schema | undefined): Setter {
  if (schema === undefined) return openSetter
  let setter = setters.get(schema)
  if (setter === undefined) {
    setter = compile(schema)
    setters.set(schema, setter)
  }
  return setter
}

function compile(schema: Schema): Setter {
  // A shape depends on the value only where the schema is open.
  const [ofObject, ofOther] = [shapeOf(schema, EMPTY), shapeOf(schema, undefined)]
  if (ofObject !== ofOther) return openSetter
  switch (ofObject.kind) {
    case 'leaf':
      return asOnePiece
    case 'map':
      return mapSetter(ofObject.node)
    default:
      return listSetter(ofObject)
  }
}

const asOnePiece: Setter = (value, before) =>
  value === before || (before !== undefined && deepEqual(before, value)) ? undefined : LEAF

const openMap = mapSetter(undefined)
const openSetter: Setter = (value, before) => (isObject(value) ? openMap : asOnePiece)(value, before)

interface Field {
  readonly element: string
  readonly zero: unknown
  readonly set: Setter
}

function mapSetter(node: Schema | undefined): Setter {
  const known = new KnownSets()
  const fields = new Map<string, Field>()
  const fieldOf = (name: string): Field => {
    const schema = fieldSchema(node, name)
    const field = { element: fieldElement(name), zero: zeroOf(schema), set: setterOf(schema) }
    // What is no property may be any number of names.
    if (node?.properties !== undefined && Object.hasOwn(node.properties, name)) fields.set(name, field)
    return field
  }
  const nulls = writtenAsNull(node)
  return (value, before) => {
    if (!isObject(value)) {
      if (value !== null && value !== undefined) throw new Unmanageable()
      return asOnePiece(value, before)
    }
    const isNew = before === undefined
    let step = known.start()
    let isBare = true
    for (const name in value) {
      isBare = false
      const { element, zero, set } = fields.get(name) ?? fieldOf(name)
      const child = value[name] === undefined ? zero : value[name]
      const was = isNew ? undefined : zero
      if (child === was) continue
      const found = set(child, was)
      if (found !== undefined) step = step.to(element, found)
    }
    if (isBare && !(isNew && nulls.length > 0)) return asOnePiece(value, before)
    if (isNew) for (const { name, element } of nulls) if (value[name] === undefined) step = step.to(element, LEAF)
    return step.set(isNew)
  }
}

function listSetter(shape: Shape & { readonly kind: 'set' | 'keyed' }): Setter {
  const known = new KnownSets()
  let set: Setter | undefined
  return (value, before) => {
    const items = itemsIn(value)
    if (items === undefined || items.length === 0) return asOnePiece(value, before)
    let step = known.start()
    // Found at the first use: types may contain themselves.
    set ??= setterOf(shape.items)
    const elements = elementsOf(shape, items)
    const several = repeated(elements)
    for (let index = 0; index < elements.length; index++) {
      const element = elements[index]!
      if (several?.has(element)) continue
      const found = set(items[index], undefined)
      if (found !== undefined) step = step.to(element, found)
    }
    // What shares an element is one piece.
    if (several !== undefined) for (const element of several) step = step.to(element, LEAF)
    return step.set(before === undefined)
  }
}

function elementsOf(shape: Shape, items: readonly unknown[]): string[] {
  const elements: string[] = []
  for (const item of items) {
    const element = itemElement(shape, item)
    if (element === undefined) throw new Unmanageable()
    elements.push(element)
  }
  return elements
}

/** Shorter lists are looked through for each item, with no set made. */
const SHORT_LENGTH = 8

/** Elements that several items share, which is rare. */
function repeated(elements: readonly string[]): ReadonlySet<string> | undefined {
  if (elements.length <= SHORT_LENGTH) {
    let index = 1
    while (index < elements.length && elements.indexOf(elements[index]!) === index) index++
    if (index >= elements.length) return undefined
  }
  const seen = new Set(elements)
  if (seen.size === elements.length) return undefined
  return new Set(elements.filter((element) => !seen.delete(element)))
}
