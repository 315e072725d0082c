import { defineResource } from '../define-resource.ts'
import type { PriorityLevelConfiguration } from '../generated/types.ts'

export const priorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  scope: 'Cluster',
  names: { plural: 'prioritylevelconfigurations' },
  subresources: { status: true },
  generation: true,
  schema: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
})
