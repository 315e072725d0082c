import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { ApiServerFlags } from '../api-server-settings.ts'
import type { EtcdAccess } from '../store.ts'
import type { SnapshotPlan } from './snapshot-schedule.ts'

/** The choices a local cluster was made with; kept in its data directory, so that every later `up` starts the same cluster. */
export interface ClusterConfig {
  readonly formatVersion: number
  /** Eight characters that tell this cluster's bridges, tables and namespaces from another's on the same machine. */
  readonly id: string
  readonly nodes: number
  readonly runtime: 'containerd' | 'simulated'
  /** `embedded`, `etcd=URL,URL`, or `etcd` for a member on this machine. */
  readonly store: string
  readonly etcd?: EtcdAccess | undefined
  readonly apiPort: number
  /** Where other nodes and pods reach the API server. */
  readonly advertiseAddress: string
  /** Further names and addresses at which clients reach it: a load balancer, a name in DNS. */
  readonly tlsSans?: readonly string[] | undefined
  /** What was said of snapshots on schedule. */
  readonly snapshots?: Partial<SnapshotPlan> | undefined
  /** What the API server of this machine was told, as flags. */
  readonly apiServer?: ApiServerFlags | undefined
  readonly clusterCIDR: string
  readonly serviceCIDR: string
  readonly clusterDNS: string
  readonly clusterDomain: string
  /** Addresses of nodes that share this machine; only when there are several with containers. */
  readonly nodeCIDR?: string
}

const FORMAT_VERSION = 1

export const CONFIG_DEFAULTS = {
  formatVersion: FORMAT_VERSION,
  nodes: 1,
  store: 'embedded',
  apiPort: 6443,
  clusterCIDR: '10.244.0.0/16',
  serviceCIDR: '10.96.0.0/12',
  clusterDNS: '10.96.0.10',
  clusterDomain: 'cluster.local',
} as const

/** Undefined when the directory holds no cluster. Throws one sentence when it holds one that this version can't run. */
export function readConfig(path: string): ClusterConfig | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new Error(`cannot read ${path}: ${(error as Error).message}`, { cause: error })
  }
  let config: ClusterConfig
  try {
    config = JSON.parse(text) as ClusterConfig
  } catch (error) {
    throw new Error(`${path} is not valid JSON; restore it, or delete the cluster with 't8s reset --yes'`, { cause: error })
  }
  if (config.formatVersion > FORMAT_VERSION) {
    throw new Error(
      `${dirname(path)} was written by a newer version of t8s (format ${config.formatVersion}, this one knows ${FORMAT_VERSION}); upgrade t8s or choose another --data-dir`,
    )
  }
  return config
}

/** Flags that were kept with those that are said now; one that is undefined is forgotten. */
export function flagsWith(before: ApiServerFlags | undefined, said: ApiServerFlags): ApiServerFlags | undefined {
  const flags = Object.entries({ ...before, ...said }).filter(([, value]) => value !== undefined)
  return flags.length === 0 ? undefined : Object.fromEntries(flags)
}

export function writeConfig(path: string, config: ClusterConfig): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const unfinished = `${path}.new`
  writeFileSync(unfinished, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 })
  renameSync(unfinished, path)
}
