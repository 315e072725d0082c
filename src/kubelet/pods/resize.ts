import type { Container, Pod } from '#api'
import { quantityValue } from '#meta'
import { containerResources } from '../containers/container-config.ts'
import type { ContainerStatus } from '../runtimes/runtime.ts'
import { changedResources } from './allocations.ts'
import type { PodDependencies } from './pod-context.ts'

/** Whether a container has to start anew to be given what was granted: its policy says so for something that changed. */
export function resizeNeedsRestart(
  pod: Pod,
  container: Container,
  { allocations }: Pick<PodDependencies, 'allocations'>,
): boolean {
  const actual = allocations.actual(pod.metadata?.uid ?? '', container.name) ?? {}
  return changedResources(actual, container.resources ?? {}).some(
    (name) => container.resizePolicy?.find(({ resourceName }) => resourceName === name)?.restartPolicy === 'RestartContainer',
  )
}

/** Gives a running container what was granted. Throws a sentence when it can't. */
export async function resizeContainer(
  pod: Pod,
  container: Container,
  status: ContainerStatus,
  { runtime, allocations, nodeMemoryBytes }: Pick<PodDependencies, 'runtime' | 'allocations' | 'nodeMemoryBytes'>,
): Promise<void> {
  const actual = allocations.actual(pod.metadata?.uid ?? '', container.name) ?? {}
  const limit = container.resources?.limits?.['memory']
  const before = actual.limits?.['memory']
  const shrinks = limit !== undefined && (before === undefined || quantityValue(limit) < quantityValue(before))
  if (shrinks) {
    const stats = (await runtime.containerStats()).find(({ containerId }) => containerId === status.id)
    const usedBytes = stats?.memoryWorkingSetBytes ?? 0
    // The kernel would kill something of it to get there.
    if (usedBytes > quantityValue(limit))
      throw new Error(
        `attempting to set container ${JSON.stringify(container.name)} memory limit (${quantityValue(limit)}) below current usage (${usedBytes})`,
      )
  }
  const { oomScoreAdj: _, ...resources } = containerResources(pod, container, nodeMemoryBytes)
  await runtime.updateContainerResources(status.id, {
    ...resources,
    // Absent would leave the old limit.
    ...(resources.cpuQuota === undefined && { cpuQuota: -1 }),
    ...(resources.memoryLimitBytes === undefined && { memoryLimitBytes: -1 }),
  })
  allocations.noteActual(pod, container)
}

/** As the events of a resize show it. */
export function resizeSummary(pod: Pod, error?: string): string {
  const containers = (pod.spec?.containers ?? []).map(({ name, resources = {} }) => ({ name, resources: sorted(resources) }))
  return JSON.stringify({ containers, generation: pod.metadata?.generation ?? 0, ...(error && { error }) })
}

/** Limits first and names in order, as Go prints them. */
const sorted = ({ limits, requests }: NonNullable<Container['resources']>) => ({
  ...(limits && { limits: inOrder(limits) }),
  ...(requests && { requests: inOrder(requests) }),
})

const inOrder = (map: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)))
