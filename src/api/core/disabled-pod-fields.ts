import type { KubernetesObject } from '#meta'
import type { Container, PodSpec } from '../generated/types.ts'

/**
 * Drops what is off by default: groups of pods that are scheduled together (KEP-4671), signals that stop containers (KEP-4960). What an object had before it
 * keeps, as upstream lets it.
 */
export function dropDisabled(spec: PodSpec | undefined, old?: PodSpec): void {
  if (spec === undefined) return
  if (old?.schedulingGroup === undefined) delete spec.schedulingGroup
  if (old !== undefined && containersOf(old).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined)) return
  for (const container of containersOf(spec)) {
    if (container.lifecycle?.stopSignal === undefined) continue
    delete container.lifecycle.stopSignal
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle
  }
}

const containersOf = ({ containers = [], initContainers = [] }: PodSpec): Container[] => [...initContainers, ...containers]

/** The same as part of the definition of a kind that has a pod's spec somewhere. */
export const droppingDisabled = <T extends KubernetesObject>(specOf: (object: T) => PodSpec | undefined) => ({
  prepareForCreate: (draft: T): void => dropDisabled(specOf(draft)),
  prepareForUpdate: (draft: T, old: T): void => dropDisabled(specOf(draft), specOf(old)),
})
