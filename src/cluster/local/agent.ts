import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startDns } from '#addons'
import { nodes } from '#api'
import { type Clock, type Log, openLog, type Random, systemClock, systemRandom, TaskGroup } from '#base'
import { type Client, createClient, failoverTransport, httpTransport, Informers, retryTransport, type ServerList } from '#client'
import { CgroupFs, openCriRuntime, streamUpgrades } from '#kubelet'
import { NftablesBackend } from '#proxy'
import { followAuthority } from '../components/certificate-files.ts'
import { type ControlHandlers, serveControl } from '../control-socket.ts'
import type { ManagedCertificate } from '../join/managed-certificate.ts'
import { NodeCertificates, type NodeIdentity } from '../join/node-certificates.ts'
import { rotatingTransport } from '../join/rotating-transport.ts'
import { Containerd } from '../node/containerd.ts'
import { bridgeName, type PodNetwork, setUpPodNetwork } from '../node/network.ts'
import { PAUSE_IMAGE } from '../node/pause-image.ts'
import { keepPodRoutes } from '../node/pod-routes.ts'
import { type ClusterNode, startNode } from '../node.ts'
import type { KeyPair } from '../pki.ts'
import { createAuthority } from '../pki.ts'
import { keepServers, serversOf } from './known-servers.ts'
import type { NodeFile } from './node-file.ts'
import { agentSocket, type NodePaths, type Paths } from './paths.ts'

/** Of cluster DNS; any free one, since several nodes may share a machine. */
const ANY_PORT = 0
/** A node that hears nothing of its server goes on to another well before it is taken for dead itself. */
const PING_MS = 5_000

/** The process of one node with containers: containerd beside it, kubelet, proxy and cluster DNS inside it. */
export async function startAgent(paths: Paths, node: NodeFile, stop: () => void): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const [clock, random] = [systemClock, systemRandom]
  const { name, address } = node
  const place = paths.node(name)
  for (const directory of [place.runtime, place.kubelet, place.podLogs, paths.run, paths.logs])
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  const log = (await openLog({ level: 'info' })).child({ node: name })
  // First, so that it is the last to go: whoever waits for this process to end waits for its socket.
  const parts: Parts = {}
  stack.use(await serveControl(agentSocket(paths, name), handlers(parts, stop)))
  const cniDirectory = join(place.runtime, 'cni')
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
  const servers = serversOf(node)
  stack.use(servers.onChange(() => log.warn('Another server is used from now on', { server: servers.current })))
  const { certificates, clientAs } = identitiesOf(stack, node, place, { servers, clock, random, log })
  parts.certificates = certificates
  const kubeletClient = clientAs('kubelet')
  const proxyClient = clientAs('proxy')
  const serving = certificates.of('kubelet-server')
  const running = stack.use(
    await startNode({
      nodeName: name,
      nodeIPs: [address],
      runtime,
      proxyBackend: new NftablesBackend({
        log,
        table: `t8s-${node.clusterId}`,
        clusterCIDRs: [node.clusterCIDR],
        families: ['IPv4'],
      }),
      nodePortAddresses: node.nodePortAddresses,
      kubeletClient,
      proxyClient,
      rootDirectory: place.kubelet,
      podLogs: place.podLogs,
      clusterDNS: node.clusterDNS,
      clusterDomain: node.clusterDomain,
      sandboxImage: PAUSE_IMAGE,
      cgroups: new CgroupFs({ parent: `/t8s-${node.clusterId}/${name}` }),
      serve: {
        host: address,
        port: node.kubeletPort,
        tls: {
          ...(serving.current ?? (await placeholder(name, { clock, random }))),
          clientCA: readFileSync(join(place.pki, 'client-ca.crt'), 'utf8'),
        },
      },
      upgrades: streamUpgrades(runtime, { clock, log }),
      clock,
      random,
      log,
    }),
  )
  parts.node = running
  stack.use(serving.onChange((pair) => running.kubelet.replaceServingCertificate(pair)))
  if (serving.current !== undefined) running.kubelet.replaceServingCertificate(serving.current)
  stack.use(followAuthority(join(place.pki, 'client-ca.crt'), running.kubelet, log))
  const tasks = stack.use(new TaskGroup({ onError: (error) => log.error('The pod network was not set up', { error }) }))
  const network = { bridge: bridgeName(node.clusterId, name), cniDirectory, stateDirectory: place.runtime }
  tasks.spawn((signal) => networkWhenRanged(kubeletClient, name, network, signal))
  const routeSources = stack.use(new Informers({ client: proxyClient, clock, random, log }))
  keepServers(routeSources, servers, node, paths)
  const { clusterId, clusterCIDR } = node
  stack.use(keepPodRoutes({ nodes: routeSources.for(nodes), nodeName: name, address, clusterId, clusterCIDR, clock, log }))
  const dnsClient = clientAs('dns')
  const sources = stack.use(new Informers({ client: dnsClient, clock, random, log }))
  stack.use(
    await startDns({
      client: dnsClient,
      sources,
      clock,
      random,
      log: log.child({ component: 'dns' }),
      listen: { host: address, port: ANY_PORT },
      clusterDomain: node.clusterDomain,
      clusterIP: node.clusterDNS,
      advertiseIP: address,
      nodeName: name,
    }),
  )
  parts.hasDns = true
  return stack.move()
}

interface Parts {
  hasDns?: boolean
  containerd?: Containerd
  node?: ClusterNode
  certificates?: NodeCertificates
}

function handlers(parts: Parts, stop: () => void): ControlHandlers {
  return {
    status: async () => ({
      pid: process.pid,
      memory: process.memoryUsage().rss,
      parts: [
        { name: 'containerd', state: parts.containerd === undefined ? 'starting' : parts.containerd.pid ? 'running' : 'stopped' },
        ...['kubelet', 'kube-proxy'].map((name) => ({ name, state: parts.node === undefined ? 'starting' : 'running' })),
        { name: 'dns', state: parts.hasDns ? 'running' : 'starting' },
      ],
    }),
    load: async (parameters) => parts.containerd?.importImage((parameters as { file: string }).file) ?? [],
    renew: async () => parts.certificates?.renewAll() ?? [],
    stop: async () => {
      await parts.node?.kubelet.stopPods()
      await parts.containerd?.stop()
      stop()
    },
  }
}

/** Certificates that keep themselves current, and clients of the API server that live by them. */
function identitiesOf(
  stack: AsyncDisposableStack,
  node: NodeFile,
  place: NodePaths,
  {
    servers,
    ...dependencies
  }: { readonly servers: ServerList; readonly clock: Clock; readonly random: Random; readonly log: Log },
): { readonly certificates: NodeCertificates; clientAs(identity: Exclude<NodeIdentity, 'kubelet-server'>): Client } {
  const ca = readFileSync(join(place.pki, 'ca.crt'), 'utf8')
  const clients = new Map<string, Client>()
  const clientBy = (identity: string, certificate: ManagedCertificate): Client => {
    const known = clients.get(identity)
    if (known !== undefined) return known
    const options = { server: node.server, ca, userAgent: `t8s-${identity}` }
    const transport = rotatingTransport(certificate, options, (each) =>
      failoverTransport(servers, (server) => httpTransport({ ...each, server, pingMs: PING_MS })),
    )
    const client = createClient(retryTransport(stack.use(transport), dependencies.clock), { fieldManager: identity })
    clients.set(identity, client)
    return client
  }
  const certificates: NodeCertificates = stack.use(
    new NodeCertificates({
      ...dependencies,
      directory: place.pki,
      nodeName: node.name,
      address: node.address,
      client: () => clientBy('kubelet', certificates.of('kubelet')),
    }),
  )
  certificates.start()
  return { certificates, clientAs: (identity) => clientBy(identity, certificates.of(identity)) }
}

/** Something to serve with until the cluster has issued what is trusted; nobody accepts it, and the API server asks again. */
async function placeholder(name: string, dependencies: { readonly clock: Clock; readonly random: Random }): Promise<KeyPair> {
  const authority = await createAuthority(`${name}-placeholder`, dependencies)
  return { certificate: authority.certificate, key: authority.key }
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
