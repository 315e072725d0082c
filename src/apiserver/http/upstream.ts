import type { ClientRequest, IncomingMessage } from 'node:http'
import type { RequestOptions } from 'node:https'
import type { Duplex } from 'node:stream'
import type { ResponseBody, TransportResponse } from '#client'
import { badRequest, failure } from '#meta'

/** Calls another server (a kubelet, a pod) over HTTP/1.1 and passes its answer through as it comes. */
export async function callUpstream(
  target: { readonly secure: boolean; readonly options: RequestOptions },
  body: AsyncIterable<Uint8Array> | Uint8Array | undefined,
  signal: AbortSignal,
): Promise<TransportResponse> {
  const { request } = target.secure ? await import('node:https') : await import('node:http')
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = begin(() => request({ ...target.options, signal }, resolve))
    outgoing.on('error', (error) => reject(unreachable(error)))
    // A switch of protocols that nobody asked for closes the connection without a word.
    outgoing.on('close', () => reject(unreachable(new Error('EOF'))))
    if (body === undefined) outgoing.end()
    else if (body instanceof Uint8Array) outgoing.end(body)
    else
      send(body, outgoing).catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))))
  })
  const { 'set-cookie': cookies, ...received } = response.headers
  const headers = withoutHops(received as Readonly<Record<string, string>>)
  const stream: ResponseBody = { kind: 'stream', stream: response }
  return { status: response.statusCode ?? 502, headers, body: stream, ...(cookies && { cookies }) }
}

/** Asks for an upgrade and resolves with the connection once the other end switched; the head it sent is put back in front. */
export async function upgradeUpstream(target: {
  readonly secure: boolean
  readonly options: RequestOptions
}): Promise<{ readonly socket: Duplex; readonly response: IncomingMessage; readonly upgraded: boolean }> {
  const { request } = target.secure ? await import('node:https') : await import('node:http')
  return new Promise((resolve, reject) => {
    const outgoing = begin(() => request(target.options))
    outgoing.on('upgrade', (response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve({ socket, response, upgraded: true })
    })
    outgoing.on('response', (response) => resolve({ socket: response.socket, response, upgraded: false }))
    outgoing.on('error', (error) => reject(unreachable(error)))
    outgoing.end()
  })
}

/** Headers that are about one connection only (RFC 9110, 7.6.1), and those that HTTP/2 forbids as such (RFC 9113, 8.2.2). */
const HOP_BY_HOP = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What is passed on of headers by their lower-case names: none of HTTP/2's own, and none that are about one connection, whether always or since `connection` says so. */
export function withoutHops(headers: Readonly<Record<string, string>>): Record<string, string> {
  const named = new Set((headers['connection'] ?? '').split(',').map((name) => name.trim().toLowerCase()))
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name) && !name.startsWith(':')),
  )
}

/**
 * `X-Forwarded-For` of a request that is passed on: whoever it says it came through, and then whom it came from. What stands in front is a client's word, of which who reads
 * it believes as much as it likes, as behind any proxy.
 */
export function forwardedFor(headers: Readonly<Record<string, string>>, address: string | undefined): Record<string, string> {
  if (address === undefined) return {}
  const before = headers['x-forwarded-for']
  return { 'x-forwarded-for': before ? `${before}, ${address}` : address }
}

/** What no request may hold is the client's fault; a port that is none leads nowhere. */
function begin(request: () => ClientRequest): ClientRequest {
  try {
    return request()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_UNESCAPED_CHARACTERS' || code === 'ERR_INVALID_CHAR') throw badRequest(message, error)
    throw unreachable(error as Error)
  }
}

const unreachable = (error: Error): Error =>
  failure(503, 'ServiceUnavailable', `error trying to reach service: ${error.message}`, undefined, error)

async function send(body: AsyncIterable<Uint8Array>, outgoing: ClientRequest): Promise<void> {
  const { pipeline } = await import('node:stream/promises')
  await pipeline(body, outgoing)
}
