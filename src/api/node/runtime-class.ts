import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { RuntimeClass } from '../generated/types.ts'

export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  scope: 'Cluster',
  names: { plural: 'runtimeclasses' },
  columns: [name, text('Handler', ({ handler }) => handler), age],
  schema: 'io.k8s.api.node.v1.RuntimeClass',
})
