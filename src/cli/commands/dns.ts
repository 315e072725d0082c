import type { CommandDefinition } from '../command.ts'
import { address, hostPort, type LogOptions, list, logLevelOf, withLogOptions } from '../component-options.ts'

type HostPort = ReturnType<ReturnType<typeof hostPort>>

interface Options extends LogOptions {
  readonly kubeconfig: string
  readonly listen: HostPort
  readonly clusterDomain: string
  readonly clusterIp: string
  readonly upstreams?: readonly string[]
  readonly advertiseAddress?: string
  readonly observe?: HostPort
  readonly nodeName?: string
}

export const dns: CommandDefinition = {
  register(program) {
    const command = program
      .command('dns')
      .description('run cluster DNS in the foreground')
      .requiredOption('--kubeconfig <file>', 'the cluster and the credentials')
      .requiredOption('--cluster-ip <address>', 'the address that pods have in their resolv.conf', address('--cluster-ip'))
      .option('--listen <address>', 'where questions are answered, by UDP and TCP', hostPort('--listen'), {
        host: '0.0.0.0',
        port: 53,
      })
      .option('--cluster-domain <domain>', "of the cluster's names", 'cluster.local')
      .option('--upstreams <servers>', "name servers for everything else; by default this machine's", list)
      .option(
        '--advertise-address <address>',
        'publishes this server behind the Service kube-dns',
        address('--advertise-address'),
      )
      .option('--node-name <name>', 'the node whose pods ask here')
      .option('--observe <address>', 'where /health, /ready and /metrics answer', hostPort('--observe'))
    withLogOptions(command).action(async (options: Options) => {
      const { componentContext, runProcess, startDnsProcess } = await import('#cluster')
      const { kubeconfig, listen, observe, clusterDomain, clusterIp: clusterIP, upstreams, nodeName } = options
      const advertiseIP = options.advertiseAddress
      const settings = { kubeconfig, listen, observe, clusterDomain, clusterIP, upstreams, advertiseIP, nodeName }
      await runProcess(async (stop) => startDnsProcess(settings, await componentContext('dns', logLevelOf(options), stop)))
    })
  },
}
