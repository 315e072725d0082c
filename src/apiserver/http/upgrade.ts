import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { EndingPatience } from '#base'
import type { Peer, TransportRequest } from '#client'
import { failure, internalError, statusOf } from '#meta'
import type { AuditTrail } from '../audit/index.ts'
import { withoutTokenProtocol } from '../authentication/bearer.ts'
import type { Pipeline } from '../pipeline.ts'
import { type RequestInfo, requestInfoOf } from '../request-info.ts'
import { type Lifecycle, shuttingDown } from '../shutdown/lifecycle.ts'
import { proxyTarget } from '../subresources/proxy.ts'
import { streamTarget } from '../subresources/streams.ts'
import { bodyOf, Http1Head, IncomingRequest } from './incoming-request.ts'
import { Http1Sink } from './sink.ts'
import { forwardedFor, upgradeUpstream } from './upstream.ts'
import { sendWatch, type UpgradeRequest } from './watch-socket.ts'
import { writeBody } from './write-body.ts'

/** What requests are served by, as long as it serves any. */
export interface Served {
  readonly pipeline: Pipeline
  readonly lifecycle: Lifecycle
}

/** exec, attach, port-forward and proxied upgrades: admitted like any request, then bytes both ways. Watches: a message per frame. */
export async function upgrade(
  { pipeline, lifecycle }: Served,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  peer: Peer,
): Promise<void> {
  socket.on('error', () => socket.destroy())
  if (lifecycle.isRefusing) {
    refuse(socket, statusOf(shuttingDown()))
    return
  }
  let recorded: AuditTrail | undefined
  try {
    const gone = new EndingPatience()
    const asked = new IncomingRequest(new Http1Head(request), () => bodyOf(request), gone)
    removeCredentials(request, (name) => pipeline.isCredential(name))
    if (pipeline.isRemote(asked.path)) {
      const { user, trail, address } = await pipeline.admit(asked, peer)
      recorded = trail
      const { headers } = new IncomingRequest(new Http1Head(request), () => bodyOf(request), gone)
      await connect(request, socket, head, pipeline.remoteTarget({ ...asked, headers }, user, address), trail)
      return
    }
    if (infoOf(asked)?.verb === 'watch') {
      await upgradeToWatch(pipeline, asked, { request, socket, head }, peer, gone)
      return
    }
    const { context, trail, address } = await pipeline.admit(asked, peer)
    recorded = trail
    Object.assign(request.headers, forwardedFor(request.headers as Readonly<Record<string, string>>, address))
    if (context === undefined) throw failure(400, 'BadRequest', 'this path can not be upgraded')
    const dependencies = pipeline.dispatcher.dependencies
    const target =
      context.info.subresource === 'proxy' ? await proxyTarget(context, dependencies) : await streamTarget(context, dependencies)
    await connect(request, socket, head, target, trail)
  } catch (error) {
    const status = statusOf(error)
    await recorded?.failed(status, false)
    refuse(socket, status)
  }
}

const CONNECTING: readonly string[] = ['exec', 'attach', 'portforward', 'proxy']

/** Whether a wish for another protocol is heard: anywhere else a request is answered as if it had none. */
export function isUpgraded(pipeline: Pipeline, request: IncomingMessage): boolean {
  const asked = new IncomingRequest(new Http1Head(request), () => bodyOf(request), new EndingPatience())
  if (pipeline.isRemote(asked.path)) return true
  const info = infoOf(asked)
  if (info?.verb === 'watch') return request.headers.upgrade?.toLowerCase() === 'websocket'
  return CONNECTING.includes(info?.subresource ?? '')
}

/** Nothing of a path that is none: it is refused by whoever reads it next. */
function infoOf({ method, path, query }: TransportRequest): Extract<RequestInfo, { kind: 'resource' }> | undefined {
  try {
    const info = requestInfoOf({ method, path, query })
    return info.kind === 'resource' ? info : undefined
  } catch {
    return undefined
  }
}

/** Whoever is at the other end need not know how the client proved itself here. */
function removeCredentials({ headers }: IncomingMessage, isCredential: (name: string) => boolean): void {
  for (const name of Object.keys(headers)) if (isCredential(name)) delete headers[name]
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined) headers['sec-websocket-protocol'] = withoutTokenProtocol(protocols)
}

async function upgradeToWatch(
  pipeline: Pipeline,
  asked: TransportRequest,
  upgraded: UpgradeRequest,
  peer: Peer,
  gone: EndingPatience,
): Promise<void> {
  const response = await pipeline.handle(asked, peer)
  const { body } = response
  if (body.kind === 'watch') {
    await sendWatch(upgraded, { ...response, body }, () => gone.end(new DOMException('the client went away', 'AbortError')))
    return
  }
  const { ServerResponse } = await import('node:http')
  const answer = new ServerResponse(upgraded.request)
  answer.assignSocket(upgraded.socket as Socket)
  answer.once('finish', () => upgraded.socket.end())
  await writeBody(new Http1Head(upgraded.request), new Http1Sink(answer, () => true), response)
}

async function connect(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: Awaited<ReturnType<typeof streamTarget>>,
  trail: AuditTrail | undefined,
): Promise<void> {
  const { host: _, ...passed } = request.headers
  const method = request.method ?? 'GET'
  const headers = target.isComplete ? target.options.headers : passed
  const upstream = await upgradeUpstream({ ...target, options: { ...target.options, method, headers } })
  const { response } = upstream
  if (!upstream.upgraded && (response.statusCode ?? 0) < 400) {
    // A redirect of the other end would lead the client and what it proves itself with elsewhere (CVE-2020-8559).
    upstream.socket.destroy()
    throw internalError(new Error(`invalid upgrade response: status code ${response.statusCode}`))
  }
  if (trail !== undefined) {
    await trail.started(response.statusCode ?? 0)
    socket.once('close', () => void trail.ended())
  }
  socket.write(headBytes(response, upstream.upgraded), 'latin1')
  if (!upstream.upgraded) {
    response.pipe(socket)
    return
  }
  if (head.length > 0) upstream.socket.write(head)
  socket.pipe(upstream.socket).pipe(socket)
  for (const [one, other] of [
    [socket, upstream.socket],
    [upstream.socket, socket],
  ] as const) {
    one.on('close', () => other.destroy())
    one.on('error', () => other.destroy())
  }
}

/** The head of the other end's answer. A refusal comes without its framing, and ends with the connection. */
function headBytes({ statusCode, statusMessage, rawHeaders }: IncomingMessage, upgraded: boolean): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`]
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]!
    if (upgraded || !/^(connection|keep-alive|transfer-encoding|upgrade)$/i.test(name))
      lines.push(`${name}: ${rawHeaders[index + 1]}`)
  }
  if (!upgraded) lines.push('Connection: close')
  return `${lines.join('\r\n')}\r\n\r\n`
}

function refuse(socket: Duplex, status: ReturnType<typeof statusOf>): void {
  const body = JSON.stringify(status)
  const head = [
    `HTTP/1.1 ${status.code} ${status.reason ?? ''}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
