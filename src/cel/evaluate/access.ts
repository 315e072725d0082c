import { fail, noSuchOverload } from '../values/failure.ts'
import { JsonList, JsonMap } from '../values/json.ts'
import { typeNameOf } from '../values/kind.ts'
import { CelList } from '../values/list.ts'
import { CelMap } from '../values/map.ts'
import { Double, formatDouble, Uint } from '../values/number.ts'
import { Optional } from '../values/optional.ts'
import { StructValue } from '../values/struct.ts'
import type { Value } from '../values/value.ts'

/** `operand.field`. What an optional lacks is none, what anything else lacks is a failure. */
export function select(operand: Value, field: string): Value {
  if (operand instanceof CelMap) return required(operand.get(field), field)
  if (operand instanceof StructValue) return required(operand.field(field), field)
  if (operand instanceof Optional) return operand.held === undefined ? operand : Optional.of(find(operand.held, field))
  return operand instanceof CelList ? fail(unsupportedIndex(field)) : required(undefined, field)
}

/** `has(operand.field)`. */
export function isPresent(operand: Value, field: string): boolean {
  if (operand instanceof CelMap || operand instanceof StructValue) return operand.has(field)
  if (operand instanceof Optional) return operand.held !== undefined && isPresent(operand.held, field)
  return operand instanceof CelList ? fail(unsupportedIndex(field)) : false
}

/** `operand[index]`. */
export function at(operand: Value, index: Value): Value {
  const problem = keyProblem(index)
  if (problem !== undefined) return fail(problem)
  if (operand instanceof CelMap) return required(operand.get(index), index)
  if (operand instanceof CelList) {
    const position = listIndex(index)
    return position >= 0 && position < operand.size ? operand.at(position) : fail(`index out of bounds: ${shown(index)}`)
  }
  if (operand instanceof Optional) return operand.held === undefined ? operand : Optional.of(find(operand.held, index))
  if (operand instanceof StructValue && typeof index === 'string') return select(operand, index)
  return operand instanceof StructValue ? noSuchOverload() : required(undefined, index)
}

/** What `operand.?key` and `operand[?key]` hold: undefined where there is nothing, as in what has no parts at all. */
export function find(operand: Value, key: Value): Value | undefined {
  const problem = keyProblem(key)
  if (problem !== undefined) return fail(problem)
  if (operand instanceof CelMap) return operand.get(key)
  if (operand instanceof StructValue && typeof key === 'string') return operand.has(key) ? operand.field(key) : undefined
  if (operand instanceof CelList) {
    const position = listIndex(key)
    return position >= 0 && position < operand.size ? operand.at(position) : undefined
  }
  if (operand instanceof Optional) return operand.held === undefined ? undefined : find(operand.held, key)
  return operand instanceof StructValue ? noSuchOverload() : undefined
}

/** Upstream's own names of the types that can be no key. */
const KEYLESS: Readonly<Record<string, string>> = {
  null_type: 'types.Null',
  bytes: 'types.Bytes',
  list: '*types.baseList',
  map: '*types.baseMap',
  type: '*types.Type',
  optional_type: '*types.Optional',
  'google.protobuf.Duration': 'types.Duration',
  'google.protobuf.Timestamp': 'types.Timestamp',
  'net.IP': 'cel.IP',
  'net.CIDR': 'cel.CIDR',
  'kubernetes.Quantity': 'cel.Quantity',
  'kubernetes.Semver': 'cel.Semver',
  'kubernetes.URL': 'cel.URL',
}

/** What is wrong with a value as an index or key: only texts, numbers and bools are ones. */
export function keyProblem(key: Value): string | undefined {
  if (typeof key !== 'object' || key instanceof Uint || key instanceof Double) return undefined
  if (key instanceof JsonList) return 'invalid qualifier type: []interface {}'
  if (key instanceof JsonMap) return 'invalid qualifier type: map[string]interface {}'
  const name = typeNameOf(key)
  return `invalid qualifier type: ${KEYLESS[name] ?? name}`
}

/** Whole numbers of any type index a list. */
function listIndex(index: Value): number {
  if (typeof index === 'number') return index
  if (typeof index === 'bigint') return Number(index)
  if (!(index instanceof Uint || index instanceof Double)) return fail(unsupportedIndex(index))
  const { value } = index
  const isWhole = typeof value === 'bigint' ? value < 2n ** 63n : Number.isInteger(value) && Math.abs(value) < 2 ** 63
  return isWhole ? Number(value) : fail(`unsupported index value ${shown(index)} in list`)
}

const unsupportedIndex = (index: Value): string => `unsupported index type '${typeNameOf(index)}' in list`

const required = (value: Value | undefined, key: Value): Value =>
  value === undefined ? fail(`no such key: ${shown(key)}`) : value

function shown(key: Value): string {
  if (key instanceof Double) return formatDouble(key.value)
  return String(key instanceof Uint ? key.value : key)
}
