import { age, integer, name, orNone, text } from '../columns.ts'
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
  columns: [
    name,
    text('PriorityLevel', ({ spec }) => spec?.priorityLevelConfiguration?.name),
    integer('MatchingPrecedence', ({ spec }) => spec?.matchingPrecedence),
    text('DistinguisherMethod', ({ spec }) => orNone(spec?.distinguisherMethod?.type)),
    age,
    text('MissingPL', ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?'),
  ],
  schema: 'io.k8s.api.flowcontrol.v1.FlowSchema',
})
