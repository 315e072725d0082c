import { dirname } from 'node:path'
import { type Clock, systemClock } from '#base'
import { type Client, connectionOf, createClient, type HttpTransportOptions, httpTransport, readKubeconfig } from '#client'
import { serviceAccountTokens } from './service-account-tokens.ts'

/** A cluster as the kubeconfig of a component says. */
export interface Connection extends AsyncDisposable {
  readonly client: Client
  /** A client that acts as `kube-system/NAME`, with tokens that this connection's user asks for. */
  clientFor(serviceAccountName: string): Client
}

/** Connects by a kubeconfig file. */
export async function connectBy(kubeconfig: string, userAgent: string, clock: Clock = systemClock): Promise<Connection> {
  const stack = new AsyncDisposableStack()
  const options = connectionOf(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) })
  const open = (more: Partial<HttpTransportOptions>): Client =>
    createClient(stack.use(httpTransport({ ...options, userAgent, ...more })), { fieldManager: userAgent })
  const client = open({})
  const known = new Map<string, Client>()
  return {
    client,
    clientFor(name) {
      let found = known.get(name)
      if (found === undefined) {
        const token = serviceAccountTokens(client, name, clock)
        found = open({
          token,
          certificate: undefined,
          key: undefined,
          userAgent: `${userAgent}/system:serviceaccount:kube-system:${name}`,
        })
        known.set(name, found)
      }
      return found
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
