import type { IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { ResponseBody, TransportResponse } from '#client'
import { failure } from '#meta'

/** Calls another server (a kubelet, a pod) over HTTP/1.1 and passes its answer through as it comes. */
export async function callUpstream(
  target: { readonly secure: boolean; readonly options: RequestOptions },
  body: AsyncIterable<Uint8Array> | Uint8Array | undefined,
  signal: AbortSignal,
): Promise<TransportResponse> {
  const { request } = target.secure ? await import('node:https') : await import('node:http')
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = request({ ...target.options, signal }, resolve)
    outgoing.on('error', (error) => reject(unreachable(error)))
    if (body === undefined) outgoing.end()
    else if (body instanceof Uint8Array) outgoing.end(body)
    else
      send(body, outgoing).catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))))
  })
  const headers = Object.fromEntries(
    Object.entries(response.headers)
      .filter(([name]) => !HOP_BY_HOP.has(name))
      .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')]),
  )
  const stream: ResponseBody = { kind: 'stream', stream: response }
  return { status: response.statusCode ?? 502, headers, body: stream }
}

/** Asks for an upgrade and resolves with the connection once the other end switched; the head it sent is put back in front. */
export async function upgradeUpstream(target: {
  readonly secure: boolean
  readonly options: RequestOptions
}): Promise<{ readonly socket: Duplex; readonly response: IncomingMessage; readonly upgraded: boolean }> {
  const { request } = target.secure ? await import('node:https') : await import('node:http')
  return new Promise((resolve, reject) => {
    const outgoing = request(target.options)
    outgoing.on('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve({ socket, response, upgraded: true })
    })
    outgoing.on('response', (response) => resolve({ socket: response.socket, response, upgraded: false }))
    outgoing.on('error', (error) => reject(unreachable(error)))
    outgoing.end()
  })
}

/** Headers that are about one connection only (RFC 9110, 7.6.1). */
export const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

const unreachable = (error: Error): Error =>
  failure(503, 'ServiceUnavailable', `error trying to reach service: ${error.message}`, undefined, error)

async function send(body: AsyncIterable<Uint8Array>, outgoing: import('node:http').ClientRequest): Promise<void> {
  const { pipeline } = await import('node:stream/promises')
  await pipeline(body, outgoing)
}
