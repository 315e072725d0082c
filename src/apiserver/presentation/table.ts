import type { Column, ResourceDefinition, RowCondition } from '#api'
import type { KubernetesObject, ListMeta } from '#meta'
import type { IncludeObject } from './negotiate.ts'

export interface TableOptions {
  readonly version: 'v1' | 'v1beta1'
  readonly includeObject: IncludeObject
  readonly nowMs: number
}

/** Of a kind, what its tables are made of. */
export type Printed = Pick<ResourceDefinition, 'columns' | 'rowOrder' | 'rowConditions'>

export interface Table {
  readonly kind: 'Table'
  readonly apiVersion: string
  readonly metadata: ListMeta
  readonly columnDefinitions: readonly unknown[]
  readonly rows: readonly unknown[]
}

/** A meta.k8s.io Table of some objects of one kind: what `kubectl get` prints. */
export function tableOf(
  resource: Printed,
  objects: readonly KubernetesObject[],
  metadata: ListMeta,
  options: TableOptions,
): Table {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: resource.columns.map(columnDefinition),
    rows: inOrder(resource, objects).map((object) => ({
      cells: resource.columns.map((column) => cellOf(column.value(object, options))),
      ...conditionsOf(resource, object),
      object: objectOf(object, options),
    })),
  }
}

function objectOf(object: KubernetesObject, { includeObject, version }: TableOptions): unknown {
  if (includeObject === 'None') return null
  return includeObject === 'Object' ? object : partialMetadata(object, version)
}

const inOrder = (resource: Printed, objects: readonly KubernetesObject[]): readonly KubernetesObject[] =>
  resource.rowOrder === undefined ? objects : [...objects].sort((a, b) => resource.rowOrder!(a, b))

function conditionsOf(resource: Printed, object: KubernetesObject): { conditions?: readonly RowCondition[] } {
  const conditions = resource.rowConditions?.(object) ?? []
  return conditions.length > 0 ? { conditions } : {}
}

/** Of a custom kind, what is absent is null, which clients show as they like. */
const cellOf = (value: ReturnType<Column<KubernetesObject>['value']>): unknown => (value === undefined ? '' : value)

const columnDefinition = ({ name, type, format, description, priority }: Column<KubernetesObject>): unknown => ({
  name,
  type,
  format: format ?? '',
  description: typeof description === 'function' ? description() : (description ?? ''),
  priority: priority ?? 0,
})

export function partialMetadata(object: KubernetesObject, version: 'v1' | 'v1beta1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata ?? {} }
}
