import { ipFamilyOf } from '#api'
import type {
  AdmissionFunction,
  AdmissionHandler,
  AuditSettings,
  AuthorizationHandler,
  AuthorizerFunction,
  RuntimeConfig,
  TokenFunction,
} from '#apiserver'
import { type Clock, type FeatureSettings, type Log, nullLog, type Random, seededRandom, systemClock, systemRandom } from '#base'
import { type Client, inlineKubeconfig, printKubeconfig, type UserInfo } from '#client'
import { openMemoryStore, type Store } from '#store'
import { addressIn, rangesOf, serviceRangesOf } from './cidr.ts'
import { ADMIN, startControlPlane } from './control-plane.ts'
import { waitUntilReady } from './local/readiness.ts'
import { createPki, identities, type Pki } from './pki-directory.ts'
import { startSimulatedNodes } from './simulated-nodes.ts'

export interface StartClusterOptions {
  /** Simulated nodes, `node-1` …; 0: a control plane alone. Default 1. */
  readonly nodes?: number
  /** A {@link VirtualClock} makes time the test's own. */
  readonly clock?: Clock
  /** The same seed gives the same names and choices. */
  readonly seed?: number
  readonly log?: Log
  /** Owned by the caller; by default one in memory. */
  readonly store?: Store
  /**
   * Admission webhooks as functions of this process, asked in this order before any that are configured: a bare function is a mutating one that is asked
   * about every write.
   */
  readonly admission?: readonly (AdmissionHandler | AdmissionFunction)[]
  /** Whose a bearer token is, as functions of this process, asked in this order about tokens that are not of the cluster itself. */
  readonly authentication?: readonly TokenFunction[]
  /**
   * Authorization webhooks as functions of this process, asked in this order before the Node authorizer and RBAC: a bare function is asked about every
   * request that is not of `system:masters`.
   */
  readonly authorizers?: readonly (AuthorizationHandler | AuthorizerFunction)[]
  /** What is recorded of requests to the API server, and where: `{ policy: { rules: [{ level: 'Metadata' }] }, record: (event) => … }`. */
  readonly audit?: AuditSettings
  /** Features that are on or off beside their defaults: `{ ClusterTrustBundle: true }` (`--feature-gates`). */
  readonly featureGates?: FeatureSettings
  /** Versions that are served or not: `{ 'certificates.k8s.io/v1beta1': true }` (`--runtime-config`). */
  readonly runtimeConfig?: RuntimeConfig
  /** Of the HTTPS endpoint on the loopback interface; any free port by default. */
  readonly port?: number
  /**
   * Addresses of Services, as `--service-cluster-ip-range`: a range, or one of each family by a comma (`10.96.0.0/12,fd00:10:96::/112`), whose first is of the default
   * family. Default `10.96.0.0/12`.
   */
  readonly serviceCIDR?: string
  /** Addresses of pods, as `--cluster-cidr`: a range, or one of each family (`10.244.0.0/16,fd00:10:244::/56`). Default `10.244.0.0/16`. */
  readonly clusterCIDR?: string
}

/** A whole cluster in this process, without Docker, root or binaries. */
export interface Cluster extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`; on `[::1]` where IPv6 is the default family of Services. */
  readonly url: string
  /** YAML for kubectl and client libraries, with the administrator's credentials. */
  readonly kubeconfig: string
  /** The administrator, in this process. */
  readonly client: Client
  readonly clock: Clock
  clientFor(user: UserInfo): Client
  /**
   * A second, independent cluster with the same objects at the same revisions, to try something out and throw it away: neither sees the other's writes, and controllers,
   * scheduler and nodes of the fork go on from where the objects are. Copying takes constant time, whatever there is (the store is shared until one side writes); starting
   * the control plane takes what it always takes. Credentials and tokens of the one are good for the other. The nodes begin as after a reboot: they start the containers
   * of their pods again. Waits for no write that is under way. Dispose of it as of any cluster, before or after this one.
   *
   *     await using trial = await cluster.fork()
   *
   * Throws when the cluster's store is one that can't be forked (etcd), and for an `at` that is compacted or still to come.
   */
  fork(options?: ForkClusterOptions): Promise<Cluster>
}

export interface ForkClusterOptions extends Omit<StartClusterOptions, 'store'> {
  /** `resourceVersion` of the last change that the fork has; by default all that there are. Costs as much as changes are left out. */
  readonly at?: string
}

const CLUSTER_CIDR = '10.244.0.0/16'
const SERVICE_CIDR = '10.96.0.0/12'
/** Where it is in the range of Services. */
const DNS_OFFSET = 10
const CLUSTER_DOMAIN = 'cluster.local'

/** `await using cluster = await startCluster({ nodes: 3 })`. Resolves when the API answers and the nodes are Ready. */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const { clock = systemClock } = options
  await using stack = new AsyncDisposableStack()
  const store = options.store ?? stack.use(openMemoryStore({ clock }))
  // Certificates are checked by real clients against real time, and keys must be unguessable, whatever the test's clock and seed.
  const pki = await createPki({ clock: systemClock, random: systemRandom })
  return await startOn({ store, pki }, options, stack)
}

/** What a cluster is made from: its objects, and the authorities by which its credentials are known. */
interface Foundation {
  readonly store: Store
  readonly pki: Pki
}

/** Takes over what `stack` holds. */
async function startOn({ store, pki }: Foundation, options: StartClusterOptions, stack: AsyncDisposableStack): Promise<Cluster> {
  const { nodes = 1, clock = systemClock, seed, log = nullLog, port = 0, admission = [] } = options
  const random: Random = seed === undefined ? systemRandom : seededRandom(seed)
  const serviceCIDR = serviceRangesOf(options.serviceCIDR ?? SERVICE_CIDR, 'serviceCIDR').join(',')
  const clusterCIDR = rangesOf(options.clusterCIDR ?? CLUSTER_CIDR, 'clusterCIDR').join(',')
  const ranges = { clusterCIDR, clusterDomain: CLUSTER_DOMAIN }
  // The API server is an endpoint of a Service of the default family.
  const host = ipFamilyOf(serviceCIDR.split(',')[0]!) === 'IPv6' ? '::1' : '127.0.0.1'
  const controlPlane = stack.use(
    await startControlPlane({
      store,
      pki,
      clock,
      random,
      log,
      listen: { host, port },
      advertiseAddress: host,
      serviceCIDR,
      audit: options.audit,
      featureGates: options.featureGates,
      runtimeConfig: options.runtimeConfig,
      authentication: { functions: options.authentication },
      authorization: { functions: options.authorizers },
      admission: { functions: admission.map((each) => (typeof each === 'function' ? { handle: each } : each)) },
      ...ranges,
    }),
  )
  const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
  const clusterDNS = addressIn(serviceCIDR, DNS_OFFSET)
  stack.use(await startSimulatedNodes({ controlPlane, names, clusterDNS, clock, random, log, ...ranges }))
  const client = controlPlane.clientFor(ADMIN)
  if (clock === systemClock)
    await waitUntilReady(client, { count: nodes, dns: false }, { signal: new AbortController().signal, progress() {} })
  const admin = await pki.clientCA.issue(identities.admin)
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${controlPlane.port}`
  const kubeconfig = await printKubeconfig(inlineKubeconfig({ name: 't8s', server: url, ca: pki.serverCA.certificate, ...admin }))
  const owned = stack.move()
  return {
    url,
    kubeconfig,
    client,
    clock,
    clientFor: (user) => controlPlane.clientFor(user),
    fork: (changes = {}) => fork({ store, pki }, { ...options, port: 0, ...changes }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function fork({ store, pki }: Foundation, { at, ...options }: ForkClusterOptions): Promise<Cluster> {
  const { clock = systemClock } = options
  if (store.fork === undefined) throw new Error('the store of this cluster can not be forked; it is not held in memory')
  await using stack = new AsyncDisposableStack()
  const copy = stack.use(store.fork({ clock, at: at === undefined ? undefined : Number(at) }))
  return await startOn({ store: copy, pki }, options, stack)
}
