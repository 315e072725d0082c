import { defineResource } from '../define-resource.ts'
import type { RuntimeClass } from '../generated/types.ts'

export const runtimeClasses = defineResource<RuntimeClass>({
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  scope: 'Cluster',
  names: { plural: 'runtimeclasses' },
  schema: 'io.k8s.api.node.v1.RuntimeClass',
})
