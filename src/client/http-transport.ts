import type { Duplex } from 'node:stream'
import { takeLateAnswers } from './late-answers.ts'
import { readFrames } from './read-frames.ts'
import type { ResponseBody, Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface HttpTransportOptions {
  /** `https://host:port`, with an optional path in front of the API's. */
  readonly server: string
  readonly ca?: string | undefined
  readonly certificate?: string | undefined
  readonly key?: string | undefined
  /** A bearer token, or what gives the current one; asked to refresh it when a server refused it. */
  readonly token?: string | ((options: { readonly refresh: boolean }) => Promise<string>) | undefined
  readonly insecureSkipTLSVerify?: boolean | undefined
  readonly serverName?: string | undefined
  readonly userAgent?: string | undefined
  /** How often an open connection is asked whether the other end is still there; one that has not answered by the next time is closed. */
  readonly pingMs?: number | undefined
  /** Of one answer; the request fails when the other end sends more. */
  readonly answerBytesMax?: number | undefined
}

/** A server that vanishes without a word is noticed in twice this time; upstream's clients take 45 s. */
const PING_MS = 20_000
const CONNECT_MS_MAX = 10_000

/** An API server at the other end of a network, by undici, which is loaded with the first request. */
export function httpTransport(options: HttpTransportOptions): Transport {
  let agent: Promise<import('undici').Agent> | undefined
  const base = new URL(options.server)
  const prefix = base.pathname.replace(/\/$/, '')
  const tls = {
    ca: options.ca,
    cert: options.certificate,
    key: options.key,
    servername: options.serverName,
    rejectUnauthorized: !options.insecureSkipTLSVerify,
  }
  const send = async (request: TransportRequest, refresh: boolean): Promise<TransportResponse> => {
    const { request: call } = await import('undici')
    agent ??= openAgent(tls, options)
    const query = request.query?.toString()
    const response = await call(`${base.origin}${prefix}${request.path}${query ? `?${query}` : ''}`, {
      method: request.method,
      headers: {
        accept: 'application/json',
        'user-agent': options.userAgent ?? 't8s',
        ...(await authorization(options, refresh)),
        ...request.headers,
      },
      body: encode(request),
      signal: request.signal ?? null,
      dispatcher: await agent,
      // Watches and logs last as long as they last.
      bodyTimeout: 0,
      headersTimeout: 0,
    })
    return readResponse(request, response)
  }
  return {
    async request(request) {
      const answer = await send(request, false)
      return answer.status === 401 && typeof options.token === 'function' ? send(request, true) : answer
    },
    async upgrade(request) {
      return upgrade(base, prefix, tls, { ...request, headers: { ...(await authorization(options)), ...request.headers } })
    },
    async [Symbol.asyncDispose]() {
      await (await agent)?.destroy()
    },
  }
}

async function openAgent(
  tls: object,
  { pingMs = PING_MS, answerBytesMax = -1 }: HttpTransportOptions,
): Promise<import('undici').Agent> {
  const { Agent } = await import('undici')
  takeLateAnswers()
  const connect = { ...tls, timeout: Math.min(CONNECT_MS_MAX, pingMs) }
  const bounds = { connections: 8, pipelining: 1, maxResponseSize: answerBytesMax }
  return new Agent({ connect, allowH2: true, pingInterval: pingMs, ...bounds })
}

async function authorization({ token }: HttpTransportOptions, refresh = false): Promise<Record<string, string>> {
  if (token === undefined) return {}
  return { authorization: `Bearer ${typeof token === 'string' ? token : await token({ refresh })}` }
}

function encode({ body }: TransportRequest): Buffer | null {
  if (body === undefined) return null
  if (body.kind === 'object') return Buffer.from(JSON.stringify(body.object))
  if (body.kind === 'bytes') return Buffer.from(body.bytes)
  throw new Error('a streamed body can not be sent again and is not supported')
}

async function readResponse(
  request: TransportRequest,
  response: import('undici').Dispatcher.ResponseData,
): Promise<TransportResponse> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(response.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '')
  const watching = request.query?.get('watch') === 'true' && response.statusCode < 400
  const json = (headers['content-type'] ?? '').startsWith('application/json')
  let body: ResponseBody
  if (watching) body = { kind: 'watch', frames: readFrames(response.body, request.signal) }
  else if (json || response.statusCode >= 400) body = { kind: 'bytes', bytes: new Uint8Array(await response.body.arrayBuffer()) }
  else body = { kind: 'stream', stream: response.body }
  return { status: response.statusCode, headers, body }
}

async function upgrade(base: URL, prefix: string, tls: object, request: TransportRequest): Promise<Duplex> {
  const { request: send } = await import('node:https')
  const query = request.query?.toString()
  return new Promise((resolve, reject) => {
    const outgoing = send({
      ...tls,
      host: base.hostname,
      port: base.port || 443,
      path: `${prefix}${request.path}${query ? `?${query}` : ''}`,
      method: request.method,
      headers: { connection: 'Upgrade', ...request.headers },
      signal: request.signal,
    })
    outgoing.on('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head)
      resolve(socket)
    })
    outgoing.on('response', (response) => {
      response.resume()
      reject(new Error(`the server refused the upgrade with ${response.statusCode}`))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
