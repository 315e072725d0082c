import { age, boolean, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PriorityClass } from '../generated/types.ts'

export const priorityClasses = defineResource<PriorityClass>({
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  scope: 'Cluster',
  names: { plural: 'priorityclasses', shortNames: ['pc'] },
  generation: true,
  default(draft) {
    draft.preemptionPolicy ||= 'PreemptLowerPriority'
  },
  columns: [
    name,
    integer('Value', ({ value }) => value),
    boolean('Global-Default', ({ globalDefault }) => globalDefault ?? false),
    age,
    text('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy),
  ],
  schema: 'io.k8s.api.scheduling.v1.PriorityClass',
})
