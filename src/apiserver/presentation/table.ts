import type { Column, ResourceDefinition } from '#api'
import type { KubernetesObject, ListMeta } from '#meta'
import type { IncludeObject } from './negotiate.ts'

export interface TableOptions {
  readonly version: 'v1' | 'v1beta1'
  readonly includeObject: IncludeObject
  readonly nowMs: number
}

/** A meta.k8s.io Table of some objects of one kind: what `kubectl get` prints. */
export function tableOf(
  resource: ResourceDefinition,
  objects: readonly KubernetesObject[],
  metadata: ListMeta,
  options: TableOptions,
): unknown {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${options.version}`,
    metadata,
    columnDefinitions: resource.columns.map(columnDefinition),
    rows: objects.map((object) => ({
      cells: resource.columns.map((column) => cellOf(column.value(object, options))),
      ...(options.includeObject !== 'None' && {
        object: options.includeObject === 'Object' ? object : partialMetadata(object, options.version),
      }),
    })),
  }
}

/** Of a custom kind, what is absent is null, which clients show as they like. */
const cellOf = (value: ReturnType<Column<KubernetesObject>['value']>): unknown => (value === undefined ? '' : value)

const columnDefinition = ({ name, type, format, description, priority }: Column<KubernetesObject>): unknown => ({
  name,
  type,
  format: format ?? '',
  description: description ?? '',
  priority: priority ?? 0,
})

export function partialMetadata(object: KubernetesObject, version: 'v1' | 'v1beta1'): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata: object.metadata ?? {} }
}
