import { defineResource } from '../define-resource.ts'
import type { CSINode } from '../generated/types.ts'

export const csiNodes = defineResource<CSINode>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSINode',
  scope: 'Cluster',
  names: { plural: 'csinodes' },
  schema: 'io.k8s.api.storage.v1.CSINode',
})
