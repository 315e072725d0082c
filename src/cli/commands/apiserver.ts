import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { type AuditOptions, auditOf, withAuditOptions } from '../audit-options.ts'
import { type AuthenticationOptions, authenticationOf, withAuthenticationOptions } from '../authentication-options.ts'
import { type AuthorizationFlags, authorizationOf, withAuthorizationOptions } from '../authorization-options.ts'
import { type CommandDefinition, UsageError } from '../command.ts'
import {
  address,
  boolean,
  cidr,
  duration,
  type LogOptions,
  list,
  logLevelOf,
  readFlagFile,
  readFlagPair,
  withLogOptions,
} from '../component-options.ts'
import { type EtcdOptions, etcdAccessOf, withEtcdOptions } from '../etcd-options.ts'
import { wholeNumber } from '../options.ts'

interface Options extends LogOptions, EtcdOptions, AuditOptions, AuthenticationOptions, AuthorizationFlags {
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
  readonly serviceAccountIssuer: readonly string[]
  readonly apiAudiences?: readonly string[]
  readonly serviceAccountJwksUri?: string
  readonly serviceAccountMaxTokenExpiration: number
  readonly serviceAccountExtendTokenExpiration: boolean
  readonly serviceAccountKeyFile?: readonly string[]
  readonly serviceAccountSigningKeyFile: string
  readonly serviceClusterIpRange: string
  readonly serviceNodePortRange: { readonly from: number; readonly to: number }
  readonly kubeletClientCertificate?: string
  readonly kubeletClientKey?: string
  readonly kubeletCertificateAuthority?: string
  readonly enableAdmissionPlugins?: readonly string[]
  readonly disableAdmissionPlugins?: readonly string[]
  readonly etcdServers?: readonly string[]
  readonly dataDir: string
  readonly encryptionProviderConfig?: string
  readonly encryptionProviderConfigAutomaticReload: boolean
}

export const apiserver: CommandDefinition = {
  register(program) {
    const command = program
      .command('apiserver')
      .description('run an API server in the foreground')
      .requiredOption(
        '--service-account-issuer <url>',
        'who issues service account tokens; again for whose are accepted, too',
        list,
      )
      .option('--api-audiences <names>', 'what this server calls itself in tokens; its issuers unless said', list)
      .option('--service-account-jwks-uri <url>', 'where the keys of tokens are, as the discovery document says')
      .option(
        '--service-account-max-token-expiration <duration>',
        'longer tokens are shortened to it',
        duration('--service-account-max-token-expiration'),
        0,
      )
      .option(
        '--service-account-extend-token-expiration [bool]',
        'let tokens that pods ask for by themselves last a year',
        boolean('--service-account-extend-token-expiration'),
        true,
      )
      .requiredOption('--service-account-signing-key-file <file>', 'private key that signs service account tokens')
      .option('--service-account-key-file <file>', 'keys whose tokens are accepted; again for more', list)
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
      .option('--service-cluster-ip-range <range>', 'addresses of Services', cidr('--service-cluster-ip-range'), '10.0.0.0/24')
      .option('--service-node-port-range <range>', 'ports of Services on nodes', portRange, { from: 30_000, to: 32_767 })
      .option('--kubelet-client-certificate <file>', 'how kubelets know this server')
      .option('--kubelet-client-key <file>', 'its key')
      .option('--kubelet-certificate-authority <file>', "authority of kubelets' serving certificates")
      .option('--enable-admission-plugins <names>', 'admission plugins beside those that are on by default', list)
      .option('--disable-admission-plugins <names>', 'admission plugins that are on by default and shall not run', list)
      .option('--etcd-servers <url>', 'an etcd cluster instead of the embedded store', list)
      .option('--data-dir <directory>', 'of the embedded store', '/var/lib/typernetes-apiserver')
      .option('--encryption-provider-config <file>', 'how what is stored is encrypted, as an EncryptionConfiguration')
      .option(
        '--encryption-provider-config-automatic-reload [bool]',
        'whether a change of that file takes force at once',
        boolean('--encryption-provider-config-automatic-reload'),
        false,
      )
    withLogOptions(withAuditOptions(withAuthenticationOptions(withAuthorizationOptions(withEtcdOptions(command))))).action(
      async (options: Options) => {
        const { componentContext, runProcess, startApiServerProcess } = await import('#cluster')
        const settings = await settingsOf(options)
        await runProcess(async (stop) =>
          startApiServerProcess(settings, await componentContext('apiserver', logLevelOf(options), stop)),
        )
      },
    )
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
  const { addressIn, addressOfHost } = cluster
  const bound = isUnspecified(options.bindAddress) ? undefined : options.bindAddress
  const advertiseAddress = options.advertiseAddress ?? bound ?? addressOfHost()
  if (advertiseAddress === undefined)
    throw new UsageError('this machine has no address to advertise; name one with --advertise-address')
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local']
  const serviceIP = isIP(options.serviceClusterIpRange.split('/')[0]!) === 4 ? [addressIn(options.serviceClusterIpRange, 1)] : []
  return {
    listen: { host: options.bindAddress, port: options.securePort },
    advertiseAddress,
    credentials: credentialsOf(options, cluster),
    renewal: { paths: filesOf(options), read: () => credentialsOf(options, cluster) },
    certificateDirectory: options.certDir ?? join(options.dataDir, 'pki'),
    servingHosts: [hostname(), 'localhost', '127.0.0.1', advertiseAddress, ...service, ...serviceIP],
    proxyClient: readFlagPair(
      ['--proxy-client-cert-file', options.proxyClientCertFile],
      ['--proxy-client-key-file', options.proxyClientKeyFile],
    ),
    serviceClusterIPRange: options.serviceClusterIpRange,
    serviceNodePortRange: options.serviceNodePortRange,
    kubelets: kubeletsOf(options),
    authentication: await authenticationOf(options),
    authorization: authorizationOf(options),
    admission: { enable: options.enableAdmissionPlugins ?? [], disable: options.disableAdmissionPlugins ?? [] },
    storage: {
      store: options.etcdServers === undefined ? 'embedded' : `etcd=${options.etcdServers.join(',')}`,
      etcd: etcdAccessOf(options),
    },
    dataDirectory: options.dataDir,
    encryption: encryptionOf(options),
    audit: auditOf(options),
  }
}

/** What is in the files that {@link filesOf} names. */
function credentialsOf(options: Options, cluster: typeof import('#cluster')): import('#cluster').ApiServerCredentials {
  const [issuer = '', ...otherIssuers] = options.serviceAccountIssuer
  const [keyFlag, signingFlag] = ['--service-account-key-file', '--service-account-signing-key-file']
  const signingKey = readFlagFile(signingFlag, options.serviceAccountSigningKeyFile)
  const verificationKeys = (options.serviceAccountKeyFile ?? []).flatMap((file) =>
    cluster.publicKeysIn(readFlagFile(keyFlag, file), keyFlag),
  )
  return {
    serving: readFlagPair(['--tls-cert-file', options.tlsCertFile], ['--tls-private-key-file', options.tlsPrivateKeyFile]),
    clientCA: readFlagFile('--client-ca-file', options.clientCaFile),
    frontProxyCA:
      options.requestheaderClientCaFile && readFlagFile('--requestheader-client-ca-file', options.requestheaderClientCaFile),
    serviceAccounts: {
      issuer,
      otherIssuers,
      audiences: options.apiAudiences,
      jwksURI: options.serviceAccountJwksUri,
      maxExpirationSeconds: maxExpirationOf(options),
      extendExpiration: options.serviceAccountExtendTokenExpiration,
      signingKey,
      verificationKeys: [...new Set([...verificationKeys, cluster.publicKeyOf(signingKey, signingFlag)])],
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

function maxExpirationOf({ serviceAccountMaxTokenExpiration: ms }: Options): number {
  const seconds = ms / 1000
  if (seconds !== 0 && (seconds < 3600 || seconds > 2 ** 32))
    throw new UsageError('the service-account-max-token-expiration must be between 1 hour and 2^32 seconds')
  return seconds
}

function encryptionOf(options: Options): import('#cluster').ApiServerProcessOptions['encryption'] {
  const { encryptionProviderConfig: file, encryptionProviderConfigAutomaticReload: automaticReload } = options
  if (file !== undefined) return { file: resolve(file), automaticReload, prefix: options.etcdPrefix }
  if (automaticReload)
    throw new UsageError('--encryption-provider-config-automatic-reload must be set with --encryption-provider-config')
  return undefined
}

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
