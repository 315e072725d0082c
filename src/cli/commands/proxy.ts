import type { CommandDefinition } from '../command.ts'
import { cidrs, duration, hostPort, type LogOptions, logLevelOf, withLogOptions } from '../component-options.ts'
import { oneOf } from '../options.ts'

interface Options extends LogOptions {
  readonly kubeconfig: string
  readonly hostnameOverride?: string
  readonly clusterCidr?: readonly string[]
  readonly nodeportAddresses?: readonly string[]
  readonly healthzBindAddress: { readonly host: string; readonly port: number }
  readonly nftablesMinSyncPeriod?: number
}

export const proxy: CommandDefinition = {
  register(program) {
    const command = program
      .command('proxy')
      .description("run a node's service proxy in the foreground")
      .requiredOption('--kubeconfig <file>', 'the cluster and the credentials')
      .option('--hostname-override <name>', "the node's name; by default this host's")
      .option('--proxy-mode <mode>', 'nftables', oneOf('--proxy-mode', ['nftables'] as const), 'nftables')
      .option('--cluster-cidr <ranges>', 'pod addresses; what leaves them is masqueraded', cidrs('--cluster-cidr'))
      .option(
        '--nodeport-addresses <ranges>',
        "where NodePorts answer; by default the node's own address",
        cidrs('--nodeport-addresses'),
      )
      .option('--healthz-bind-address <address>', 'where /healthz answers; port 0: nowhere', hostPort('--healthz-bind-address'), {
        host: '0.0.0.0',
        port: 10_256,
      })
      .option('--nftables-min-sync-period <duration>', 'between two changes of the rules', duration('--nftables-min-sync-period'))
    withLogOptions(command).action(async (options: Options) => {
      const { addressesIn, componentContext, defaultNodeName, runProcess, startProxyProcess } = await import('#cluster')
      const clusterCIDRs = options.clusterCidr ?? []
      const settings = {
        kubeconfig: options.kubeconfig,
        nodeName: options.hostnameOverride ?? defaultNodeName(),
        clusterCIDRs,
        families: clusterCIDRs.some((each) => each.includes(':')) ? (['IPv4', 'IPv6'] as const) : (['IPv4'] as const),
        nodePortAddresses: options.nodeportAddresses && addressesIn(options.nodeportAddresses),
        healthz: options.healthzBindAddress.port === 0 ? undefined : options.healthzBindAddress,
        minSyncPeriodMs: options.nftablesMinSyncPeriod,
      }
      await runProcess(async (stop) => startProxyProcess(settings, await componentContext('proxy', logLevelOf(options), stop)))
    })
  },
}
