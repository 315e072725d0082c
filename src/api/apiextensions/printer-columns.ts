import { type JsonPath, type KubernetesObject, parseJsonPath } from '#meta'
import { age, ageOf, name } from '../columns.ts'
import type { Column } from '../definition.ts'
import type { CustomResourceColumnDefinition } from '../generated/types.ts'

type Cell = ReturnType<Column<KubernetesObject>['value']>

/** https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#additional-printer-columns */
export function printerColumns(
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column<KubernetesObject>[] {
  return [name, ...(columns?.length ? columns.map(columnOf) : [{ ...age, type: 'date' } as const])]
}

function columnOf({
  jsonPath,
  type,
  format,
  description,
  priority,
  ...rest
}: CustomResourceColumnDefinition): Column<KubernetesObject> {
  const path = pathOf(jsonPath)
  return {
    name: rest.name,
    type: type as Column<KubernetesObject>['type'],
    ...(format !== undefined && { format }),
    ...(description !== undefined && { description }),
    ...(priority !== undefined && { priority }),
    value(object, { nowMs }) {
      const [value] = path.select(object)
      return value === undefined || value === null ? null : cellOf(value, type, nowMs)
    },
  }
}

/** Paths were checked when the definition was accepted; one that an older server accepted shows nothing. */
function pathOf(text: string): JsonPath {
  try {
    return parseJsonPath(text)
  } catch {
    return { select: () => [] }
  }
}

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
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : ageOf(value, nowMs)
    default:
      return typeof value === 'object' ? JSON.stringify(value) : String(value)
  }
}
