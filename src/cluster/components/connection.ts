import { dirname } from 'node:path'
import { type Clock, systemClock } from '#base'
import {
  type Client,
  connectionOf,
  createClient,
  fencedTransport,
  type HttpTransportOptions,
  httpTransport,
  type Leadership,
  readKubeconfig,
  retryTransport,
  type Transport,
} from '#client'
import { serviceAccountTokens } from './service-account-tokens.ts'

export interface Clients {
  readonly client: Client
  /** A client that acts as `kube-system/NAME`, with tokens that this connection's user asks for. */
  clientFor(serviceAccountName: string): Client
}

/** A cluster as the kubeconfig of a component says. */
export interface Connection extends Clients, AsyncDisposable {
  /** The same clients, that act only as long as leadership is held. */
  fenced(leadership: Leadership): Clients
}

/** Connects by a kubeconfig file. */
export async function connectBy(kubeconfig: string, userAgent: string, clock: Clock = systemClock): Promise<Connection> {
  const stack = new AsyncDisposableStack()
  const options = connectionOf(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) })
  const open = (more: Partial<HttpTransportOptions>): Transport =>
    retryTransport(stack.use(httpTransport({ ...options, userAgent, ...more })), clock)
  const clientOf = (transport: Transport): Client => createClient(transport, { fieldManager: userAgent })
  const own = open({})
  const client = clientOf(own)
  const known = new Map<string, Transport>()
  const transportFor = (name: string): Transport => {
    let found = known.get(name)
    if (found === undefined) {
      const token = serviceAccountTokens(client, name, clock)
      const account = `${userAgent}/system:serviceaccount:kube-system:${name}`
      found = open({ token, certificate: undefined, key: undefined, userAgent: account })
      known.set(name, found)
    }
    return found
  }
  return {
    client,
    clientFor: (name) => clientOf(transportFor(name)),
    fenced: (leadership) => ({
      client: clientOf(fencedTransport(own, leadership)),
      clientFor: (name) => clientOf(fencedTransport(transportFor(name), leadership)),
    }),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}
