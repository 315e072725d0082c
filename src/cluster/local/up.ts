import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { deepEqual, systemClock, systemRandom } from '#base'
import {
  type Client,
  connectionOf,
  createClient,
  httpTransport,
  kubeconfigPaths,
  mergeIntoKubeconfig,
  readKubeconfig,
} from '#client'
import type { ApiServerFlags } from '../api-server-settings.ts'
import { addressIn } from '../cidr.ts'
import { callControl } from '../control-socket.ts'
import { ensureMachineNetwork } from '../node/machine-network.ts'
import { ensurePackages } from '../node/packages.ts'
import { openPki, type Pki } from '../pki-directory.ts'
import { checkStoreChoice, type EtcdAccess } from '../store.ts'
import { addressOfHost, chooseNodeRange, chooseRanges } from './address.ts'
import { type ClusterConfig, CONFIG_DEFAULTS, flagsWith, readConfig, writeConfig } from './config.ts'
import { startDaemon } from './daemon.ts'
import { ensureFreeSpace } from './free-space.ts'
import { enterNodeNetwork, localNode } from './local-node.ts'
import { agentSocket, type Paths, pathsOf, serverSocket } from './paths.ts'
import { waitUntilReady } from './readiness.ts'
import { nodeNames } from './server.ts'

export interface UpOptions {
  readonly dataDirectory: string
  readonly nodes?: number | undefined
  readonly runtime?: 'auto' | 'containerd' | 'docker' | 'simulated' | undefined
  readonly store?: string | undefined
  readonly etcd?: EtcdAccess | undefined
  readonly apiPort?: number | undefined
  /** What the API server is told from now on, beside what it was told before. */
  readonly apiServer: ApiServerFlags
  /** Throws for flags that do not go together. */
  readonly checkFlags: (flags: ApiServerFlags) => Promise<unknown>
  readonly install: boolean
  readonly signal: AbortSignal
  /** Told each step as it begins. */
  readonly progress: (step: string) => void
}

export interface UpResult {
  readonly kubeconfig: string
  /** Kubeconfig of the user that got the context `t8s`. */
  readonly userKubeconfig: string
  readonly config: ClusterConfig
}

/** Addresses of one /24, with the host's own. */
const MACHINE_NODES_MAX = 250

/** Starts what of the cluster does not run, and resolves when its nodes are Ready and its DNS answers. */
export async function up(options: UpOptions): Promise<UpResult> {
  const paths = pathsOf(options.dataDirectory)
  mkdirSync(paths.root, { recursive: true, mode: 0o700 })
  ensureFreeSpace(paths.root)
  const before = readConfig(paths.config)
  const config = await withSaid(paths, prepareConfig(before, options), options)
  writeConfig(paths.config, config)
  try {
    return await start(paths, config, options)
  } catch (error) {
    // A start that failed binds nobody to its choices: the next may name another port.
    if ((await callControl(serverSocket(paths), 'status')) === undefined) {
      if (before === undefined) rmSync(paths.config, { force: true })
      else writeConfig(paths.config, before)
    }
    throw error
  }
}

async function start(paths: Paths, config: ClusterConfig, options: UpOptions): Promise<UpResult> {
  if (config.runtime === 'containerd') await ensurePackages(options)
  const pki = await openPki(paths.pki, { clock: systemClock, random: systemRandom })
  if ((await callControl(serverSocket(paths), 'status')) === undefined) {
    options.progress('starting the control plane')
    await startDaemon({ arguments: ['server', '--data-dir', paths.root], logFile: join(paths.logs, 'server.log') })
  }
  if (config.runtime === 'containerd') {
    const { nodeCIDR, clusterCIDR, id: clusterId } = config
    if (nodeCIDR !== undefined) await ensureMachineNetwork({ clusterId, nodeCIDR, clusterCIDR })
    await Promise.all(nodeNames(config).map((name) => startNodeProcess(paths, config, pki, name, options)))
  }
  const { client, dispose } = await adminClient(paths)
  try {
    options.progress(`waiting for ${config.nodes === 1 ? 'the node' : `${config.nodes} nodes`} to be Ready`)
    await waitUntilReady(
      client,
      { count: config.nodes, dns: config.runtime === 'containerd' },
      { signal: options.signal, progress() {} },
    )
  } finally {
    await dispose()
  }
  const userKubeconfig = kubeconfigPaths()[0]!
  await mergeIntoKubeconfig(userKubeconfig, await readKubeconfig(paths.kubeconfig))
  return { kubeconfig: paths.kubeconfig, userKubeconfig, config }
}

/** A client with the credentials of the data directory's kubeconfig. */
export async function adminClient(paths: Paths): Promise<{ readonly client: Client; dispose(): Promise<void> }> {
  const kubeconfig = await readKubeconfig(paths.kubeconfig)
  const transport = httpTransport(connectionOf(kubeconfig, { directory: paths.root }))
  return { client: createClient(transport), dispose: async () => transport[Symbol.asyncDispose]() }
}

async function startNodeProcess(paths: Paths, config: ClusterConfig, pki: Pki, name: string, options: UpOptions): Promise<void> {
  if ((await callControl(agentSocket(paths, name), 'status')) !== undefined) return
  options.progress(`starting node ${name}`)
  const node = await localNode(paths, config, pki, name)
  await startDaemon({
    prefix: await enterNodeNetwork(config, node),
    arguments: ['agent', '--data-dir', paths.root, '--node-name', node.name],
    logFile: join(paths.logs, `${name}.log`),
  })
}

/** The configuration of the first `up` stands; what would change it is refused. */
function prepareConfig(existing: ClusterConfig | undefined, options: UpOptions): ClusterConfig {
  if (existing !== undefined) {
    for (const key of ['nodes', 'store', 'apiPort'] as const) {
      const wanted = options[key]
      if (wanted !== undefined && wanted !== existing[key]) {
        throw new Error(
          `this cluster was made with ${key} ${existing[key]}, not ${wanted}; run 't8s reset --yes' first, or choose another --data-dir`,
        )
      }
    }
    return existing
  }
  const store = options.store ?? CONFIG_DEFAULTS.store
  checkStoreChoice({ store, etcd: options.etcd })
  const runtime = chooseRuntime(options)
  const ranges =
    runtime === 'containerd'
      ? chooseRanges()
      : { clusterCIDR: CONFIG_DEFAULTS.clusterCIDR, serviceCIDR: CONFIG_DEFAULTS.serviceCIDR }
  const nodes = options.nodes ?? CONFIG_DEFAULTS.nodes
  if (runtime === 'containerd' && nodes > MACHINE_NODES_MAX)
    throw new Error(`one machine holds at most ${MACHINE_NODES_MAX} nodes with containers; use fewer, or --runtime simulated`)
  const advertiseAddress = addressOfHost() ?? (runtime === 'simulated' ? '127.0.0.1' : undefined)
  if (advertiseAddress === undefined)
    throw new Error(
      'this machine has no network address besides loopback that pods could reach; give an interface an address, or use --runtime simulated',
    )
  return {
    ...CONFIG_DEFAULTS,
    id: Buffer.from(systemRandom.bytes(4)).toString('hex'),
    nodes,
    runtime,
    store,
    ...(options.etcd !== undefined && { etcd: options.etcd }),
    apiPort: options.apiPort ?? CONFIG_DEFAULTS.apiPort,
    advertiseAddress,
    ...ranges,
    clusterDNS: addressIn(ranges.serviceCIDR, 10),
    ...(runtime === 'containerd' && nodes > 1 && { nodeCIDR: chooseNodeRange() }),
  }
}

/** What the API server is told may change at any start of it. Throws a sentence when it runs already. */
async function withSaid(paths: Paths, config: ClusterConfig, { apiServer, checkFlags }: UpOptions): Promise<ClusterConfig> {
  const flags = flagsWith(config.apiServer, apiServer)
  if (deepEqual(flags, config.apiServer)) return config
  await checkFlags(flags ?? {})
  if ((await callControl(serverSocket(paths), 'status')) !== undefined)
    throw new Error("the control plane runs and was told otherwise; run 't8s down' first, then this again")
  return { ...config, apiServer: flags }
}

function chooseRuntime({ runtime = 'auto', progress }: UpOptions): ClusterConfig['runtime'] {
  const able = process.platform === 'linux' && process.getuid?.() === 0
  if (runtime === 'docker')
    throw new Error('the docker runtime is not supported yet; use --runtime containerd or --runtime simulated')
  if (runtime === 'containerd' && !able)
    throw new Error('containers need Linux and root; run as root, or use --runtime simulated')
  if (runtime !== 'auto') return runtime
  if (!able) progress('no root on Linux: the nodes will be simulated, the control plane is real')
  return able ? 'containerd' : 'simulated'
}
