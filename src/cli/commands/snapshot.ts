import { hostname } from 'node:os'
import { type CommandDefinition, UsageError } from '../command.ts'
import { address } from '../component-options.ts'
import { DATA_DIRECTORY, oneOf, wholeNumber } from '../options.ts'

interface RestoreOptions {
  readonly dataDir: string
  readonly store?: 'embedded'
  readonly clusterInit?: boolean
  readonly name: string
  readonly advertiseAddress?: string
  readonly etcdClientPort: number
  readonly etcdPeerPort: number
  readonly install: boolean
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
const port = (name: string) => wholeNumber(name, 1, 65_535)

export const snapshot: CommandDefinition = {
  register(program) {
    const group = program.command('snapshot').description('back a cluster up, and make one from a backup')
    group
      .command('save')
      .description('save the running cluster to a file that is private: it holds its keys')
      .argument('<file>')
      .option(...DATA_DIRECTORY)
      .action(async (file: string, { dataDir }: { dataDir: string }) => {
        const { saveSnapshot } = await import('#cluster')
        const { revision, bytes } = await saveSnapshot(dataDir, file)
        process.stdout.write(`saved revision ${revision} to ${file} (${megabytes(bytes)})\n`)
      })
    group
      .command('restore')
      .description('make a new data directory from a file, over the store it had or another')
      .argument('<file>')
      .option(...DATA_DIRECTORY)
      .option('--store <store>', 'embedded', oneOf('--store', ['embedded'] as const))
      .option('--cluster-init', 'an etcd whose first member is on this machine; others join it')
      .option('--name <name>', 'of that member', hostname())
      .option('--advertise-address <address>', 'where others reach this server', address('--advertise-address'))
      .option('--etcd-client-port <port>', 'of the etcd member, for API servers', port('--etcd-client-port'), 2379)
      .option('--etcd-peer-port <port>', 'of the etcd member, for the others', port('--etcd-peer-port'), 2380)
      .option('--no-install', 'do not install missing packages')
      .action(async (file: string, options: RestoreOptions) => {
        if (options.clusterInit && options.store !== undefined)
          throw new UsageError('--cluster-init and --store are different stores; give one of them')
        const { restoreSnapshot } = await import('#cluster')
        const { dataDir } = options
        const { revision, takenAt, store } = await restoreSnapshot(dataDir, file, {
          ...options,
          store: options.clusterInit ? 'etcd' : options.store,
          progress: (step) => void process.stderr.write(`t8s: ${step}\n`),
        })
        process.stdout.write(
          `restored revision ${revision} of ${takenAt} into ${dataDir} (${store}); start it with 't8s up --data-dir ${dataDir}'\n`,
        )
      })
    group
      .command('status')
      .description('check a file, and say what is in it')
      .argument('<file>')
      .option('-o, --output <format>', 'json', oneOf('--output', ['json'] as const))
      .action(async (file: string, { output }: { output?: 'json' }) => {
        const { snapshotStatus } = await import('#cluster')
        const found = await snapshotStatus(file)
        if (output === 'json') {
          process.stdout.write(`${JSON.stringify(found, null, 2)}\n`)
          return
        }
        const { backend, takenAt, revision, keys, bytes, hash } = found
        const sum = hash === undefined ? '' : `, hash ${hash.toString(16)}`
        process.stdout.write(
          `${backend}, revision ${revision} of ${takenAt}: ${keys} keys, ${megabytes(bytes)}${sum}; it is whole\n`,
        )
      })
  },
}
