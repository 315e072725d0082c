import { gitVersion } from '#apiserver'
import type { Clock, Log, Random } from '#base'
import { type Client, Informers } from '#client'
import { type Kubelet, type KubeletOptions, startKubelet } from '#kubelet'
import { type ProxyBackend, startProxy } from '#proxy'

export interface NodeOptions extends Omit<KubeletOptions, 'client' | 'version'> {
  /** Speaks as `system:node:NAME`. */
  readonly kubeletClient: Client
  /** Speaks as `system:kube-proxy`. */
  readonly proxyClient: Client
  readonly proxyBackend: ProxyBackend
  /** Where NodePorts answer; by default on the node's own addresses. */
  readonly nodePortAddresses?: readonly string[] | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface ClusterNode extends AsyncDisposable {
  readonly name: string
  readonly kubelet: Kubelet
}

/** A kubelet and a proxy, each under its own identity. */
export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { kubeletClient, proxyClient, proxyBackend, nodePortAddresses, clock, random, log, nodeName } = options
  await using stack = new AsyncDisposableStack()
  const kubelet = stack.use(
    await startKubelet({
      ...options,
      client: kubeletClient,
      version: gitVersion(),
      log: log.child({ component: 'kubelet', node: nodeName }),
    }),
  )
  const proxyLog = log.child({ component: 'proxy', node: nodeName })
  const sources = stack.use(new Informers({ client: proxyClient, clock, random, log: proxyLog }))
  stack.use(await startProxy({ sources, nodeName, backend: proxyBackend, nodePortAddresses, clock, log: proxyLog }))
  const owned = stack.move()
  return { name: nodeName, kubelet, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
