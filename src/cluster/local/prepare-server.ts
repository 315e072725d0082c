import { systemClock, systemRandom } from '#base'
import type { ApiServerFlags } from '../api-server-settings.ts'
import { addressIn } from '../cidr.ts'
import { ETCD_CA } from '../etcd/local-member.ts'
import { type MemberFile, writeMember } from '../etcd/member-file.ts'
import { ETCD_PROGRAMS, ensurePackages } from '../node/packages.ts'
import { createAuthority } from '../pki.ts'
import { openPki, writePair } from '../pki-directory.ts'
import { checkStoreChoice, type EtcdAccess, OWN_ETCD } from '../store.ts'
import { addressOfHost, chooseRanges } from './address.ts'
import { type ClusterConfig, CONFIG_DEFAULTS, flagsWith, readConfig, writeConfig } from './config.ts'
import { joinServers } from './join-server.ts'
import { type Paths, pathsOf } from './paths.ts'
import type { SnapshotPlan } from './snapshot-schedule.ts'

/** What `t8s server` may be told; needed only the first time, and kept in the data directory. */
export interface ServerOptions {
  readonly dataDirectory: string
  /** Begin a cluster whose etcd has its first member here. */
  readonly clusterInit: boolean
  /** `https://host:port` of a server of the cluster to join. */
  readonly join?: string | undefined
  readonly token?: string | undefined
  readonly caHash?: string | undefined
  /** Begin a cluster over this store. */
  readonly store?: string | undefined
  readonly etcd?: EtcdAccess | undefined
  readonly name: string
  readonly advertiseAddress?: string | undefined
  readonly apiPort: number
  readonly etcdClientPort: number
  readonly etcdPeerPort: number
  readonly clusterCIDR?: string | undefined
  readonly serviceCIDR?: string | undefined
  /** Further names and addresses that clients dial. */
  readonly tlsSans: readonly string[]
  readonly simulatedNodes: number
  /** May be changed at any start. */
  readonly snapshots: Partial<SnapshotPlan>
  /** May be changed at any start. */
  readonly apiServer: ApiServerFlags
  /** Throws for flags that do not go together. */
  readonly checkFlags: (flags: ApiServerFlags) => Promise<unknown>
  readonly install: boolean
  readonly signal: AbortSignal
  readonly progress: (step: string) => void
}

/** The cluster that the data directory holds; one begun or joined first if there is none and the options say which. Throws a sentence. */
export async function preparedServer(options: ServerOptions): Promise<{ readonly paths: Paths; readonly config: ClusterConfig }> {
  const paths = pathsOf(options.dataDirectory)
  const known = readConfig(paths.config)
  await options.checkFlags(flagsWith(known?.apiServer, options.apiServer) ?? {})
  if (known !== undefined) {
    if (options.store !== undefined && options.store !== known.store)
      throw new Error(
        `this cluster was made with store ${known.store}, not ${options.store}; choose another --data-dir, or move it with 't8s snapshot save' and 'restore --store'`,
      )
    return { paths, config: changed(paths, known, options) }
  }
  const ways = [options.clusterInit && '--cluster-init', options.join && '--join', options.store && '--store'].filter(Boolean)
  if (ways.length > 1) throw new Error(`${ways.join(' and ')} are different ways to begin; give one of them`)
  if (options.join !== undefined) return { paths, config: await joinServers(paths, options.join, options) }
  if (ways.length === 0)
    throw new Error(
      `there is no cluster in ${paths.root}; make one with 't8s up', begin one with --cluster-init or --store, or join one with --join and --token`,
    )
  return { paths, config: await begin(paths, options) }
}

function changed(paths: Paths, known: ClusterConfig, { snapshots, apiServer }: ServerOptions): ClusterConfig {
  const isPlanned = Object.values(snapshots).some((each) => each !== undefined)
  if (!isPlanned && Object.keys(apiServer).length === 0) return known
  const plan = isPlanned ? planWith(known.snapshots, snapshots) : known.snapshots
  const config = { ...known, snapshots: plan, apiServer: flagsWith(known.apiServer, apiServer) }
  writeConfig(paths.config, config)
  return config
}

/** An interval and a schedule say when in place of each other. */
function planWith(before: Partial<SnapshotPlan> | undefined, said: Partial<SnapshotPlan>): Partial<SnapshotPlan> {
  const { intervalMs, schedule, ...kept } = before ?? {}
  const isTimed = said.intervalMs !== undefined || said.schedule !== undefined
  return { ...kept, ...(!isTimed && { intervalMs, schedule }), ...said }
}

async function begin(paths: Paths, options: ServerOptions): Promise<ClusterConfig> {
  const { clusterInit, etcd } = options
  const store = clusterInit ? OWN_ETCD : options.store!
  if (!clusterInit) checkStoreChoice({ store, etcd })
  const ranges = chooseRanges()
  const serviceCIDR = options.serviceCIDR ?? ranges.serviceCIDR
  const config: ClusterConfig = {
    ...CONFIG_DEFAULTS,
    ...placeOf(options),
    id: Buffer.from(systemRandom.bytes(4)).toString('hex'),
    store,
    ...(etcd !== undefined && { etcd }),
    clusterCIDR: options.clusterCIDR ?? ranges.clusterCIDR,
    serviceCIDR,
    clusterDNS: addressIn(serviceCIDR, 10),
  }
  await openPki(paths.pki, { clock: systemClock, random: systemRandom })
  if (clusterInit) {
    await ensurePackages(options, ETCD_PROGRAMS)
    writePair(paths.pki, ETCD_CA, await createAuthority(ETCD_CA, { clock: systemClock, random: systemRandom }))
    writeMember(paths, memberOf(options, config.advertiseAddress, 'first', []))
  }
  writeConfig(paths.config, config)
  return config
}

/** What is this server's own, and not the cluster's. */
export function placeOf(
  options: ServerOptions,
  advertised = addressOfHost(),
): Pick<ClusterConfig, 'nodes' | 'runtime' | 'apiPort' | 'advertiseAddress' | 'tlsSans' | 'snapshots' | 'apiServer'> {
  const advertiseAddress = options.advertiseAddress ?? advertised
  if (advertiseAddress === undefined)
    throw new Error(
      'this machine has no network address that others could reach; give it one, or name one with --advertise-address',
    )
  const { simulatedNodes: nodes, apiPort, tlsSans, snapshots } = options
  return {
    nodes,
    runtime: 'simulated',
    apiPort,
    advertiseAddress,
    snapshots,
    apiServer: flagsWith(undefined, options.apiServer),
    ...(tlsSans.length > 0 && { tlsSans }),
  }
}

export function memberOf(
  { name, etcdClientPort: clientPort, etcdPeerPort: peerPort }: ServerOptions,
  address: string,
  phase: MemberFile['phase'],
  others: readonly string[],
): MemberFile {
  return { name, address, clientPort, peerPort, phase, others }
}
