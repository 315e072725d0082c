import { goFloat, type JsonPath, type KubernetesObject, parseJsonPath } from '#meta'
import { age, ageOf, name } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { CustomResourceColumnDefinition } from '../generated/types.ts'
import { inKeyOrder } from './internal-form.ts'
import { isInteger } from './schema/validate-number.ts'

type Cell = ReturnType<Column<KubernetesObject>['value']>

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#additional-printer-columns */
export function printerColumns(
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column<KubernetesObject>[] {
  if (!columns?.length) return [name, AGE]
  const paths = columns.map(({ jsonPath }) => pathOf(jsonPath))
  // Upstream stops at the first that can't be read.
  const readable = paths.indexOf(undefined)
  return [name, ...columns.slice(0, readable === -1 ? undefined : readable).map((each, at) => columnOf(each, paths[at]!))]
}

function columnOf(
  { type, format, description, priority, jsonPath, ...rest }: CustomResourceColumnDefinition,
  path: JsonPath,
): Column<KubernetesObject> {
  return {
    name: rest.name,
    type: type as Column<KubernetesObject>['type'],
    ...(format !== undefined && { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority !== undefined && { priority }),
    value(object, { nowMs }) {
      // Of several results the first is shown.
      const [value] = path.select(object)
      return value === undefined ? null : cellOf(value, type, nowMs)
    },
  }
}

/** Of kinds that say nothing of columns. A bookmark has no age. */
const AGE: Column<KubernetesObject> = {
  ...age,
  type: 'date',
  value: (object, options) => (object.metadata?.creationTimestamp === undefined ? null : age.value(object, options)),
}

/** Of a definition only the beginning of a path is looked at. */
function pathOf(text: string): JsonPath | undefined {
  try {
    return parseJsonPath(text)
  } catch {
    return undefined
  }
}

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** A cell holds what its column's type allows, else nothing. */
function cellOf(value: unknown, type: string, nowMs: number): Cell {
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null
    case 'number':
      return typeof value === 'number' ? value : null
    case 'boolean':
      return typeof value === 'boolean' ? value : null
    case 'date':
      if (typeof value !== 'string') return null
      if (value === '' || value === 'null') return '<unknown>'
      return RFC3339.test(value) && !Number.isNaN(Date.parse(value)) ? ageOf(value, nowMs) : '<invalid>'
    case 'string':
      return textOf(value)
    default:
      return null
  }
}

/** As Go prints it: maps and lists as JSON that could stand inside HTML. */
function textOf(value: unknown): string {
  if (value === null) return '<no value>'
  if (typeof value === 'object') return JSON.stringify(inKeyOrder(value)).replace(/[<>&\u2028\u2029]/g, escaped)
  return typeof value === 'number' && !isInteger(value) ? goFloat(value) : String(value)
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
