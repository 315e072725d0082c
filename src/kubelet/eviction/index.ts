import { totalmem } from 'node:os'
import { join } from 'node:path'
import type { Node, Pod } from '#api'
import type { Clock, Log } from '#base'
import type { EventSink } from '#client'
import type { Cgroups } from '../node/cgroups.ts'
import type { ImageCollector } from '../node/image-collector.ts'
import type { PodWorkers } from '../pods/pod-workers.ts'
import type { Runtime } from '../runtimes/runtime.ts'
import type { VolumeManager } from '../volumes/volume-manager.ts'
import { EvictionManager } from './eviction-manager.ts'
import type { Candidate } from './ranking.ts'
import { diskUsage, type Observations, observeDisk, type Threshold } from './signals.ts'

export interface NodeEvictionParts {
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventSink
  readonly runtime: Pick<Runtime, 'imageFilesystem'>
  readonly workers: PodWorkers
  readonly cgroups: Cgroups
  readonly volumes: VolumeManager
  readonly images: ImageCollector
  readonly rootDirectory: string
  readonly podLogs: string
  readonly node: () => Node | undefined
  readonly onChange: () => void
}

/** Eviction on what the kernel tells of this node. */
export function nodeEviction(parts: NodeEvictionParts): EvictionManager {
  const { workers, images } = parts
  return new EvictionManager({
    ...parts,
    workers,
    observe: () => observe(parts),
    usage: (pod, resource) => (resource === 'memory' ? memoryUsage(pod, parts) : localUsage(pod, resource, parts)),
    reclaimDisk: () => images.freeAll(),
  })
}

async function observe({ cgroups, runtime, rootDirectory }: NodeEvictionParts): Promise<Observations> {
  const { mountpoint } = await runtime.imageFilesystem()
  const usage = cgroups.usage(undefined)
  const capacity = totalmem()
  return new Map([
    ...(usage === undefined ? [] : [['memory.available', { available: capacity - usage.workingSetBytes, capacity }] as const]),
    ...observeDisk('nodefs', rootDirectory),
    ...(mountpoint === '' ? [] : observeDisk('imagefs', mountpoint)),
  ])
}

function memoryUsage(pod: Pod, { workers, cgroups }: NodeEvictionParts): Omit<Candidate, 'pod'> {
  const statuses = workers.get(pod.metadata?.uid ?? '')?.observed.containers ?? new Map()
  const containers = new Map<string, number>()
  for (const [name, [newest]] of statuses) {
    const usage = newest?.state === 'RUNNING' ? cgroups.usage(pod, newest.id) : undefined
    if (usage !== undefined) containers.set(name, usage.workingSetBytes)
  }
  return { used: cgroups.usage(pod)?.workingSetBytes ?? 0, containers }
}

/** Volumes and logs of the pod; what it wrote into its images is the runtime's secret. */
function localUsage(pod: Pod, resource: Threshold['resource'], { volumes, podLogs }: NodeEvictionParts): Omit<Candidate, 'pod'> {
  const { name, namespace, uid = '' } = pod.metadata ?? {}
  const kind = resource === 'inodes' ? 'inodes' : 'bytes'
  const logs = join(podLogs, `${namespace}_${name}_${uid}`)
  const containers = new Map((pod.spec?.containers ?? []).map((each) => [each.name, diskUsage(join(logs, each.name))[kind]]))
  const used = diskUsage(volumes.podDirectory(uid))[kind] + diskUsage(logs)[kind]
  return { used, containers }
}
