import { generateKeyPairSync } from 'node:crypto'
import { type ApiServer, type ApiServerOptions, createApiServer } from '#apiserver'
import { type Clock, type Log, nullLog, type Random, seededRandom, VirtualClock } from '#base'
import { type Client, createClient, inProcessTransport, type UserInfo } from '#client'
import { openMemoryStore, type Store } from '#store'

export interface TestApiServer extends AsyncDisposable {
  readonly server: ApiServer
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** PEM, of service-account tokens. */
  readonly signingKey: string
  /** The administrator. */
  readonly client: Client
  clientFor(user: UserInfo): Client
}

export const TEST_ADMIN: UserInfo = { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] }

/** A whole API server over a memory store under a virtual clock, ready to be used. */
export async function startTestApiServer(
  options: Pick<
    ApiServerOptions,
    | 'admission'
    | 'advertise'
    | 'audit'
    | 'authentication'
    | 'authorization'
    | 'encryption'
    | 'featureGates'
    | 'flags'
    | 'nodeConnection'
    | 'reachPod'
    | 'runtimeConfig'
    | 'shutdown'
    | 'storageForm'
  > & {
    /** One range of IPv4 unless said. */
    readonly serviceClusterIPRanges?: readonly string[]
    /** Instead of a fresh key, ES256. */
    readonly serviceAccounts?: Partial<ApiServerOptions['serviceAccounts']>
    readonly clock?: Clock
    readonly seed?: number
    readonly log?: Log
    /** Instead of a memory store of its own; closed with the server. */
    readonly store?: Store
    /** What extension API servers are told and shown. */
    readonly authorities?: ApiServerOptions['authorities']
    readonly proxyClient?: ApiServerOptions['proxyClient']
  } = {},
): Promise<TestApiServer> {
  const { clock = new VirtualClock(), seed = 1, log = nullLog } = options
  const random = seededRandom(seed)
  await using stack = new AsyncDisposableStack()
  const store = stack.use(options.store ?? openMemoryStore({ clock }))
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const signingKey = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const server = stack.use(
    await createApiServer({
      store,
      storageForm: options.storageForm,
      encryption: options.encryption,
      audit: options.audit,
      advertise: options.advertise,
      clock,
      random,
      log,
      serviceAccounts: {
        issuer: 'https://kubernetes.default.svc.cluster.local',
        signingKey,
        verificationKeys: [publicKey.export({ type: 'spki', format: 'pem' }).toString()],
        ...options.serviceAccounts,
      },
      authentication: { bootstrapTokens: true, ...options.authentication },
      serviceClusterIPRanges: options.serviceClusterIPRanges ?? ['10.96.0.0/12'],
      serviceNodePortRange: { from: 30_000, to: 32_767 },
      admission: options.admission,
      authorization: options.authorization,
      nodeConnection: options.nodeConnection,
      reachPod: options.reachPod,
      authorities: options.authorities,
      proxyClient: options.proxyClient,
      shutdown: options.shutdown,
      featureGates: options.featureGates,
      flags: options.flags,
      runtimeConfig: options.runtimeConfig,
    }),
  )
  await server.ready
  const clientFor = (user: UserInfo): Client => createClient(inProcessTransport(server, { user }))
  const owned = stack.move()
  return {
    server,
    store,
    clock,
    random,
    log,
    signingKey: options.serviceAccounts?.signingKey ?? signingKey,
    client: clientFor(TEST_ADMIN),
    clientFor,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
