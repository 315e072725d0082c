import { CONTAINER_NAME, POD_UID, RESTART_COUNT } from '../labels.ts'
import type { ContainerStatus, PodSandboxStatus, Runtime } from '../runtimes/runtime.ts'

/** What the runtime has of one pod. */
export interface ObservedPod {
  /** Newest first. */
  readonly sandboxes: readonly PodSandboxStatus[]
  /** Containers of each name, newest first. */
  readonly containers: ReadonlyMap<string, readonly ContainerStatus[]>
  /** Ids of sandboxes by ids of their containers. */
  readonly sandboxOf: ReadonlyMap<string, string>
}

export const nothingObserved: ObservedPod = { sandboxes: [], containers: new Map(), sandboxOf: new Map() }

/** Asks the runtime for everything that carries the pod's uid. */
export async function observePod(runtime: Runtime, uid: string): Promise<ObservedPod> {
  const labels = { [POD_UID]: uid }
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes({ labels }), runtime.listContainers({ labels })])
  const [sandboxStatuses, statuses] = await Promise.all([
    Promise.all(sandboxes.map(({ id }) => known(runtime.podSandboxStatus(id)))),
    Promise.all(containers.map(({ id }) => known(runtime.containerStatus(id)))),
  ])
  const byName = new Map<string, ContainerStatus[]>()
  for (const status of statuses.filter((each) => each !== undefined)) {
    const name = status.labels[CONTAINER_NAME] ?? status.metadata.name
    byName.set(name, [...(byName.get(name) ?? []), status])
  }
  for (const list of byName.values()) list.sort((a, b) => restartCountOf(b) - restartCountOf(a) || b.createdAtMs - a.createdAtMs)
  const newestFirst = sandboxStatuses.filter((each) => each !== undefined).sort((a, b) => b.createdAtMs - a.createdAtMs)
  const sandboxOf = new Map(containers.map(({ id, sandboxId }) => [id, sandboxId]))
  return { sandboxes: newestFirst, containers: byName, sandboxOf }
}

export const restartCountOf = ({ annotations }: ContainerStatus): number => Number(annotations[RESTART_COUNT] ?? 0)

/** What vanished between the list and the question is not there. */
async function known<T>(status: Promise<T>): Promise<T | undefined> {
  try {
    return await status
  } catch (error) {
    if ((error as { code?: string }).code === 'NotFound') return undefined
    throw error
  }
}
