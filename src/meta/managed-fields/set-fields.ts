import { deepEqual } from '#base'
import { isObject } from '../merge-patch.ts'
import type { Schema } from '../schema.ts'
import { EMPTY_SET, type FieldSet, LEAF } from './field-set.ts'
import { KnownSets } from './known-sets.ts'
import { fieldElement, fieldSchema, itemElement, type Shape, shapeOf } from './shape.ts'
import { zeroOf } from './zero.ts'

/**
 * The fields that a new object sets: what comparing it with an empty one finds added or modified, in one walk. Each type becomes a function when it is first met, and
 * sets that were met before are found again, so that objects that were made alike share theirs.
 */
export const setFields = (object: unknown, schema: Schema): FieldSet => setterOf(schema)(object, EMPTY) ?? EMPTY_SET

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
  return (value, before) => {
    if (!isObject(value)) return isHollow(value) ? asOnePiece(value, before) : before === undefined ? LEAF : undefined
    const isNew = before === undefined
    let step = known.start()
    let isBare = true
    for (const name in value) {
      isBare = false
      const { element, zero, set } = fields.get(name) ?? fieldOf(name)
      const child = value[name] ?? zero
      const was = isNew ? undefined : zero
      if (child === was) continue
      const found = set(child, was)
      if (found !== undefined) step = step.to(element, found)
    }
    return isBare ? asOnePiece(value, before) : step.set(isNew)
  }
}

function listSetter(shape: Shape & { readonly kind: 'set' | 'keyed' }): Setter {
  const known = new KnownSets()
  let set: Setter | undefined
  return (value, before) => {
    if (isHollow(value)) return asOnePiece(value, before)
    let step = known.start()
    if (Array.isArray(value)) {
      // Found at the first use: types may contain themselves.
      set ??= setterOf(shape.items)
      const seen = value.length === 1 ? undefined : new Set<string>()
      for (let index = 0; index < value.length; index++) {
        const element = itemElement(shape, value[index])
        // Of what shares an element the first stands for all.
        if (element === undefined || seen?.has(element)) continue
        seen?.add(element)
        const found = set(value[index], undefined)
        if (found !== undefined) step = step.to(element, found)
      }
    }
    return step.set(before === undefined)
  }
}

function isHollow(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) {
    for (const _ in value) return false
    return true
  }
  return true
}
