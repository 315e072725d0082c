import type { RequestHandler, Transport, UserInfo } from './transport.ts'

/** Calls a server of this process: the same pipeline, no sockets, objects shared instead of encoded. */
export function inProcessTransport(handler: RequestHandler, { user }: { readonly user: UserInfo }): Transport {
  const peer = { kind: 'in-process', user } as const
  return {
    async request(request) {
      request.signal?.throwIfAborted()
      return handler.handle(request, peer)
    },
    async [Symbol.asyncDispose]() {},
  }
}
