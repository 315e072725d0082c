import type { CommandDefinition } from '../command.ts'
import { address } from '../component-options.ts'
import { DATA_DIRECTORY, wholeNumber } from '../options.ts'

interface Options {
  readonly dataDir: string
  readonly nodeName?: string
  readonly server?: string
  readonly token?: string
  readonly caCertHash?: string
  readonly nodeIp?: string
  readonly kubeletPort: number
  readonly install: boolean
}

export const agent: CommandDefinition = {
  register(program) {
    program
      .command('agent')
      .description('run a node in the foreground; joins it to a cluster first')
      .option('--server <url>', 'https://host:port of the control plane')
      .option('--token <token>', 'of the control plane; needed once')
      .option('--ca-cert-hash <hash>', "sha256:… of the control plane's authority, so that no other is believed")
      .option('--node-name <name>', "the node's name; by default this host's")
      .option('--node-ip <address>', "the node's address; by default the one towards the control plane", address('--node-ip'))
      .option('--kubelet-port <port>', 'where the kubelet serves', wholeNumber('--kubelet-port', 0, 65_535), 10_250)
      .option(...DATA_DIRECTORY)
      .option('--no-install', 'do not install missing packages')
      .action(async (options: Options) => {
        const { defaultNodeName, joinedNode, runProcess, startAgent } = await import('#cluster')
        await runProcess(async (stop) => {
          const { paths, node } = await joinedNode({
            dataDirectory: options.dataDir,
            nodeName: options.nodeName ?? defaultNodeName(),
            server: options.server,
            token: options.token,
            caHash: options.caCertHash,
            nodeIP: options.nodeIp,
            kubeletPort: options.kubeletPort,
            install: options.install,
            signal: new AbortController().signal,
            progress: (step) => void process.stderr.write(`t8s: ${step}\n`),
          })
          const running = await startAgent(paths, node, stop)
          process.stdout.write(`The node runs: ${node.name}, of the cluster at ${node.server}.\n`)
          return running
        })
      })
  },
}
