import { age, boolean, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PriorityClass } from '../generated/types.ts'
import { forbid, optionalOneOf } from '../validation/findings.ts'

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
  *validate({ metadata, value, preemptionPolicy }) {
    const name = metadata?.name ?? ''
    if (name.startsWith('system-')) {
      const known = SYSTEM_CLASSES[name]
      if (known === undefined || known !== value) {
        const why =
          known === undefined ? `${name} is not a known system priority class` : `value of ${name} PriorityClass must be ${known}`
        yield forbid(
          'metadata.name',
          `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`,
        )
      }
    } else if ((value ?? 0) > USER_PRIORITY_MAX) {
      yield forbid('value', `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`)
    }
    yield* optionalOneOf(preemptionPolicy, ['Never', 'PreemptLowerPriority'], 'preemptionPolicy')
  },
  *validateUpdate({ value, preemptionPolicy }, old) {
    if (value !== old.value) yield forbid('value', 'may not be changed in an update.')
    if (preemptionPolicy !== old.preemptionPolicy) yield forbid('preemptionPolicy', 'may not be changed in an update.')
  },
  schema: 'io.k8s.api.scheduling.v1.PriorityClass',
})

const USER_PRIORITY_MAX = 1_000_000_000

const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}
