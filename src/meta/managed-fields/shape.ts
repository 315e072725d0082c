import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { jsonText } from './element.ts'

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

const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension'
const LEAF: Shape = { kind: 'leaf' }
const OPEN_MAP: Shape = { kind: 'map', node: undefined }
const shapes = new WeakMap<Schema, Shape | 'open'>()

/** The shape that `schema` gives to `value`. Where the schema says nothing, objects are maps and lists are one piece. */
export function shapeOf(schema: Schema | undefined, value: unknown): Shape {
  if (schema === undefined) return openShape(value)
  let shape = shapes.get(schema)
  if (shape === undefined) {
    shape = declaredShape(schema)
    shapes.set(schema, shape)
  }
  return shape === 'open' ? openShape(value) : shape
}

/** Null may be of any type, of which a map is the first. */
const openShape = (value: unknown): Shape => (isObject(value) || value === null ? OPEN_MAP : LEAF)

/** Open JSON that is owned as one piece, whatever it is. */
export const isRawExtension = ({ name }: Schema): boolean => name === RAW_EXTENSION

function declaredShape(schema: Schema): Shape | 'open' {
  const node = deref(schema)
  if (isRawExtension(node)) return LEAF
  if (node.type === 'array') {
    const listType = schema.listType ?? node.listType
    if (listType === 'set') return { kind: 'set', items: node.items }
    if (listType === 'map') return keyedShape(node.items, schema.listMapKeys ?? node.listMapKeys ?? [])
    return LEAF
  }
  if ((schema.mapType ?? node.mapType) === 'atomic') return LEAF
  if (node.properties !== undefined || node.additionalProperties !== undefined) return { kind: 'map', node }
  if (node.preserveUnknownFields || node.type === undefined) return 'open'
  return node.type === 'object' ? { kind: 'map', node } : LEAF
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

/** The path element of a list's item; undefined for what can't be one: it has none of the list's keys, or is no single value in a set. */
export function itemElement(shape: Shape, item: unknown): string | undefined {
  if (shape.kind === 'set') return typeof item === 'object' ? undefined : `v:${jsonText(item)}`
  if (shape.kind !== 'keyed' || !isObject(item)) return undefined
  let text = ''
  for (const { name, start, default: otherwise } of shape.parts) {
    const value = item[name] === undefined ? otherwise : item[name]
    if (value === undefined || (value === null && item[name] === undefined)) continue
    text += `${text === '' ? '' : ','}${start}${jsonText(value)}`
  }
  return text === '' ? undefined : `k:{${text}}`
}

/** What a key is where an item does not say it: its default, which for a field that is always written is the zero of its type. */
function defaultOf(items: Schema | undefined, name: string): unknown {
  const field = items === undefined ? undefined : fieldSchema(deref(items), name)
  return field === undefined ? undefined : (field.default ?? (field.always ? ZEROS[deref(field).type ?? ''] : undefined))
}

const ZEROS: Readonly<Record<string, unknown>> = { string: '', integer: 0, number: 0, boolean: false }

/** Items by path element, in the list's order; a live object may hold several of one element. Throws {@link Unmanageable} for one that has none. */
export function itemsOf(shape: Shape, list: unknown): Map<string, Item> {
  const items = new Map<string, Item>()
  for (const value of itemsIn(list) ?? []) {
    const element = itemElement(shape, value)
    if (element === undefined) throw new Unmanageable()
    const known = items.get(element)
    if (known === undefined) items.set(element, { value, all: undefined })
    else if (known.all === undefined) known.all = [known.value, value]
    else known.all.push(value)
  }
  return items
}

/** Undefined when there is no list. Throws {@link Unmanageable} for what is none. */
export function itemsIn(value: unknown): readonly unknown[] | undefined {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw new Unmanageable()
  return value
}

export interface Item {
  /** The first. */
  readonly value: unknown
  /** When there are several. */
  all: unknown[] | undefined
}

/** An object whose fields can't be told apart, so that nobody manages any. */
export class Unmanageable extends Error {}
