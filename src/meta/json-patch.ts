import { deepClone, deepEqual, setOwn } from '#base'
import { isObject } from './merge-patch.ts'

/** Upstream's bound on the operations of one patch. */
export const JSON_PATCH_OPERATIONS_MAX = 10_000

/** Upstream's bound on what the `copy` operations of one patch may add, in bytes of JSON: a few of them double a document again and again. */
const COPIED_BYTES_MAX = 3 * 1024 * 1024

export interface JsonPatchOperation {
  readonly op: string
  readonly path: string
  readonly from?: string
  readonly value?: unknown
}

/** A patch that can't be applied to this document (422), as opposed to one that is no patch (400). */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError'
}

const MEMBERS = new Set(['op', 'path', 'from', 'value'])

/** Members of operations that mean nothing: `[0].foo`. */
export function* unknownMembers(operations: readonly JsonPatchOperation[]): Iterable<string> {
  for (const [index, operation] of operations.entries()) {
    for (const name of Object.keys(operation)) if (!MEMBERS.has(name)) yield `[${index}].${name}`
  }
}

/** RFC 6902 on a copy of the document. Throws {@link JsonPatchError}; a `test` that fails is one. */
export function applyJsonPatch(document: unknown, operations: readonly JsonPatchOperation[]): unknown {
  let result: unknown = deepClone(document)
  const copies = new Copies()
  for (const operation of operations) result = applyOperation(result, operation, copies)
  return result
}

/** What a patch has copied so far. */
class Copies {
  #bytes = 0

  copy(value: unknown): unknown {
    this.#bytes += Buffer.byteLength(JSON.stringify(value) ?? '')
    if (this.#bytes > COPIED_BYTES_MAX)
      throw new JsonPatchError(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#bytes}, exceeding the limit ${COPIED_BYTES_MAX}`,
      )
    return deepClone(value)
  }
}

/** A patch of more operations than are taken (413). */
export class JsonPatchTooLong extends Error {
  override readonly name = 'JsonPatchTooLong'
}

/** Checks that a decoded body is a list of operations; throws an Error that says what is not. */
export function parseJsonPatch(body: unknown): JsonPatchOperation[] {
  if (!Array.isArray(body)) throw new Error('json: cannot unmarshal object into Go value of type jsonpatch.Patch')
  if (body.length > JSON_PATCH_OPERATIONS_MAX) {
    throw new JsonPatchTooLong(
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${body.length}`,
    )
  }
  for (const operation of body) {
    if (!isObject(operation) || typeof operation['op'] !== 'string')
      throw new Error('each operation of a JSON patch is an object with an op')
    if (typeof operation['path'] !== 'string')
      throw new Error(`Unsupported Operation, missing path: ${JSON.stringify(operation)}`)
  }
  return body as JsonPatchOperation[]
}

function applyOperation(document: unknown, operation: JsonPatchOperation, copies: Copies): unknown {
  const path = parsePointer(operation.path)
  switch (operation.op) {
    case 'add':
      return add(document, path, deepClone(operation.value), operation)
    case 'replace': {
      read(document, path, operation)
      return path.length === 0 ? deepClone(operation.value) : replace(document, path, deepClone(operation.value), operation)
    }
    case 'remove':
      return remove(document, path, operation)
    case 'test':
      return test(document, path, operation)
    case 'move': {
      const from = parsePointer(operation.from ?? '')
      const value = read(document, from, operation)
      if (operation.path.startsWith(`${operation.from}/`))
        throw new JsonPatchError(`move operation ${operation.from} into its own child`)
      return add(remove(document, from, operation), path, value, operation)
    }
    case 'copy':
      return add(document, path, copies.copy(read(document, parsePointer(operation.from ?? ''), operation)), operation)
    default:
      throw new JsonPatchError(`Unexpected kind: ${operation.op}`)
  }
}

function test(document: unknown, path: readonly string[], operation: JsonPatchOperation): unknown {
  let actual: unknown
  try {
    actual = read(document, path, operation)
  } catch (error) {
    // Testing for null holds where nothing is.
    if (operation.value !== null || !(error instanceof JsonPatchError)) throw error
    actual = null
  }
  if (!deepEqual(actual, operation.value)) throw new JsonPatchError(`testing value ${operation.path} failed: test failed`)
  return document
}

function parsePointer(pointer: string): string[] {
  if (pointer === '') return []
  if (!pointer.startsWith('/')) throw new JsonPatchError(`the path ${JSON.stringify(pointer)} does not start with '/'`)
  return pointer
    .slice(1)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
}

const missing = ({ op, path }: JsonPatchOperation): JsonPatchError =>
  new JsonPatchError(`${op} operation does not apply: doc is missing path: ${JSON.stringify(path)}: missing value`)

function read(document: unknown, path: readonly string[], operation: JsonPatchOperation): unknown {
  let value = document
  for (const key of path) {
    if (Array.isArray(value)) value = value[index(key, value.length - 1, operation)]
    else if (isObject(value) && Object.hasOwn(value, key)) value = value[key]
    else throw missing(operation)
  }
  return value
}

function index(key: string, most: number, operation: JsonPatchOperation): number {
  if (!/^(0|[1-9]\d*)$/.test(key)) throw missing(operation)
  const value = Number(key)
  if (value > most)
    throw new JsonPatchError(
      `${operation.op} operation does not apply: doc is missing key: ${operation.path}: index ${key} out of bounds`,
    )
  return value
}

function add(document: unknown, path: readonly string[], value: unknown, operation: JsonPatchOperation): unknown {
  const key = path.at(-1)
  if (key === undefined) return value
  const parent = read(document, path.slice(0, -1), operation)
  if (Array.isArray(parent)) parent.splice(key === '-' ? parent.length : index(key, parent.length, operation), 0, value)
  else if (isObject(parent)) setOwn(parent, key, value)
  else throw missing(operation)
  return document
}

function replace(document: unknown, path: readonly string[], value: unknown, operation: JsonPatchOperation): unknown {
  const key = path.at(-1)!
  const parent = read(document, path.slice(0, -1), operation)
  if (Array.isArray(parent)) parent[index(key, parent.length - 1, operation)] = value
  else setOwn(parent as Record<string, unknown>, key, value)
  return document
}

function remove(document: unknown, path: readonly string[], operation: JsonPatchOperation): unknown {
  const key = path.at(-1)
  if (key === undefined) return null
  const parent = read(document, path.slice(0, -1), operation)
  if (Array.isArray(parent)) parent.splice(index(key, parent.length - 1, operation), 1)
  else if (isObject(parent) && Object.hasOwn(parent, key)) delete parent[key]
  else throw missing(operation)
  return document
}
