import { age, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PriorityLevelConfiguration } from '../generated/types.ts'
import { forbid, oneOf, required } from '../validation/findings.ts'

export const priorityLevelConfigurations = defineResource<PriorityLevelConfiguration>({
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  scope: 'Cluster',
  names: { plural: 'prioritylevelconfigurations' },
  subresources: { status: true },
  generation: true,
  default(draft) {
    const { exempt, limited } = draft.spec ?? {}
    if (exempt) {
      exempt.nominalConcurrencyShares ??= 0
      exempt.lendablePercent ??= 0
    }
    if (limited) {
      limited.nominalConcurrencyShares ??= 30
      limited.lendablePercent ??= 0
      if (limited.limitResponse?.queuing) {
        limited.limitResponse.queuing.queues ||= 64
        limited.limitResponse.queuing.handSize ||= 8
        limited.limitResponse.queuing.queueLengthLimit ||= 50
      }
    }
    draft.status ??= {}
  },
  columns: [
    name,
    text('Type', ({ spec }) => spec?.type),
    text('NominalConcurrencyShares', ({ spec }) => `${(spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? '<none>'}`),
    text('Queues', ({ spec }) => `${spec?.limited?.limitResponse?.queuing?.queues ?? '<none>'}`),
    text('HandSize', ({ spec }) => `${spec?.limited?.limitResponse?.queuing?.handSize ?? '<none>'}`),
    text('QueueLengthLimit', ({ spec }) => `${spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? '<none>'}`),
    age,
  ],
  *validate({ spec }) {
    yield* oneOf(spec?.type, ['Exempt', 'Limited'], 'spec.type')
    if (spec?.type === 'Exempt' && spec.limited) yield forbid('spec.limited', 'must be nil if the type is not Limited')
    if (spec?.type === 'Limited') {
      if (spec.exempt) yield forbid('spec.exempt', 'must be nil if the type is Limited')
      if (spec.limited === undefined) yield required('spec.limited', 'must not be empty when type is Limited')
      else yield* oneOf(spec.limited.limitResponse?.type, ['Queue', 'Reject'], 'spec.limited.limitResponse.type')
    }
  },
  schema: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
})
