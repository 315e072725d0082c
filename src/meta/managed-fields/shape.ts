import { deepEqual } from '#base'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'

/**
 * How ownership sees a value: as one piece (`leaf`), by its fields (`map`), or by its items, which are told apart by their value (`set`) or by key
 * fields (`keyed`). https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy
 */
export type Shape =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'map'; readonly node: Schema | undefined }
  | { readonly kind: 'set'; readonly items: Schema | undefined }
  | {
      readonly kind: 'keyed'
      readonly items: Schema | undefined
      readonly keys: readonly string[]
      /** The same in the order in which path elements have them. */
      readonly parts: readonly KeyPart[]
    }

interface KeyPart {
  readonly name: string
  /** `"name":`. */
  readonly start: string
  /** Of an item that does not say it. */
  readonly default: unknown
}

const LEAF: Shape = { kind: 'leaf' }
const OPEN_MAP: Shape = { kind: 'map', node: undefined }
const shapes = new WeakMap<Schema, Shape | 'open'>()

/** The shape that `schema` gives to `value`. Where the schema says nothing, objects are maps and lists are one piece. */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (schema === undefined) return isObject(value) ? OPEN_MAP : LEAF
  let shape = shapes.get(schema)
  if (shape === undefined) {
    shape = declaredShape(schema)
    shapes.set(schema, shape)
  }
  return shape === 'open' ? (isObject(value) ? OPEN_MAP : LEAF) : shape
}

function declaredShape(schema: Schema): Shape | 'open' {
  const node = deref(schema)
  if (node.type === 'array') {
    const listType = schema.listType ?? node.listType
    if (listType === 'set') return { kind: 'set', items: node.items }
    if (listType === 'map') return keyedShape(node.items, schema.listMapKeys ?? node.listMapKeys ?? [])
    return LEAF
  }
  if ((schema.mapType ?? node.mapType) === 'atomic') return LEAF
  if (node.properties !== undefined || node.additionalProperties !== undefined) return { kind: 'map', node }
  return node.preserveUnknownFields || node.type === undefined ? 'open' : LEAF
}

const keyedShape = (items: Schema | undefined, keys: readonly string[]): Shape => ({
  kind: 'keyed',
  items,
  keys,
  parts: keys.toSorted().map((name) => ({ name, start: `${JSON.stringify(name)}:`, default: defaultOf(items, name) })),
})

/** The schema of a field: declared, or what all fields of the map have in common. */
export const fieldSchema = (node: Schema | undefined, name: string): Schema | undefined =>
  node?.properties !== undefined && Object.hasOwn(node.properties, name) ? node.properties[name] : node?.additionalProperties

/** A struct's field, in contrast to the key of a map. */
export const isNamedField = (node: Schema | undefined, name: string): boolean =>
  node?.properties !== undefined && Object.hasOwn(node.properties, name)

/** Elements that are remembered, so that trees find them by strings that were hashed before. Keys of maps may be longer than any field's name. */
const ELEMENTS_MAX = 10_000
const REMEMBERED_LENGTH_MAX = 100
const elements = new Map<string, string>()

export function fieldElement(name: string): string {
  let element = elements.get(name)
  if (element === undefined) {
    element = `f:${name}`
    if (name.length > REMEMBERED_LENGTH_MAX) return element
    if (elements.size >= ELEMENTS_MAX) elements.clear()
    elements.set(name, element)
  }
  return element
}

/** The path element of a list's item; undefined for an item that has none of the list's keys. */
export function itemElement(shape: Shape, item: unknown): string | undefined {
  if (shape.kind === 'set') return `v:${JSON.stringify(item)}`
  if (shape.kind !== 'keyed' || !isObject(item)) return undefined
  let text = ''
  for (const { name, start, default: otherwise } of shape.parts) {
    const value = item[name] ?? otherwise
    if (value === undefined || value === null) continue
    text += `${text === '' ? '' : ','}${start}${JSON.stringify(value)}`
  }
  return text === '' ? undefined : `k:{${text}}`
}

function defaultOf(items: Schema | undefined, name: string): unknown {
  return items === undefined ? undefined : fieldSchema(deref(items), name)?.default
}

/** Items by path element, in the list's order. What shares an element (a live object may hold duplicates) is one piece. */
export function itemsOf(shape: Shape, list: unknown): Map<string, Item> {
  const items = new Map<string, Item>()
  if (!Array.isArray(list)) return items
  for (const value of list) {
    const element = itemElement(shape, value)
    if (element === undefined) continue
    const known = items.get(element)
    if (known === undefined) items.set(element, { value, duplicates: 0 })
    else if (!deepEqual(known.value, value) || shape.kind === 'set') known.duplicates++
  }
  return items
}

export interface Item {
  readonly value: unknown
  /** How many further items have the same path element. */
  duplicates: number
}

/** `.spec.containers[name="web"].ports[containerPort=80,protocol="TCP"]`, as conflicts name it. */
export function printPath(path: readonly string[]): string {
  return path.map(printElement).join('')
}

function printElement(element: string): string {
  const rest = element.slice(2)
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${rest}`
    case 'v:':
      return `[=${rest}]`
    case 'k:': {
      const key = JSON.parse(rest) as Record<string, unknown>
      return `[${Object.entries(key)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(',')}]`
    }
    default:
      return `[${rest}]`
  }
}
