import { createApiServer } from '#apiserver'
import type { KeyPair } from '../pki.ts'
import { openStore, type StoreChoice, storageFormOf } from '../store.ts'
import type { ComponentContext } from './component.ts'
import { selfSigned } from './self-signed.ts'

export interface ApiServerProcessOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly advertiseAddress: string
  /** Made and kept in `certificateDirectory` when absent. */
  readonly serving: KeyPair | undefined
  readonly certificateDirectory: string
  readonly servingHosts: readonly string[]
  readonly clientCA: string
  readonly frontProxyCA: string | undefined
  /** How this server proves itself to extension API servers. */
  readonly proxyClient: KeyPair | undefined
  readonly serviceAccounts: { readonly issuer: string; readonly signingKey: string; readonly verificationKeys: readonly string[] }
  readonly serviceClusterIPRange: string
  readonly serviceNodePortRange: { readonly from: number; readonly to: number }
  readonly kubelets: (KeyPair & { readonly ca: string }) | undefined
  readonly enableBootstrapTokens: boolean
  readonly admission: { readonly enable: readonly string[]; readonly disable: readonly string[] }
  /** `embedded` is in `dataDirectory`. */
  readonly storage: StoreChoice
  readonly dataDirectory: string
}

/** An API server alone in its process. */
export async function startApiServerProcess(
  options: ApiServerProcessOptions,
  { clock, random, log }: ComponentContext,
): Promise<AsyncDisposable & { readonly port: number }> {
  await using stack = new AsyncDisposableStack()
  const serving =
    options.serving ?? (await selfSigned(options.certificateDirectory, 'apiserver', options.servingHosts, { clock, random }))
  const store = stack.use(await openStore(options.storage, { directory: options.dataDirectory, clock, log }))
  const { serviceAccounts, serviceClusterIPRange, serviceNodePortRange } = options
  const server = stack.use(
    await createApiServer({
      store,
      storageForm: storageFormOf(store),
      clock,
      random,
      log,
      serviceAccounts,
      serviceClusterIPRange,
      serviceNodePortRange,
      advertise: { address: options.advertiseAddress, port: options.listen.port },
      nodeConnection: options.kubelets,
      proxyClient: options.proxyClient,
      authorities: { clientCA: options.clientCA, frontProxyCA: options.frontProxyCA },
      authentication: { bootstrapTokens: options.enableBootstrapTokens },
      admission: options.admission,
    }),
  )
  const { clientCA, frontProxyCA } = options
  const listener = stack.use(await server.listen({ ...options.listen, tls: { ...serving, clientCA, frontProxyCA } }))
  await server.ready
  log.info('The API server serves', { host: options.listen.host, port: listener.port })
  const owned = stack.move()
  return { port: listener.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
