import { age, integer, name, orNone, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { FlowSchema } from '../generated/types.ts'
import { invalidValue, optionalOneOf, required } from '../validation/findings.ts'

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
  *validate({ spec }) {
    if (!spec?.priorityLevelConfiguration?.name) yield required('spec.priorityLevelConfiguration.name')
    const precedence = spec?.matchingPrecedence ?? 1000
    if (precedence < 1) yield invalidValue('spec.matchingPrecedence', precedence, 'must be a positive value')
    else if (precedence > PRECEDENCE_MAX) {
      yield invalidValue('spec.matchingPrecedence', precedence, `must not be greater than ${PRECEDENCE_MAX}`)
    }
    yield* optionalOneOf(spec?.distinguisherMethod?.type, ['ByNamespace', 'ByUser'], 'spec.distinguisherMethod.type')
  },
  schema: 'io.k8s.api.flowcontrol.v1.FlowSchema',
})

const PRECEDENCE_MAX = 10_000
