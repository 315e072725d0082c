import { join } from 'node:path'
import { type CommandDefinition, UsageError } from '../command.ts'
import {
  address,
  addresses,
  type LogOptions,
  list,
  logLevelOf,
  readFlagFile,
  readFlagPair,
  withLogOptions,
} from '../component-options.ts'
import { wholeNumber } from '../options.ts'

interface Options extends LogOptions {
  readonly kubeconfig: string
  readonly hostnameOverride?: string
  readonly nodeIp?: readonly string[]
  readonly nodeLabels: Readonly<Record<string, string>>
  readonly containerRuntimeEndpoint: string
  readonly rootDir: string
  readonly podLogsDir: string
  readonly podManifestPath?: string
  readonly cgroupRoot: string
  readonly clusterDns?: readonly string[]
  readonly clusterDomain: string
  readonly resolvConf: string
  readonly address: string
  readonly port: number
  readonly tlsCertFile?: string
  readonly tlsPrivateKeyFile?: string
  readonly clientCaFile?: string
}

export const kubelet: CommandDefinition = {
  register(program) {
    const command = program
      .command('kubelet')
      .description("run a node's kubelet in the foreground")
      .requiredOption('--kubeconfig <file>', 'the cluster and the credentials')
      .option('--hostname-override <name>', "the node's name; by default this host's")
      .option('--node-ip <addresses>', "the node's addresses", addresses('--node-ip'))
      .option('--node-labels <labels>', 'key=value pairs by commas', labels, {})
      .option(
        '--container-runtime-endpoint <endpoint>',
        "CRI socket; 'simulated:' runs no containers",
        'unix:///run/containerd/containerd.sock',
      )
      .option('--root-dir <directory>', 'where pods keep their files', '/var/lib/kubelet')
      .option('--pod-logs-dir <directory>', "of containers' logs", '/var/log/pods')
      .option('--pod-manifest-path <directory>', 'of manifests of static pods; none by default')
      .option('--cgroup-root <group>', 'above the control groups of pods', '/')
      .option('--cluster-dns <addresses>', 'name server of pods', addresses('--cluster-dns'))
      .option('--cluster-domain <domain>', "of the cluster's names", 'cluster.local')
      .option('--resolv-conf <file>', "the node's own", '/etc/resolv.conf')
      .option('--address <address>', 'where the kubelet serves', address('--address'), '0.0.0.0')
      .option('--port <port>', 'where the kubelet serves; 0: any free port', wholeNumber('--port', 0, 65_535), 10_250)
      .option('--tls-cert-file <file>', 'serving certificate; one is made when there is none')
      .option('--tls-private-key-file <file>', 'its key')
      .option('--client-ca-file <file>', 'authority of clients; without it the kubelet serves nobody')
    withLogOptions(command).action(async (options: Options) => {
      const { addressOfHost, componentContext, defaultNodeName, runProcess, startKubeletProcess } = await import('#cluster')
      const { kubeconfig, clusterDomain, resolvConf } = options
      const nodeIPs = options.nodeIp ?? list(addressOfHost() ?? '', undefined)
      if (nodeIPs.length === 0) throw new UsageError('this machine has no address besides loopback; name one with --node-ip')
      const settings = {
        kubeconfig,
        clusterDomain,
        resolvConf,
        nodeName: options.hostnameOverride ?? defaultNodeName(),
        nodeIPs,
        labels: options.nodeLabels,
        runtimeEndpoint: options.containerRuntimeEndpoint,
        rootDirectory: options.rootDir,
        podLogs: options.podLogsDir,
        staticPodPath: options.podManifestPath,
        cgroupParent: join(options.cgroupRoot, 'kubepods'),
        clusterDNS: options.clusterDns?.[0] ?? '',
        listen: { host: options.address, port: options.port },
        serving: readFlagPair(['--tls-cert-file', options.tlsCertFile], ['--tls-private-key-file', options.tlsPrivateKeyFile]),
        clientCA: options.clientCaFile === undefined ? undefined : readFlagFile('--client-ca-file', options.clientCaFile),
        files: {
          serving:
            options.tlsCertFile === undefined || options.tlsPrivateKeyFile === undefined
              ? undefined
              : { certificate: options.tlsCertFile, key: options.tlsPrivateKeyFile },
          clientCA: options.clientCaFile,
        },
      }
      await runProcess(async (stop) =>
        startKubeletProcess(settings, await componentContext('kubelet', logLevelOf(options), stop)),
      )
    })
  },
}

function labels(text: string): Record<string, string> {
  const pairs = list(text, undefined).map((pair) => {
    const at = pair.indexOf('=')
    if (at < 1) throw new UsageError(`--node-labels takes key=value pairs by commas, not '${text}'`)
    return [pair.slice(0, at), pair.slice(at + 1)] as const
  })
  return Object.fromEntries(pairs)
}
