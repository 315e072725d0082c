import { createApiServer, type ServiceAccountTokenOptions } from '#apiserver'
import { type ApiServerSettings, opened } from '../api-server-settings.ts'
import type { KeyPair } from '../pki.ts'
import { openStore, type StoreChoice, storageFormOf } from '../store.ts'
import type { ComponentContext } from './component.ts'
import { followFiles } from './follow-files.ts'
import { selfSigned } from './self-signed.ts'

/** What the server proves itself with and whom it believes. */
export interface ApiServerCredentials {
  /** Made and kept in `certificateDirectory` when absent. */
  readonly serving: KeyPair | undefined
  readonly clientCA: string
  readonly frontProxyCA: string | undefined
  readonly serviceAccounts: ServiceAccountTokenOptions
}

export interface ApiServerProcessOptions extends ApiServerSettings {
  readonly listen: { readonly host: string; readonly port: number }
  readonly advertiseAddress: string
  readonly credentials: ApiServerCredentials
  /** Where they come from; read anew when one of the files changes. Throws when they are not good. */
  readonly renewal?: { readonly paths: readonly string[]; read(): ApiServerCredentials } | undefined
  readonly certificateDirectory: string
  readonly servingHosts: readonly string[]
  /** How this server proves itself to extension API servers. */
  readonly proxyClient: KeyPair | undefined
  readonly serviceClusterIPRanges: readonly string[]
  readonly serviceNodePortRange: { readonly from: number; readonly to: number }
  readonly kubelets: (KeyPair & { readonly ca: string }) | undefined
  /** `embedded` is in `dataDirectory`. */
  readonly storage: StoreChoice
  readonly dataDirectory: string
}

/** An API server alone in its process. */
export async function startApiServerProcess(
  options: ApiServerProcessOptions,
  { clock, random, log, stop }: ComponentContext,
): Promise<AsyncDisposable & { readonly port: number }> {
  await using stack = new AsyncDisposableStack()
  const serving =
    options.credentials.serving ??
    (await selfSigned(options.certificateDirectory, 'apiserver', options.servingHosts, { clock, random }))
  const store = stack.use(await openStore(options.storage, { directory: options.dataDirectory, clock, log, onFailure: stop }))
  const { serviceClusterIPRanges, serviceNodePortRange } = options
  const { clientCA, frontProxyCA, serviceAccounts } = options.credentials
  const { authentication, authorization, admission, encryption, audit, shutdown, featureGates, runtimeConfig } = options
  // As upstream, whoever the front proxy's authority signs for may speak for others, unless names are named.
  const requestHeaders = { ...authentication?.requestHeaders, allowedNames: authentication?.requestHeaders?.allowedNames ?? [] }
  const settings = {
    authentication: { ...authentication, requestHeaders },
    authorization,
    admission,
    encryption,
    audit,
    shutdown,
    featureGates,
    runtimeConfig,
  }
  const listening = Promise.withResolvers<number>()
  const server = stack.use(
    await createApiServer({
      store,
      ...opened(settings, log),
      storageForm: storageFormOf(store),
      clock,
      random,
      log,
      serviceAccounts,
      serviceClusterIPRanges,
      serviceNodePortRange,
      advertise: listening.promise.then((port) => ({ address: options.advertiseAddress, port })),
      nodeConnection: options.kubelets,
      proxyClient: options.proxyClient,
      authorities: { clientCA, frontProxyCA, requestHeaders },
    }),
  )
  const listener = await server.listen({ ...options.listen, tls: { ...serving, clientCA, frontProxyCA } })
  listening.resolve(listener.port)
  if (options.renewal !== undefined) {
    const { paths, read } = options.renewal
    const renew = (): void => {
      try {
        const renewed = read()
        server.replaceServiceAccountKeys(renewed.serviceAccounts)
        listener.replaceAuthorities(renewed)
        if (renewed.serving !== undefined) listener.replaceCertificate(renewed.serving)
        log.info('Certificates and keys were read anew', {})
      } catch (error) {
        log.error('Certificates and keys can not be read anew; the last ones stay', { error: (error as Error).message })
      }
    }
    stack.use(followFiles(paths, renew))
  }
  await server.ready
  log.info('The API server serves', { host: options.listen.host, port: listener.port })
  const owned = stack.move()
  return { port: listener.port, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
