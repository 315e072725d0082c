import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { startDns } from '#addons'
import { nodes } from '#api'
import { openLog, systemClock, systemRandom, TaskGroup } from '#base'
import { type Client, createClient, httpTransport, Informers } from '#client'
import { CgroupFs, openCriRuntime, streamUpgrades } from '#kubelet'
import { NftablesBackend } from '#proxy'
import { type ControlHandlers, serveControl } from '../control-socket.ts'
import { Containerd } from '../node/containerd.ts'
import { bridgeName, type PodNetwork, setUpPodNetwork } from '../node/network.ts'
import { type ClusterNode, startNode } from '../node.ts'
import { readPair } from '../pki-directory.ts'
import type { ClusterConfig } from './config.ts'
import { agentSocket, type Paths } from './paths.ts'

/** Of the kubelet's HTTPS port and DNS; any free one, since several nodes may share a machine. */
const ANY_PORT = 0

/** The process of one node with containers: containerd beside it, kubelet, proxy and cluster DNS inside it. */
export async function startAgent(paths: Paths, config: ClusterConfig, name: string, stop: () => void): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const [clock, random] = [systemClock, systemRandom]
  const place = paths.node(name)
  for (const directory of [place.runtime, place.kubelet, place.podLogs, paths.run])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  const log = (await openLog({ level: 'info' })).child({ node: name })
  // First, so that it is the last to go: whoever waits for this process to end waits for its socket.
  const parts: { containerd?: Containerd; node?: ClusterNode } = {}
  stack.use(await serveControl(agentSocket(paths, name), handlers(parts, stop)))
  const cniDirectory = join(place.runtime, 'cni')
  const address = config.advertiseAddress
  const containerd = stack.use(
    await Containerd.start({
      directory: place.runtime,
      cniConfigDirectory: cniDirectory,
      logFile: join(paths.logs, `containerd-${name}.log`),
      clock,
      log,
    }),
  )
  parts.containerd = containerd
  const runtime = stack.use(await openCriRuntime({ endpoint: containerd.endpoint, clock, log }))
  const clientAs = (pair: string): Client => connect(stack, paths, config, join(place.pki), pair)
  const serving = readPair(place.pki, 'kubelet-server')
  const clientCA = readPair(paths.pki, 'client-ca').certificate
  const node = stack.use(
    await startNode({
      nodeName: name,
      nodeIPs: [address],
      runtime,
      proxyBackend: new NftablesBackend({
        log,
        table: `t8s-${config.id}`,
        clusterCIDRs: [config.clusterCIDR],
        families: ['IPv4'],
      }),
      kubeletClient: clientAs('kubelet'),
      proxyClient: clientAs('proxy'),
      rootDirectory: place.kubelet,
      podLogs: place.podLogs,
      clusterDNS: config.clusterDNS,
      clusterDomain: config.clusterDomain,
      cgroups: new CgroupFs({ parent: `/t8s-${config.id}/${name}` }),
      serve: { host: address, port: ANY_PORT, tls: { certificate: serving.certificate, key: serving.key, clientCA } },
      upgrades: streamUpgrades(runtime, { clock, log }),
      clock,
      random,
      log,
    }),
  )
  parts.node = node
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('The pod network was not set up', { error }) }))
  const network = { bridge: bridgeName(config.id, name), cniDirectory, stateDirectory: place.runtime }
  tasks.spawn((signal) => networkWhenRanged(clientAs('kubelet'), name, network, signal))
  const dnsClient = clientAs('dns')
  const sources = stack.use(new Informers({ client: dnsClient, clock, random, log }))
  const { clusterDomain, clusterDNS: clusterIP } = config
  const listen = { host: address, port: ANY_PORT }
  stack.use(
    await startDns({
      client: dnsClient,
      sources,
      clock,
      random,
      log: log.child({ component: 'dns' }),
      listen,
      clusterDomain,
      clusterIP,
      advertiseIP: address,
      nodeName: name,
    }),
  )
  return stack.move()
}

function handlers(parts: { containerd?: Containerd; node?: ClusterNode }, stop: () => void): ControlHandlers {
  return {
    status: async () => ({ pid: process.pid, memory: process.memoryUsage().rss }),
    load: async (parameters) => parts.containerd?.importImage((parameters as { file: string }).file) ?? [],
    stop: async () => {
      await parts.node?.kubelet.stopPods()
      await parts.containerd?.stop()
      stop()
    },
  }
}

/** A client of this cluster's API server with one of the node's certificates. */
function connect(stack: AsyncDisposableStack, paths: Paths, config: ClusterConfig, directory: string, pair: string): Client {
  const { certificate, key } = readPair(directory, pair)
  const server = `https://${config.advertiseAddress}:${config.apiPort}`
  const ca = readPair(paths.pki, 'server-ca').certificate
  return createClient(stack.use(httpTransport({ server, ca, certificate, key, userAgent: `t8s-${pair}` })), {
    fieldManager: pair,
  })
}

/** The node's pods get their network once the node IPAM controller has given the node its range; until then the node is not Ready. */
async function networkWhenRanged(
  client: Client,
  name: string,
  network: Omit<PodNetwork, 'podCIDR'>,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const node = await client.get(nodes, name, { signal })
    if (node.spec?.podCIDR) return setUpPodNetwork({ ...network, podCIDR: node.spec.podCIDR })
    const since = node.metadata?.resourceVersion
    for await (const event of client.watch(nodes, { fieldSelector: `metadata.name=${name}`, resourceVersion: since, signal })) {
      const podCIDR = event.type === 'BOOKMARK' ? undefined : event.object.spec?.podCIDR
      if (podCIDR) return setUpPodNetwork({ ...network, podCIDR })
    }
  }
}
