import type { AdmissionFunction, AdmissionHandler } from '#apiserver'
import { type Clock, type Log, nullLog, type Random, seededRandom, systemClock, systemRandom } from '#base'
import { type Client, inlineKubeconfig, printKubeconfig, type UserInfo } from '#client'
import { openMemoryStore, type Store } from '#store'
import { ADMIN, startControlPlane } from './control-plane.ts'
import { waitUntilReady } from './local/readiness.ts'
import { createPki, identities } from './pki-directory.ts'
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
  /** Of the HTTPS endpoint on 127.0.0.1; any free port by default. */
  readonly port?: number
}

/** A whole cluster in this process, without Docker, root or binaries. */
export interface Cluster extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly url: string
  /** YAML for kubectl and client libraries, with the administrator's credentials. */
  readonly kubeconfig: string
  /** The administrator, in this process. */
  readonly client: Client
  readonly clock: Clock
  clientFor(user: UserInfo): Client
}

const CLUSTER_CIDR = '10.244.0.0/16'
const SERVICE_CIDR = '10.96.0.0/12'
const CLUSTER_DNS = '10.96.0.10'
const CLUSTER_DOMAIN = 'cluster.local'

/** `await using cluster = await startCluster({ nodes: 3 })`. Resolves when the API answers and the nodes are Ready. */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const { nodes = 1, clock = systemClock, seed, log = nullLog, port = 0, admission = [] } = options
  const random: Random = seed === undefined ? systemRandom : seededRandom(seed)
  await using stack = new AsyncDisposableStack()
  const store = options.store ?? stack.use(openMemoryStore({ clock }))
  // Certificates are checked by real clients against real time, and keys must be unguessable, whatever the test's clock and seed.
  const pki = await createPki({ clock: systemClock, random: systemRandom })
  const ranges = { clusterCIDR: CLUSTER_CIDR, clusterDomain: CLUSTER_DOMAIN }
  const controlPlane = stack.use(
    await startControlPlane({
      store,
      pki,
      clock,
      random,
      log,
      listen: { host: '127.0.0.1', port },
      advertiseAddress: '127.0.0.1',
      serviceCIDR: SERVICE_CIDR,
      admission: { functions: admission.map((each) => (typeof each === 'function' ? { handle: each } : each)) },
      ...ranges,
    }),
  )
  const names = Array.from({ length: nodes }, (_, index) => `node-${index + 1}`)
  stack.use(await startSimulatedNodes({ controlPlane, names, clusterDNS: CLUSTER_DNS, clock, random, log, ...ranges }))
  const client = controlPlane.clientFor(ADMIN)
  if (clock === systemClock)
    await waitUntilReady(client, { count: nodes, dns: false }, { signal: new AbortController().signal, progress() {} })
  const admin = await pki.clientCA.issue(identities.admin)
  const url = `https://127.0.0.1:${controlPlane.port}`
  const kubeconfig = await printKubeconfig(inlineKubeconfig({ name: 't8s', server: url, ca: pki.serverCA.certificate, ...admin }))
  const owned = stack.move()
  return {
    url,
    kubeconfig,
    client,
    clock,
    clientFor: (user) => controlPlane.clientFor(user),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
