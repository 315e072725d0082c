import { goValue, isObject } from '#meta'
import { isInteger } from './validate-number.ts'

/** What stands in the way of reading a field, in upstream's words. */
export interface Obstacle {
  readonly problem: string
}

/** The value of a simple path such as `.spec.replicas`; undefined where nothing is. */
export function valueAt(object: unknown, path: string): unknown {
  return namesOf(path)
    .filter((name) => name !== '')
    .reduce<unknown>((value, name) => (isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined), object)
}

/** A count, zero where none is. */
export function nestedInteger(object: unknown, path: string): number | bigint | Obstacle {
  const value = nested(object, path)
  if (value === undefined) return 0
  if ((typeof value === 'number' || typeof value === 'bigint') && isInteger(value)) return value
  return isObstacle(value) ? value : { problem: `.${namesOf(path).join('.')} accessor error: ${typed(value)}, expected int64` }
}

/** A text, empty where none is. */
export function nestedText(object: unknown, path: string): string | Obstacle {
  const value = nested(object, path)
  if (value === undefined) return ''
  if (typeof value === 'string' || isObstacle(value)) return value
  return { problem: `.${namesOf(path).join('.')} accessor error: ${typed(value)}, expected string` }
}

const namesOf = (path: string): string[] => path.replace(/^\./, '').split('.')

const obstacles = new WeakSet<object>()
const isObstacle = (value: unknown): value is Obstacle => typeof value === 'object' && value !== null && obstacles.has(value)

function nested(object: unknown, path: string): unknown {
  const names = namesOf(path)
  let value = object
  for (const [index, name] of names.entries()) {
    if (value === null) return undefined
    if (!isObject(value)) {
      const place = `.${names.slice(0, index + 1).join('.')}`
      const obstacle = { problem: `${place} accessor error: ${typed(value)}, expected map[string]interface{}` }
      obstacles.add(obstacle)
      return obstacle
    }
    if (!Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

const typed = (value: unknown): string => `${goValue(value)} is of the type ${goTypeOf(value)}`

/** How Go names the type of a decoded value. */
export function goTypeOf(value: unknown): string {
  if (value === null) return '<nil>'
  if (Array.isArray(value)) return '[]interface {}'
  if (typeof value === 'number' || typeof value === 'bigint') return isInteger(value) ? 'int64' : 'float64'
  if (typeof value === 'boolean') return 'bool'
  return typeof value === 'string' ? 'string' : 'map[string]interface {}'
}
