import type { KubernetesObject } from '#meta'
import type { Container, PodSpec, PodStatus, VolumeMountStatus } from '../generated/types.ts'

/**
 * Drops what is off by default: groups of pods that are scheduled together (KEP-4671), signals that stop containers (KEP-4960), certificates of pods (KEP-4317). What an
 * object had before it keeps, as upstream lets it.
 */
export function dropDisabled(spec: PodSpec | undefined, old?: PodSpec): void {
  if (spec === undefined) return
  if (old?.schedulingGroup === undefined) delete spec.schedulingGroup
  if (hasCertificates(spec) && !hasCertificates(old))
    for (const { projected } of spec.volumes ?? []) for (const source of projected?.sources ?? []) delete source.podCertificate
  if (old !== undefined && containersOf(old).some(({ lifecycle }) => lifecycle?.stopSignal !== undefined)) return
  for (const container of containersOf(spec)) {
    if (container.lifecycle?.stopSignal === undefined) continue
    delete container.lifecycle.stopSignal
    if (Object.keys(container.lifecycle).length === 0) delete container.lifecycle
  }
}

const hasCertificates = (spec: PodSpec | undefined): boolean =>
  spec?.volumes?.some(({ projected }) => projected?.sources?.some(({ podCertificate }) => podCertificate !== undefined)) ?? false

const STATUSES = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const

const mountsOf = (status: PodStatus | undefined): VolumeMountStatus[] =>
  STATUSES.flatMap((list) => status?.[list] ?? []).flatMap(({ volumeMounts }) => volumeMounts ?? [])

/** The same of a status: what image a volume is of by its digest (KEP-5365). */
export function dropDisabledStatus(status: PodStatus | undefined, old: PodStatus | undefined): void {
  const mounts = mountsOf(status).filter(({ volumeStatus }) => volumeStatus !== undefined)
  if (mounts.length === 0 || mountsOf(old).some(({ volumeStatus }) => volumeStatus !== undefined)) return
  for (const mount of mounts) delete mount.volumeStatus
}

const containersOf = ({ containers = [], initContainers = [] }: PodSpec): Container[] => [...initContainers, ...containers]

/** The same as part of the definition of a kind that has a pod's spec somewhere. */
export const droppingDisabled = <T extends KubernetesObject>(specOf: (object: T) => PodSpec | undefined) => ({
  prepareForCreate: (draft: T): void => dropDisabled(specOf(draft)),
  prepareForUpdate: (draft: T, old: T): void => dropDisabled(specOf(draft), specOf(old)),
})
