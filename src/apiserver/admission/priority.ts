import { type Pod, type PriorityClass, pods, priorityClasses } from '#api'
import { forbidden } from '#meta'
import type { WatchCache } from '../watch-cache/watch-cache.ts'
import type { AdmissionPlugin } from './types.ts'

/** Resolves a pod's priority class to its number. */
export const priority: AdmissionPlugin = {
  name: 'Priority',
  operations: ['CREATE'],
  mutate({ resource, subresource, object }, { cache }) {
    if (resource !== (pods as unknown) || subresource !== '') return
    const pod = object as Pod
    const spec = pod.spec
    if (spec === undefined) return
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
    spec.preemptionPolicy ??= named?.preemptionPolicy ?? 'PreemptLowerPriority'
  },
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
