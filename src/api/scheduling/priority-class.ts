import { age, boolean, integer, name, text } from '../columns.ts'
import { defineResource } from '../define-resource.ts'
import type { PriorityClass } from '../generated/types.ts'
import { immutable } from '../validation/common.ts'
import { forbid, oneOf } from '../validation/findings.ts'

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
    integer('Value', ({ value }) => value, 'scheduling.v1.PriorityClass#value'),
    boolean('Global-Default', ({ globalDefault }) => globalDefault ?? false, 'scheduling.v1.PriorityClass#globalDefault'),
    age,
    text('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy, 'scheduling.v1.PriorityClass#preemptionPolicy'),
  ],
  validate({ metadata, value, globalDefault, preemptionPolicy }, found) {
    const name = metadata?.name ?? ''
    if (name.startsWith('system-')) {
      const why = unlikeSystemClass(name, value, globalDefault)
      if (why !== undefined) {
        const rule = `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`
        found.push(forbid('metadata.name', rule))
      }
    } else if ((value ?? 0) > USER_PRIORITY_MAX) {
      found.push(forbid('value', `maximum allowed value of a user defined priority is ${USER_PRIORITY_MAX}`))
    }
    if (preemptionPolicy !== undefined) oneOf(preemptionPolicy, ['PreemptLowerPriority', 'Never'], 'preemptionPolicy', found)
  },
  ratchets: true,
  validateUpdate({ value, preemptionPolicy }, old, found) {
    if (value !== old.value) found.push(forbid('value', 'may not be changed in an update.'))
    immutable(preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy', found)
  },
  schema: 'io.k8s.api.scheduling.v1.PriorityClass',
})

const USER_PRIORITY_MAX = 1_000_000_000

const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2_000_000_000,
  'system-node-critical': 2_000_001_000,
}

/** In what a class that has the name of one of the system's own is not that class. */
function unlikeSystemClass(name: string, value: number | undefined, globalDefault = false): string | undefined {
  const known = SYSTEM_CLASSES[name]
  if (known === undefined) return `${name} is not a known system priority class`
  if (known !== value) return `value of ${name} PriorityClass must be ${known}`
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined
}
