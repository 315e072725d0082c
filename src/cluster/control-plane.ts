import { hostname } from 'node:os'
import { KUBELET_CLIENT, KUBELET_SERVING } from '#api'
import {
  type AdmissionOptions,
  type ApiServer,
  type AuditSettings,
  type AuthenticationSettings,
  type AuthorizationOptions,
  createApiServer,
  type EncryptionOptions,
  type RuntimeConfig,
  type ServiceAccountTokenOptions,
  type ShutdownOptions,
} from '#apiserver'
import { type Clock, FeatureGates, type FeatureSettings, type Log, type Random } from '#base'
import { type Client, createClient, fencedTransport, inProcessTransport, type Leadership, type UserInfo } from '#client'
import { API_SERVER_CLIENT, LEGACY_UNKNOWN, type Signing, startControllers } from '#controllers'
import type { Store } from '#store'
import { addressIn } from './cidr.ts'
import { standForElection } from './components/election.ts'
import { ManagedCertificate } from './join/managed-certificate.ts'
import type { Authority, CertificateRequest, KeyPair } from './pki.ts'
import { identities, type Pki } from './pki-directory.ts'
import { startSchedulerOn } from './scheduling.ts'
import { storageFormOf } from './store.ts'
import { tokenSigner } from './token-signer.ts'

export interface ControlPlaneOptions {
  /** Owned by the caller, who disposes of it after the control plane. */
  readonly store: Store
  /** Nothing is encrypted when absent. */
  readonly encryption?: EncryptionOptions | undefined
  /** Nothing is recorded when absent. */
  readonly audit?: AuditSettings | undefined
  readonly pki: Pki
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly listen: { readonly host: string; readonly port: number }
  /** Where nodes and pods reach the API server; the address behind the `kubernetes` Service. */
  readonly advertiseAddress: string
  /** Of pods, and of Services: one range, or one of each family by a comma, whose first is of the default family. */
  readonly clusterCIDR: string
  readonly serviceCIDR: string
  readonly clusterDomain: string
  /** Further names and addresses that clients dial. */
  readonly tlsSans?: readonly string[] | undefined
  /** What this server calls itself in elections; by default its host's name and chance. */
  readonly identity?: string | undefined
  /** Called when a component could not be started once this server led; the process should end then. */
  readonly onFailure?: (() => void) | undefined
  readonly admission?: AdmissionOptions | undefined
  readonly authentication?: AuthenticationSettings | undefined
  readonly authorization?: AuthorizationOptions | undefined
  /** Features that are on or off beside their defaults, and versions that are served. */
  readonly featureGates?: FeatureSettings | undefined
  readonly flags?: Readonly<Record<string, string>> | undefined
  readonly runtimeConfig?: RuntimeConfig | undefined
  /** Of tokens of service accounts; further `verificationKeys` are accepted beside the cluster's own. */
  readonly serviceAccounts?: Partial<ServiceAccountTokenOptions> | undefined
  /** How its API server ends; at once, unless said. */
  readonly shutdown?: ShutdownOptions | undefined
}

/** API server, controllers and scheduler in this process, each under its own identity. */
export interface ControlPlane extends AsyncDisposable {
  readonly server: ApiServer
  readonly port: number
  /** What it proves itself with to clients, kubelets and extension API servers; renewed as long as it runs. */
  readonly certificates: Readonly<Record<'apiserver' | 'apiserver-kubelet-client' | 'front-proxy-client', ManagedCertificate>>
  /** A client inside this process that acts as `user`, through the same pipeline as any other. `userAgent` names the program, which manages the fields it writes. */
  readonly clientFor: ClientFor
  /**
   * Runs a component of the cluster in this process: at once, or where other servers share the store, while this one holds the lease of that name. The clients that
   * `start` is given act no longer than that, and the log tells of nothing that comes later.
   */
  lead(name: string, start: (clientFor: ClientFor, log: Log) => Promise<AsyncDisposable>): Promise<void>
}

type ClientFor = (user: UserInfo, userAgent?: string) => Client

export const ADMIN: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

export const serviceAccountUser = (name: string): UserInfo => ({
  username: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'],
})

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { store, pki, clock, random, log } = options
  const { identity = `${hostname()}_${random.uuid()}` } = options
  await using stack = new AsyncDisposableStack()
  const certificates = {
    apiserver: keepIssued('apiserver', pki.serverCA, identities.apiServer(servingHosts(options))),
    'apiserver-kubelet-client': keepIssued('apiserver-kubelet-client', pki.clientCA, identities.kubeletClient),
    'front-proxy-client': keepIssued('front-proxy-client', pki.frontProxyCA, identities.frontProxyClient),
  }
  const kubeletClient = certificates['apiserver-kubelet-client']
  const proxyClient = certificates['front-proxy-client']
  const [serving] = await Promise.all([certificates.apiserver.ready(), kubeletClient.ready(), proxyClient.ready()])
  const listening = Promise.withResolvers<number>()
  const server = stack.use(
    await createApiServer({
      store,
      encryption: options.encryption,
      audit: options.audit,
      storageForm: storageFormOf(store),
      clock,
      random,
      log: log.child({ component: 'apiserver' }),
      serviceAccounts: serviceAccountsOf(options),
      serviceClusterIPRanges: options.serviceCIDR.split(','),
      serviceNodePortRange: { from: 30_000, to: 32_767 },
      advertise: listening.promise.then((port) => ({ address: options.advertiseAddress, port })),
      authentication: { ...options.authentication, bootstrapTokens: options.authentication?.bootstrapTokens ?? true },
      admission: options.admission,
      authorization: options.authorization,
      nodeConnection: {
        get certificate() {
          return kubeletClient.current!.certificate
        },
        get key() {
          return kubeletClient.current!.key
        },
        ca: pki.serverCA.certificate,
      },
      proxyClient: {
        get certificate() {
          return proxyClient.current!.certificate
        },
        get key() {
          return proxyClient.current!.key
        },
      },
      authorities: {
        clientCA: pki.clientCA.certificate,
        frontProxyCA: pki.frontProxyCA.certificate,
        requestHeaders: options.authentication?.requestHeaders,
      },
      shutdown: options.shutdown,
      featureGates: options.featureGates,
      flags: options.flags,
      runtimeConfig: options.runtimeConfig,
    }),
  )
  const listener = await server.listen({
    ...options.listen,
    tls: {
      certificate: serving.certificate,
      key: serving.key,
      clientCA: pki.clientCA.certificate,
      frontProxyCA: pki.frontProxyCA.certificate,
    },
  })
  stack.use(certificates.apiserver.onChange((pair) => listener.replaceCertificate(pair)))
  listening.resolve(listener.port)
  const clientsOf =
    (leadership?: Leadership): ClientFor =>
    (user, userAgent = 't8s') => {
      const transport = inProcessTransport(server, { user, userAgent })
      return createClient(leadership === undefined ? transport : fencedTransport(transport, leadership))
    }
  const clientFor = clientsOf()
  await server.ready
  const managerLog = log.child({ component: 'controller-manager' })
  const leading = stack.use(new AsyncDisposableStack())
  await lead(CONTROLLER_MANAGER, clientFor(MANAGER, CONTROLLER_MANAGER), managerLog, (clientFor, log) =>
    startControllers({
      clientFor: (name) => clientFor(serviceAccountUser(name), CONTROLLER_MANAGER),
      reader: clientFor(MANAGER, CONTROLLER_MANAGER),
      clock,
      random,
      log,
      features: new FeatureGates(options.featureGates),
      rootCA: pki.serverCA.certificate,
      clusterCIDR: options.clusterCIDR,
      only: CONTROLLERS,
      signing: signingOf(pki),
      signToken: tokenSigner(pki.serviceAccountKey.privateKey),
    }),
  )
  const schedulerLog = log.child({ component: 'scheduler' })
  await lead('kube-scheduler', clientFor(SCHEDULER, 'kube-scheduler'), schedulerLog, (clientFor, log) =>
    startSchedulerOn(clientFor(SCHEDULER, 'kube-scheduler'), { clock, random, log }),
  )
  const owned = stack.move()
  let ended: Promise<void> | undefined
  return {
    server,
    port: listener.port,
    certificates,
    clientFor,
    lead: (name, start) => lead(name, clientFor(ADMIN), log, start),
    [Symbol.asyncDispose]: () => (ended ??= end()),
  }

  /** Controllers and scheduler hand over to those of other servers while this one still serves them; the server is the last to end. */
  async function end(): Promise<void> {
    server.initiateShutdown()
    await owned.disposeAsync()
  }

  /** Where other servers share the store, only the one that holds the lease acts. */
  async function lead(
    name: string,
    client: Client,
    log: Log,
    start: (clientFor: ClientFor, log: Log) => Promise<AsyncDisposable>,
  ): Promise<void> {
    if (!store.isShared) {
      leading.use(await start(clientFor, log))
      return
    }
    const election = { client, clock, random, log, lease: `kube-system/${name}`, identity, ...ELECTION }
    const candidacy = leading.use(standForElection(election, (leadership, log) => start(clientsOf(leadership), log)))
    candidacy.leading.catch((error: unknown) => {
      log.error('This server can not lead', { lease: election.lease, error })
      options.onFailure?.()
    })
  }

  function keepIssued(name: string, authority: Authority, request: CertificateRequest): ManagedCertificate {
    const obtain = (): Promise<KeyPair> => authority.issue(request)
    const certificate = stack.use(new ManagedCertificate({ name, obtain, clock: pki.clock, random: pki.random, log }))
    certificate.start()
    return certificate
  }
}

/** The cluster's own key signs, whatever others are accepted. */
export function serviceAccountsOf({
  pki: { serviceAccountKey },
  clusterDomain,
  serviceAccounts: { issuer, verificationKeys = [], ...more } = {},
}: Pick<ControlPlaneOptions, 'pki' | 'clusterDomain' | 'serviceAccounts'>): ServiceAccountTokenOptions {
  return {
    ...more,
    issuer: issuer ?? `https://kubernetes.default.svc.${clusterDomain}`,
    signingKey: serviceAccountKey.privateKey,
    verificationKeys: [...new Set([serviceAccountKey.publicKey, ...verificationKeys])],
  }
}

/** Those by which nodes join are off by default, as upstream; whoever sets a cluster up turns them on. */
const CONTROLLERS = ['*', 'bootstrap-signer-controller', 'token-cleaner-controller', 't8s-node-certificate-approving-controller']
const CERTIFICATE_MS = 365 * 24 * 3_600_000

/** Serving certificates come from the authority that clients trust, all others from that of clients. */
function signingOf({ clientCA, serverCA }: Pki): Signing {
  const authorities = {
    [KUBELET_SERVING]: serverCA,
    [KUBELET_CLIENT]: clientCA,
    [API_SERVER_CLIENT]: clientCA,
    [LEGACY_UNKNOWN]: clientCA,
  }
  return { authorities, durationMs: CERTIFICATE_MS }
}

const CONTROLLER_MANAGER = 'kube-controller-manager'
const MANAGER: UserInfo = { username: 'system:kube-controller-manager', groups: ['system:authenticated'] }
/** With upstream's 15 s, counted from when a candidate sees the last renewal, another would not lead within 15 s. */
const ELECTION = { leaseMs: 10_000, renewMs: 8_000, retryMs: 1_500 }
const SCHEDULER: UserInfo = { username: 'system:kube-scheduler', groups: ['system:authenticated'] }

/** Every name a client may dial: the Service's names and address, this host's names, and where it is advertised. */
function servingHosts({ serviceCIDR, clusterDomain, advertiseAddress, listen, tlsSans = [] }: ControlPlaneOptions): string[] {
  const service = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', `kubernetes.default.svc.${clusterDomain}`]
  const bound = listen.host === '0.0.0.0' || listen.host === '::' ? [] : [listen.host]
  const own = ['localhost', hostname(), '127.0.0.1', '::1', addressIn(serviceCIDR, 1), advertiseAddress]
  return [...new Set([...service, ...own, ...bound, ...tlsSans])]
}
