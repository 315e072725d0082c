import type { Pod } from '#api'
import type { GroupUsage } from '../node/cgroup-usage.ts'
import type { KubeletView } from './endpoint.ts'

/** A pod that has a sandbox, with what the kernel counts of it. */
export interface PodUsage {
  readonly pod: Pod
  readonly usage: GroupUsage | undefined
  readonly sandboxId: string
  readonly sandbox: GroupUsage | undefined
  readonly containers: readonly ContainerUsage[]
}

export interface ContainerUsage {
  readonly name: string
  readonly id: string
  readonly image: string
  readonly startedAtMs: number
  readonly usage: GroupUsage | undefined
}

/** Of everything that runs, by name. */
export function podUsages({ running, usage }: KubeletView): PodUsage[] {
  return [...running()].map(({ pod, sandboxId, containers }) => ({
    pod,
    usage: usage(pod),
    sandboxId,
    sandbox: usage(pod, sandboxId),
    containers: containers.map((container) => ({ ...container, usage: usage(pod, container.id) })),
  }))
}
