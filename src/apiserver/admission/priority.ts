import { type Pod, type PriorityClass, pods, priorityClasses } from '#api'
import { forbidden } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import { draftOf } from './attributes.ts'
import type { AdmissionPlugin } from './types.ts'

/** Resolves a pod's priority class to its number. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  operations: ['CREATE', 'UPDATE'],
  async mutate(attributes, { cache }) {
    const pod = draftOf(attributes, pods)
    const spec = pod?.spec
    if (pod === undefined || spec === undefined) return
    if (attributes.operation === 'UPDATE') {
      keepPriority(spec, attributes.oldObject as Pod)
      return
    }
    await cache.current()
    const named = spec.priorityClassName ? classOf(cache, spec.priorityClassName) : defaultClass(cache)
    if (spec.priorityClassName && named === undefined) {
      throw forbidden(pods, pod.metadata?.name ?? '', `no PriorityClass with name ${spec.priorityClassName} was found`)
    }
    const value = named?.value ?? 0
    if (spec.priority !== undefined && spec.priority !== value) {
      throw forbidden(
        pods,
        pod.metadata?.name ?? '',
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`,
      )
    }
    if (named?.metadata?.name !== undefined) spec.priorityClassName = named.metadata.name
    spec.priority = value
    const policy = named?.preemptionPolicy ?? 'PreemptLowerPriority'
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy) {
      throw forbidden(
        pods,
        pod.metadata?.name ?? '',
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      )
    }
    spec.preemptionPolicy = policy
  },
  async validate(attributes, { cache }) {
    const draft = draftOf(attributes, priorityClasses)
    if (!draft?.globalDefault) return
    await cache.current()
    const other = defaultClass(cache)?.metadata?.name
    if (other !== undefined && other !== attributes.name) {
      const why = `PriorityClass ${other} is already marked as default. Only one default can exist`
      throw forbidden(priorityClasses, attributes.name, why)
    }
  },
}

/** Writers that know nothing of priorities leave them as they are. */
function keepPriority(spec: NonNullable<Pod['spec']>, { spec: old }: Pod): void {
  if (spec.priority === undefined && old?.priority !== undefined) spec.priority = old.priority
  if (spec.preemptionPolicy === undefined && old?.preemptionPolicy !== undefined) spec.preemptionPolicy = old.preemptionPolicy
}

const classOf = (cache: WatchCache, name: string): PriorityClass | undefined =>
  cache.of(priorityClasses).get(name)?.object as PriorityClass | undefined

function defaultClass(cache: WatchCache): PriorityClass | undefined {
  let best: PriorityClass | undefined
  for (const each of cache.of(priorityClasses).objects() as Iterable<PriorityClass>) {
    if (each.globalDefault && (best === undefined || (each.value ?? 0) < (best.value ?? 0))) best = each
  }
  return best
}
