import { keptApiServerSettings, saidApiServerFlags, withKeptApiServerOptions } from '../api-server-options.ts'
import type { CommandDefinition } from '../command.ts'
import { type EtcdOptions, etcdAccessOf, withEtcdOptions } from '../etcd-options.ts'
import { DATA_DIRECTORY, oneOf, wholeNumber } from '../options.ts'

interface Options extends EtcdOptions {
  readonly dataDir: string
  readonly nodes?: number
  readonly runtime?: 'auto' | 'containerd' | 'docker' | 'simulated'
  readonly store?: string
  readonly apiPort?: number
  readonly install: boolean
}

export const up: CommandDefinition = {
  register(program) {
    const command = program
      .command('up')
      .description('start a cluster in the background and wait until it is ready')
      .option('--nodes <count>', 'how many nodes', wholeNumber('--nodes', 1, 1000))
      .option(
        '--runtime <name>',
        'auto, containerd or simulated',
        oneOf('--runtime', ['auto', 'containerd', 'docker', 'simulated'] as const),
      )
      .option('--store <store>', 'embedded (default), or etcd=URL,URL')
      .option(...DATA_DIRECTORY)
      .option('--api-port <port>', 'where the API is served', wholeNumber('--api-port', 1, 65_535))
      .option('--no-install', 'do not install missing packages')
    withKeptApiServerOptions(withEtcdOptions(command)).action(async (options: Options) => {
      const { up: start } = await import('#cluster')
      const progress = (step: string): void => void process.stderr.write(`t8s: ${step}\n`)
      const signal = new AbortController().signal
      const { kubeconfig, userKubeconfig, config } = await start({
        ...options,
        dataDirectory: options.dataDir,
        etcd: etcdAccessOf(options),
        apiServer: saidApiServerFlags(command),
        checkFlags: keptApiServerSettings,
        signal,
        progress,
      })
      const nodes = config.nodes === 1 ? '1 node is' : `${config.nodes} nodes are`
      process.stdout.write(
        `The cluster is up: ${nodes} Ready (${config.runtime}).\n  kubectl --context t8s get nodes     context added to ${userKubeconfig}\n  export KUBECONFIG=${kubeconfig}\n`,
      )
    })
  },
}
