import { readFrames } from './read-frames.ts'
import type { RequestHandler, Transport, TransportRequest, TransportResponse, UserInfo } from './transport.ts'

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
      return watched(
        request,
        await handler.handle({ ...request, headers: { 'user-agent': userAgent, ...request.headers } }, peer),
      )
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** A watch that another server answers comes as it does over the network. */
function watched({ query, signal }: TransportRequest, response: TransportResponse): TransportResponse {
  const { body, status } = response
  if (body.kind !== 'stream' || query?.get('watch') !== 'true' || status >= 400) return response
  return { ...response, body: { kind: 'watch', frames: readFrames(body.stream, signal) } }
}
