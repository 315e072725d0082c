import { defineResource } from '../define-resource.ts'
import type { ComponentStatus } from '../generated/types.ts'

export const componentStatuses = defineResource<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  scope: 'Cluster',
  names: { plural: 'componentstatuses', shortNames: ['cs'] },
  verbs: ['get', 'list'],
  stored: false,
  schema: 'io.k8s.api.core.v1.ComponentStatus',
})
