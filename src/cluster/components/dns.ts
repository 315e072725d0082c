import { startDns } from '#addons'
import { Informers } from '#client'
import type { ComponentContext } from './component.ts'
import { connectBy } from './connection.ts'

export interface DnsProcessOptions {
  readonly kubeconfig: string
  readonly listen: { readonly host: string; readonly port: number }
  readonly observe: { readonly host: string; readonly port: number } | undefined
  readonly clusterDomain: string
  readonly clusterIP: string
  readonly upstreams: readonly string[] | undefined
  readonly advertiseIP: string | undefined
  readonly nodeName: string | undefined
}

/** Cluster DNS alone in its process. */
export async function startDnsProcess(options: DnsProcessOptions, context: ComponentContext): Promise<AsyncDisposable> {
  const { clock, random, log } = context
  await using stack = new AsyncDisposableStack()
  const { kubeconfig, ...rest } = options
  const { client } = stack.use(await connectBy(kubeconfig, 'dns', { clock, log }))
  const sources = stack.use(new Informers({ client, clock, random, log }))
  const dns = stack.use(await startDns({ ...rest, client, sources, clock, random, log }))
  log.info('DNS answers', { host: options.listen.host, port: dns.port })
  return stack.move()
}
