import { hostname } from 'node:os'
import { join } from 'node:path'
import { type ApiServerOptions, apiServerSettingsOf, withApiServerOptions } from '../api-server-options.ts'
import { type CommandDefinition, UsageError } from '../command.ts'
import {
  address,
  checked,
  type LogOptions,
  list,
  logLevelOf,
  readFlagFile,
  readFlagPair,
  withLogOptions,
} from '../component-options.ts'
import { type EtcdOptions, etcdAccessOf, withEtcdOptions } from '../etcd-options.ts'
import { wholeNumber } from '../options.ts'

interface Options extends LogOptions, EtcdOptions, ApiServerOptions {
  readonly securePort: number
  readonly bindAddress: string
  readonly advertiseAddress?: string
  readonly tlsCertFile?: string
  readonly tlsPrivateKeyFile?: string
  readonly certDir: string
  readonly clientCaFile: string
  readonly requestheaderClientCaFile?: string
  readonly proxyClientCertFile?: string
  readonly proxyClientKeyFile?: string
  readonly serviceAccountSigningKeyFile: string
  readonly serviceClusterIpRange: string
  readonly serviceNodePortRange: { readonly from: number; readonly to: number }
  readonly kubeletClientCertificate?: string
  readonly kubeletClientKey?: string
  readonly kubeletCertificateAuthority?: string
  readonly etcdServers?: readonly string[]
  readonly dataDir: string
}

export const apiserver: CommandDefinition = {
  register(program) {
    const command = program
      .command('apiserver')
      .description('run an API server in the foreground')
      .requiredOption('--service-account-signing-key-file <file>', 'private key that signs service account tokens')
      .requiredOption('--client-ca-file <file>', 'authority of client certificates')
      .option('--requestheader-client-ca-file <file>', "authority of the front proxy's certificate")
      .option('--proxy-client-cert-file <file>', 'how extension API servers know this server')
      .option('--proxy-client-key-file <file>', 'its key')
      .option('--secure-port <port>', 'where HTTPS is served', wholeNumber('--secure-port', 1, 65_535), 6443)
      .option('--bind-address <address>', 'where to listen', address('--bind-address'), '0.0.0.0')
      .option('--advertise-address <address>', 'where others reach this server', address('--advertise-address'))
      .option('--tls-cert-file <file>', 'serving certificate; one is made when there is none')
      .option('--tls-private-key-file <file>', 'its key')
      .option('--cert-dir <directory>', 'where a serving certificate that was made is kept')
      .option(
        '--service-cluster-ip-range <ranges>',
        'addresses of Services: a range, or one of each family by a comma, the first of the default family',
        '10.0.0.0/24',
      )
      .option('--service-node-port-range <range>', 'ports of Services on nodes', portRange, { from: 30_000, to: 32_767 })
      .option('--kubelet-client-certificate <file>', 'how kubelets know this server')
      .option('--kubelet-client-key <file>', 'its key')
      .option('--kubelet-certificate-authority <file>', "authority of kubelets' serving certificates")
      .option('--etcd-servers <url>', 'an etcd cluster instead of the embedded store', list)
      .option('--data-dir <directory>', 'of the embedded store', '/var/lib/typernetes-apiserver')
    withApiServerOptions(withLogOptions(withEtcdOptions(command))).action(async (options: Options) => {
      const { componentContext, runProcess, startApiServerProcess } = await import('#cluster')
      const settings = await settingsOf(options)
      await runProcess(async (stop) =>
        startApiServerProcess(settings, await componentContext('apiserver', logLevelOf(options), stop)),
      )
    })
  },
}

function portRange(text: string): { readonly from: number; readonly to: number } {
  const match = /^(\d+)-(\d+)$/.exec(text)
  const [from, to] = [Number(match?.[1]), Number(match?.[2])]
  if (match === null || from < 1 || to > 65_535 || from > to)
    throw new UsageError(`--service-node-port-range takes a range such as 30000-32767, not '${text}'`)
  return { from, to }
}

async function settingsOf(options: Options): Promise<import('#cluster').ApiServerProcessOptions> {
  const cluster = await import('#cluster')
  const { serviceAccounts, encryption, ...settings } = await apiServerSettingsOf(options)
  const { addressIn, addressOfHost, checkAdvertised, serviceRangesOf } = cluster
  const serviceRanges = checked(() => serviceRangesOf(options.serviceClusterIpRange, '--service-cluster-ip-range'))
  const bound = isUnspecified(options.bindAddress) ? undefined : options.bindAddress
  const advertiseAddress = options.advertiseAddress ?? bound ?? addressOfHost()
  if (advertiseAddress === undefined)
    throw new UsageError('this machine has no address to advertise; name one with --advertise-address')
  checked(() => checkAdvertised(advertiseAddress, serviceRanges))
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
  const serviceIPs = serviceRanges.map((range) => addressIn(range, 1))
  const credentials = (): import('#cluster').ApiServerCredentials => credentialsOf(options, serviceAccounts, cluster)
  return {
    ...settings,
    listen: { host: options.bindAddress, port: options.securePort },
    advertiseAddress,
    credentials: credentials(),
    renewal: { paths: filesOf(options), read: credentials },
    certificateDirectory: options.certDir ?? join(options.dataDir, 'pki'),
    servingHosts: [hostname(), 'localhost', '127.0.0.1', advertiseAddress, ...service, ...serviceIPs],
    proxyClient: readFlagPair(
      ['--proxy-client-cert-file', options.proxyClientCertFile],
      ['--proxy-client-key-file', options.proxyClientKeyFile],
    ),
    serviceClusterIPRanges: serviceRanges,
    serviceNodePortRange: options.serviceNodePortRange,
    kubelets: kubeletsOf(options),
    storage: {
      store: options.etcdServers === undefined ? 'embedded' : `etcd=${options.etcdServers.join(',')}`,
      etcd: etcdAccessOf(options),
    },
    dataDirectory: options.dataDir,
    encryption: encryption && { ...encryption, prefix: options.etcdPrefix },
  }
}

/** What is in the files that {@link filesOf} names. */
function credentialsOf(
  options: Options,
  { issuer, keyFiles, ...tokens }: import('#cluster').ServiceAccountSettings,
  cluster: typeof import('#cluster'),
): import('#cluster').ApiServerCredentials {
  if (issuer === undefined) throw new UsageError('--service-account-issuer is missing: who issues service account tokens')
  const signingFlag = '--service-account-signing-key-file'
  const signingKey = readFlagFile(signingFlag, options.serviceAccountSigningKeyFile)
  return {
    serving: readFlagPair(['--tls-cert-file', options.tlsCertFile], ['--tls-private-key-file', options.tlsPrivateKeyFile]),
    clientCA: readFlagFile('--client-ca-file', options.clientCaFile),
    frontProxyCA:
      options.requestheaderClientCaFile && readFlagFile('--requestheader-client-ca-file', options.requestheaderClientCaFile),
    serviceAccounts: {
      ...tokens,
      issuer,
      signingKey,
      verificationKeys: [...new Set([...cluster.publicKeysOf(keyFiles), cluster.publicKeyOf(signingKey, signingFlag)])],
    },
  }
}

const filesOf = (options: Options): string[] =>
  [
    options.tlsCertFile,
    options.tlsPrivateKeyFile,
    options.clientCaFile,
    options.requestheaderClientCaFile,
    options.serviceAccountSigningKeyFile,
    ...(options.serviceAccountKeyFile ?? []),
  ].filter((path) => path !== undefined)

const isUnspecified = (host: string): boolean => host === '0.0.0.0' || host === '::'

function kubeletsOf(options: Options): import('#cluster').ApiServerProcessOptions['kubelets'] {
  const { kubeletClientCertificate, kubeletClientKey, kubeletCertificateAuthority } = options
  const pair = readFlagPair(
    ['--kubelet-client-certificate', kubeletClientCertificate],
    ['--kubelet-client-key', kubeletClientKey],
  )
  if (pair === undefined) return undefined
  if (kubeletCertificateAuthority === undefined)
    throw new UsageError('--kubelet-client-certificate needs --kubelet-certificate-authority, by which kubelets are verified')
  return { ...pair, ca: readFlagFile('--kubelet-certificate-authority', kubeletCertificateAuthority) }
}
