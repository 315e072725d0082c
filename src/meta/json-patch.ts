import { deepClone, deepEqual, goQuote, setOwn } from '#base'
import { goJson } from './go-value.ts'
import { isObject } from './merge-patch.ts'
import { jsonTypeOf } from './structure/index.ts'

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
  override readonly name: string = 'JsonPatchError'
}

/** A patch whose `test` does not hold. */
export class JsonPatchTestFailed extends JsonPatchError {
  override readonly name = 'JsonPatchTestFailed'
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

/** A patch that is a list of something else than operations; a decoder says so before it is looked at as a patch. */
export class JsonPatchMistyped extends Error {
  override readonly name = 'JsonPatchMistyped'
}

/** Checks that a decoded body is a list of operations; throws an Error that says what is not. */
export function parseJsonPatch(body: unknown): JsonPatchOperation[] {
  if (!Array.isArray(body)) throw mistyped(body, 'Go value of type []handlers.jsonPatchOp')
  for (const operation of body) {
    if (operation !== null && !isObject(operation)) throw mistyped(operation, 'Go value of type handlers.jsonPatchOp')
    for (const [name, value] of Object.entries(operation ?? {}))
      if (TEXTS.has(name) && typeof value !== 'string' && value !== null)
        throw mistyped(value, `Go struct field jsonPatchOp.${name} of type string`)
  }
  for (const operation of body) {
    const problem = operationProblem(operation ?? {})
    if (problem !== undefined) throw new Error(`invalid operation ${goJson(operation)}: ${problem}`)
  }
  if (body.length > JSON_PATCH_OPERATIONS_MAX) {
    throw new JsonPatchTooLong(
      `The allowed maximum operations in a JSON patch is ${JSON_PATCH_OPERATIONS_MAX}, got ${body.length}`,
    )
  }
  return body as JsonPatchOperation[]
}

const TEXTS = new Set(['op', 'path', 'from'])

const mistyped = (value: unknown, where: string): Error =>
  new JsonPatchMistyped(`json: cannot unmarshal ${jsonTypeOf(value)} into ${where}`)

function operationProblem(operation: Readonly<Record<string, unknown>>): string | undefined {
  const { op, path, from } = operation
  switch (op) {
    case 'add':
    case 'replace':
      if (!Object.hasOwn(operation, 'value')) return "failed to decode 'value': operation, missing value field: missing value"
      break
    case 'move':
    case 'copy':
      if (typeof from !== 'string') return "failed to decode 'from': operation, missing from field: missing value"
      break
    case 'remove':
    case 'test':
      break
    default:
      return 'unsupported operation'
  }
  return typeof path === 'string' ? undefined : "failed to decode 'path': operation missing path field: missing value"
}

function applyOperation(document: unknown, operation: JsonPatchOperation, copies: Copies): unknown {
  const { op, path, from = '', value } = operation
  switch (op) {
    case 'add':
      add(placeIn(document, path, `add operation does not apply: doc is missing path: "${path}"`), deepClone(value), path)
      return document
    case 'replace':
      // Of the whole only an object or a list comes in the place; anything else changes nothing.
      if (path === '') return typeof value === 'object' && value !== null ? deepClone(value) : document
      replace(placeIn(document, path, `replace operation does not apply: doc is missing path: ${path}`), deepClone(value), path)
      return document
    case 'remove':
      remove(placeIn(document, path, `remove operation does not apply: doc is missing path: "${path}"`), 'remove', path)
      return document
    case 'test':
      test(document, operation)
      return document
    case 'move': {
      const source = placeIn(document, from, `move operation does not apply: doc is missing from path: ${from}`)
      const moved = read(source, `error in move for path: '${source.key}'`)
      remove(source, 'move', source.key)
      add(placeIn(document, path, `move operation does not apply: doc is missing destination path: ${path}`), moved, path, 'move')
      return document
    }
    default: {
      const source = placeIn(document, from, `copy operation does not apply: doc is missing from path: ${from}`)
      const copied = read(source, `error in copy for from: '${from}'`)
      const target = placeIn(document, path, `copy operation does not apply: doc is missing destination path: ${path}`)
      add(target, copies.copy(copied), path, 'copy')
      return document
    }
  }
}

/** Where a pointer leads: an object or a list, and a key in it that need not be there. */
interface Place {
  readonly parent: Record<string, unknown> | unknown[]
  readonly key: string
}

/** What stands before the first slash is not read. Throws `missing` where nothing is that could have the key. */
function placeIn(document: unknown, pointer: string, missing: string): Place {
  const [, ...keys] = pointer.split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  const key = keys.pop()
  let parent = document
  for (const each of keys) parent = isContainer(parent) ? valueAt({ parent, key: each }).value : undefined
  if (key === undefined || !isContainer(parent)) throw new JsonPatchError(`${missing}: missing value`)
  return { parent, key }
}

const isContainer = (value: unknown): value is Record<string, unknown> | unknown[] => typeof value === 'object' && value !== null

/** The value at a place, or why there is none. */
function valueAt({ parent, key }: Place): { readonly value?: unknown; readonly problem?: string } {
  if (!Array.isArray(parent)) {
    if (Object.hasOwn(parent, key)) return { value: parent[key] }
    return { problem: `unable to get nonexistent key: ${key}: missing value` }
  }
  const { index, problem } = indexIn(key, parent.length)
  return problem === undefined ? { value: parent[index] } : { problem }
}

function read(place: Place, context: string): unknown {
  const { value, problem } = valueAt(place)
  if (problem !== undefined) throw new JsonPatchError(`${context}: ${problem}`)
  return value
}

const INTEGER = /^[-+]?\d+$/

/** An index below `length`; those below zero count from the end. */
function indexIn(key: string, length: number): { readonly index: number; readonly problem?: string } {
  if (!INTEGER.test(key)) return { index: 0, problem: `strconv.Atoi: parsing ${goQuote(key)}: invalid syntax` }
  const index = Number(key)
  if (index >= length || index < -length)
    return { index: 0, problem: `Unable to access invalid index: ${index}: invalid index referenced` }
  return { index: index < 0 ? index + length : index }
}

function add({ parent, key }: Place, value: unknown, path: string, op = 'add'): void {
  if (!Array.isArray(parent)) {
    setOwn(parent, key, value)
    return
  }
  if (key === '-') {
    parent.push(value)
    return
  }
  const { index, problem } = indexIn(key, parent.length + 1)
  if (problem === undefined) {
    parent.splice(index, 0, value)
    return
  }
  const context = op === 'copy' ? 'error while adding value during copy' : `error in ${op} for path: '${path}'`
  const why = INTEGER.test(key) ? problem : `value was not a proper array index: '${key}': ${problem}`
  throw new JsonPatchError(`${context}: ${why}`)
}

function replace(place: Place, value: unknown, path: string): void {
  const { parent, key } = place
  if (valueAt(place).problem !== undefined)
    throw new JsonPatchError(`replace operation does not apply: doc is missing key: ${path}: missing value`)
  if (Array.isArray(parent)) parent[indexIn(key, parent.length).index] = value
  else setOwn(parent, key, value)
}

function remove(place: Place, op: string, path: string): void {
  const { parent, key } = place
  const { problem } = valueAt(place)
  if (problem !== undefined)
    throw new JsonPatchError(`error in ${op} for path: '${path}': ${problem.replace('to get', 'to remove')}`)
  if (Array.isArray(parent)) parent.splice(indexIn(key, parent.length).index, 1)
  else delete parent[key]
}

/** Testing for null holds where nothing is, in what is there. */
function test(document: unknown, { path, value: wanted = null }: JsonPatchOperation): void {
  let actual = document
  if (path !== '') {
    const place = placeIn(document, path, `test operation does not apply: is missing path: ${path}`)
    const { value = null, problem } = valueAt(place)
    if (problem !== undefined && Array.isArray(place.parent))
      throw new JsonPatchError(`error in test for path: '${path}': ${problem}`)
    actual = value
  }
  if (!deepEqual(actual, wanted)) throw new JsonPatchTestFailed(`testing value ${path} failed: test failed`)
}
