import { hostname } from 'node:os'
import { resolve } from 'node:path'
import { systemClock } from '#base'
import { keptApiServerSettings, saidApiServerFlags, withKeptApiServerOptions } from '../api-server-options.ts'
import { type CommandDefinition, UsageError } from '../command.ts'
import { address, cidr, duration, list } from '../component-options.ts'
import { type EtcdOptions, etcdAccessOf, withEtcdOptions } from '../etcd-options.ts'
import { DATA_DIRECTORY, wholeNumber } from '../options.ts'

interface Options extends EtcdOptions {
  readonly dataDir: string
  readonly clusterInit?: boolean
  readonly join?: string
  readonly token?: string
  readonly caCertHash?: string
  readonly store?: string
  readonly name: string
  readonly advertiseAddress?: string
  readonly apiPort: number
  readonly etcdClientPort: number
  readonly etcdPeerPort: number
  readonly clusterCidr?: string
  readonly serviceCidr?: string
  readonly tlsSan?: readonly string[]
  readonly simulatedNodes: number
  readonly snapshotInterval?: number
  readonly snapshotSchedule?: string
  readonly snapshotRetention?: number
  readonly snapshotDir?: string
  readonly install: boolean
}

/** 0 has no unit. */
const interval = (text: string): number => (text === '0' ? 0 : duration('--snapshot-interval')(text))

const port = (name: string) => wholeNumber(name, 1, 65_535)

export const server: CommandDefinition = {
  register(program) {
    const command = program
      .command('server')
      .description("run a cluster's control plane in the foreground; begins a cluster or joins one first")
      .option('--cluster-init', 'begin a cluster whose etcd has its first member on this machine')
      .option('--join <url>', 'https://host:port of a server; become another of the same cluster')
      .option('--token <token>', "of 't8s token create --control-plane'; needed once, with --join")
      .option('--ca-cert-hash <hash>', "sha256:… of the cluster's authority, so that no other is believed")
      .option('--store <store>', 'begin a cluster over embedded, or etcd=URL,URL')
      .option('--name <name>', 'of this server among the members of etcd', hostname())
      .option('--advertise-address <address>', 'where others reach this server', address('--advertise-address'))
      .option('--api-port <port>', 'where the API is served', port('--api-port'), 6443)
      .option('--etcd-client-port <port>', 'of the etcd member, for API servers', port('--etcd-client-port'), 2379)
      .option('--etcd-peer-port <port>', 'of the etcd member, for the others', port('--etcd-peer-port'), 2380)
      .option('--cluster-cidr <range>', 'addresses of pods', cidr('--cluster-cidr'))
      .option('--service-cidr <range>', 'addresses of Services', cidr('--service-cidr'))
      .option('--tls-san <names>', 'further names and addresses that clients dial, by commas', list)
      .option(
        '--simulated-nodes <count>',
        'nodes without containers that one server plays',
        wholeNumber('--simulated-nodes', 0, 1000),
        0,
      )
      .option(
        '--snapshot-interval <duration>',
        'between snapshots; 0: none; by default 12h with --cluster-init and --join',
        interval,
      )
      .option('--snapshot-schedule <cron>', "when snapshots are taken, as a CronJob's schedule, in UTC; instead of an interval")
      .option('--snapshot-retention <count>', 'how many are kept; by default 5', wholeNumber('--snapshot-retention', 1, 1000))
      .option('--snapshot-dir <directory>', 'where they are kept; by default snapshots in the data directory')
      .option(...DATA_DIRECTORY)
      .option('--no-install', 'do not install missing packages')
    withKeptApiServerOptions(withEtcdOptions(command)).action(async (options: Options) => {
      await checkSchedule(options)
      const { preparedServer, runProcess, startServer } = await import('#cluster')
      await runProcess(async (stop) => {
        const { paths, config } = await preparedServer({
          ...options,
          dataDirectory: options.dataDir,
          clusterInit: options.clusterInit ?? false,
          caHash: options.caCertHash,
          etcd: etcdAccessOf(options),
          clusterCIDR: options.clusterCidr,
          serviceCIDR: options.serviceCidr,
          tlsSans: options.tlsSan ?? [],
          snapshots: {
            ...(options.snapshotInterval !== undefined && { intervalMs: options.snapshotInterval }),
            ...(options.snapshotSchedule !== undefined && { schedule: options.snapshotSchedule }),
            ...(options.snapshotRetention !== undefined && { retention: options.snapshotRetention }),
            ...(options.snapshotDir !== undefined && { directory: resolve(options.snapshotDir) }),
          },
          apiServer: saidApiServerFlags(command),
          checkFlags: keptApiServerSettings,
          signal: new AbortController().signal,
          progress: (step) => void process.stderr.write(`t8s: ${step}\n`),
        })
        const settings = await keptApiServerSettings(config.apiServer ?? {})
        const running = await startServer(paths, config, settings, stop)
        process.stdout.write(`The server runs: https://${config.advertiseAddress}:${config.apiPort}\n`)
        return running
      })
    })
  },
}

async function checkSchedule({ snapshotSchedule, snapshotInterval }: Options): Promise<void> {
  if (snapshotSchedule === undefined) return
  if (snapshotInterval !== undefined)
    throw new UsageError('--snapshot-schedule and --snapshot-interval both say when; give one of them')
  const { snapshotDueAfter } = await import('#cluster')
  try {
    snapshotDueAfter({ schedule: snapshotSchedule, intervalMs: 0 }, systemClock.now())
  } catch (error) {
    throw new UsageError(`--snapshot-schedule: ${(error as Error).message}`)
  }
}
