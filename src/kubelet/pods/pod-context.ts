import type { Node, Pod, Service } from '#api'
import type { Clock, Log } from '#base'
import type { Client, EventSink } from '#client'
import type { Backoff } from '../containers/backoff.ts'
import type { Images } from '../containers/images.ts'
import type { Cgroups } from '../node/cgroups.ts'
import type { Prober } from '../probes/prober.ts'
import type { Runtime } from '../runtimes/runtime.ts'
import type { VolumeManager } from '../volumes/volume-manager.ts'
import type { Allocations } from './allocations.ts'
import type { ObjectSource } from './object-source.ts'

/** What every pod worker of a kubelet shares. */
export interface PodDependencies {
  readonly client: Client
  readonly runtime: Runtime
  readonly clock: Clock
  readonly log: Log
  readonly recorder: EventSink
  readonly volumes: VolumeManager
  readonly objects: ObjectSource
  readonly allocations: Allocations
  readonly images: Images
  readonly restarts: Backoff
  readonly prober: Prober
  readonly cgroups: Cgroups
  readonly nodeName: string
  readonly nodeIPs: readonly string[]
  readonly clusterDNS: string
  readonly clusterDomain: string
  readonly resolvConf: string
  readonly podLogs: string
  readonly nodeMemoryBytes: number
  node(): Node | undefined
  /** Services whose variables a pod of the namespace gets. */
  servicesFor(pod: Pod): readonly Service[]
}
