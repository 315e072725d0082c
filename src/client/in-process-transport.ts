import type { RequestHandler, Transport, UserInfo } from './transport.ts'

export interface InProcessTransportOptions {
  readonly user: UserInfo
  /** The program that calls (`kube-scheduler`), as a user agent names it over the network; it manages the fields that it writes. */
  readonly userAgent?: string
}

/** Calls a server of this process: the same pipeline, no sockets, objects shared instead of encoded. */
export function inProcessTransport(handler: RequestHandler, { user, userAgent = 't8s' }: InProcessTransportOptions): Transport {
  const peer = { kind: 'in-process', user } as const
  return {
    async request(request) {
      request.signal?.throwIfAborted()
      return handler.handle({ ...request, headers: { 'user-agent': userAgent, ...request.headers } }, peer)
    },
    async [Symbol.asyncDispose]() {},
  }
}
