import { dirname } from 'node:path'
import { type Clock, type Log, nullLog, systemClock } from '#base'
import {
  type Client,
  certificateFilesOf,
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
import { rotatingTransport } from '../join/rotating-transport.ts'
import { followCertificate } from './certificate-files.ts'
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

/** Connects by a kubeconfig file. A client certificate that this names by its file is followed there, as upstream's clients do. */
export async function connectBy(
  kubeconfig: string,
  userAgent: string,
  { clock = systemClock, log = nullLog }: { readonly clock?: Clock; readonly log?: Log } = {},
): Promise<Connection> {
  const opened = new AsyncDisposableStack()
  const config = await readKubeconfig(kubeconfig)
  const place = { directory: dirname(kubeconfig) }
  const options = connectionOf(config, place)
  const files = certificateFilesOf(config, place)
  const open = (more: Partial<HttpTransportOptions>): Transport =>
    retryTransport(opened.use(httpTransport({ ...options, userAgent, ...more })), clock)
  const openOwn = (): Transport => {
    if (files === undefined) return open({})
    const certificate = opened.use(followCertificate(files, { log }))
    return retryTransport(opened.use(rotatingTransport(certificate, { ...options, userAgent })), clock)
  }
  const clientOf = (transport: Transport): Client => createClient(transport, { fieldManager: userAgent })
  const own = openOwn()
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
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
