import { defineResource } from '../define-resource.ts'
import type { FlowSchema } from '../generated/types.ts'

export const flowSchemas = defineResource<FlowSchema>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  scope: 'Cluster',
  names: { plural: 'flowschemas' },
  subresources: { status: true },
  generation: true,
  default(draft) {
    if (draft.spec) draft.spec.matchingPrecedence ||= 1000
    draft.status ??= {}
  },
  schema: 'io.k8s.api.flowcontrol.v1.FlowSchema',
})
