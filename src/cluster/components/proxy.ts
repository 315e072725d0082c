import { Informers } from '#client'
import { NftablesBackend, startProxy } from '#proxy'
import type { ComponentContext } from './component.ts'
import { connectBy } from './connection.ts'

export interface ProxyProcessOptions {
  readonly kubeconfig: string
  readonly nodeName: string
  readonly clusterCIDRs: readonly string[]
  readonly families: readonly ('IPv4' | 'IPv6')[]
  readonly nodePortAddresses: readonly string[] | undefined
  readonly healthz: { readonly host: string; readonly port: number } | undefined
  readonly minSyncPeriodMs: number | undefined
}

/** A service proxy alone in its process, writing the nftables of its network namespace. */
export async function startProxyProcess(options: ProxyProcessOptions, context: ComponentContext): Promise<AsyncDisposable> {
  const { clock, random, log } = context
  await using stack = new AsyncDisposableStack()
  const { client } = stack.use(await connectBy(options.kubeconfig, 'kube-proxy', { clock, log }))
  const sources = stack.use(new Informers({ client, clock, random, log }))
  const { nodeName, clusterCIDRs, families, nodePortAddresses, healthz, minSyncPeriodMs } = options
  const backend = new NftablesBackend({ log, clusterCIDRs, families })
  stack.use(
    await startProxy({
      sources,
      nodeName,
      backend,
      clock,
      log,
      nodePortAddresses,
      healthz,
      ...(minSyncPeriodMs !== undefined && { minSyncPeriodMs }),
    }),
  )
  log.info('The proxy runs', {})
  return stack.move()
}
