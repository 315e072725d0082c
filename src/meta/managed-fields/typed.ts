import { GoForeign, goValue } from '../go-value.ts'
import { isObject } from '../merge-patch.ts'
import { deref, type Schema } from '../schema.ts'
import { printPath } from './element.ts'
import { fieldElement, fieldSchema, isRawExtension, itemElement, type Shape, shapeOf } from './shape.ts'

/**
 * What is wrong with a document as a value of its type, in upstream's words; undefined when nothing is. Looks also into what is owned as one piece. Names that the
 * type does not know, values of another type, list items without their keys, and such as stand there twice.
 */
export function typeErrors(value: unknown, schema: Schema): string | undefined {
  const errors = new Errors(false)
  check(value, schema, '', errors)
  return errors.text()
}

/** The same of an object that is stored, which may hold items that can't be told apart. */
export function storedTypeErrors(value: unknown, schema: Schema): string | undefined {
  const errors = new Errors(true)
  check(value, schema, '', errors)
  return errors.text()
}

class Errors {
  readonly allowsDuplicates: boolean
  readonly #said: string[] = []

  constructor(allowsDuplicates: boolean) {
    this.allowsDuplicates = allowsDuplicates
  }

  say(path: string, message: string): void {
    this.#said.push(path === '' ? message : `${path}: ${message}`)
  }

  text(): string | undefined {
    if (this.#said.length <= 1) return this.#said[0]
    return ['errors:', ...this.#said.map((error) => `  ${error}`)].join('\n')
  }
}

function check(value: unknown, schema: Schema | undefined, path: string, errors: Errors): void {
  if (schema === undefined) return
  const node = deref(schema)
  if (isRawExtension(node)) return
  if (node.type === undefined) {
    if (Array.isArray(value)) checkItems(value, schema, node, path, errors)
    else if (isMap(value)) checkFields(value, node, path, errors)
  } else if (node.type === 'object') {
    if (isMap(value)) checkFields(value, node, path, errors)
    else if (value !== null) errors.say(path, `expected map, got &{${goValue(value)}}`)
  } else if (node.type === 'array') {
    if (Array.isArray(value)) checkItems(value, schema, node, path, errors)
    else if (value !== null) errors.say(path, `expected list, got &{${goValue(value)}}`)
  } else if (value !== null) checkScalar(value, node, path, errors)
}

const isMap = (value: unknown): value is Record<string, unknown> => isObject(value) && !(value instanceof GoForeign)

function checkFields(value: Record<string, unknown>, node: Schema, path: string, errors: Errors): void {
  const isOpen = node.preserveUnknownFields || node.properties === undefined
  for (const name of Object.keys(value)) {
    if (value[name] === undefined) continue
    const schema = fieldSchema(node, name)
    const at = path + printPath([fieldElement(name)])
    if (schema === undefined && !isOpen) {
      errors.say(at, 'field not declared in schema')
      return
    }
    check(value[name], schema, at, errors)
  }
}

function checkItems(items: readonly unknown[], schema: Schema, node: Schema, path: string, errors: Errors): void {
  const shape = shapeOf(schema, items)
  if (shape.kind !== 'set' && shape.kind !== 'keyed') {
    for (const [index, item] of items.entries()) check(item, node.items, `${path}[${index}]`, errors)
    return
  }
  const seen = new Set<string>()
  for (const [index, item] of items.entries()) {
    const element = itemElement(shape, item)
    if (element === undefined) {
      errors.say(path, `element ${index}: ${noItem(shape, item)}`)
      return
    }
    const printed = printPath([element])
    if (seen.has(element) && !errors.allowsDuplicates) errors.say(path, `duplicate entries for key ${printed}`)
    seen.add(element)
    check(item, shape.items, path + printed, errors)
  }
}

function noItem(shape: Shape & { readonly kind: 'set' | 'keyed' }, item: unknown): string {
  if (shape.kind === 'set') {
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements'
    if (item === null) return "associative list without keys has an element that's an explicit null"
    return "associative list without keys has an element that's a map type"
  }
  if (item === null) return 'associative list with keys may not have a null element'
  if (!isObject(item)) return 'associative list with keys may not have non-map elements'
  const keys = shape.keys.map((key) => JSON.stringify(key)).join(' ')
  return `associative list with keys has an element that omits all key fields [${keys}] (and doesn't have default values for any key fields)`
}

const OF_ANY_FORMAT = new Set([undefined, '', 'byte'])

function checkScalar(value: unknown, node: Schema, path: string, errors: Errors): void {
  const isScalar = typeof value !== 'object'
  if (node.type === 'string' && (node.intOrString || !OF_ANY_FORMAT.has(node.format) || isQuantity(node))) {
    if (!isScalar) errors.say(path, `expected any scalar, got &{${goValue(value)}}`)
  } else if (node.type === 'string') {
    if (typeof value !== 'string') errors.say(path, `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`)
  } else if (node.type === 'boolean') {
    if (typeof value !== 'boolean') errors.say(path, `expected boolean, got &{${goValue(value)}}`)
  } else if (typeof value !== 'number' && typeof value !== 'bigint') {
    errors.say(path, `expected numeric (int or float), got ${goType(value)}`)
  }
}

const isQuantity = ({ name }: Schema): boolean => name === 'io.k8s.apimachinery.pkg.api.resource.Quantity'

const MAP = 'map[string]interface {}'
const LIST = '[]interface {}'

function goType(value: unknown): string {
  if (value instanceof GoForeign) return value.type
  if (Array.isArray(value)) return LIST
  return isObject(value) ? MAP : typeof value === 'boolean' ? 'bool' : 'string'
}

/** Plain data as Go prints it by `%#v`. */
function goSyntax(value: unknown): string {
  if (value instanceof GoForeign) return value.syntax
  if (value === null || value === undefined) return 'interface {}(nil)'
  if (Array.isArray(value)) return `${LIST}{${value.map(goSyntax).join(', ')}}`
  if (!isObject(value)) return typeof value === 'string' ? JSON.stringify(value) : String(value)
  const fields = Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${goSyntax(value[name])}`)
  return `${MAP}{${fields.join(', ')}}`
}
