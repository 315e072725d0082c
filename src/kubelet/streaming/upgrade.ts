import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { badRequest, failure, type StatusError } from '#meta'

/** A request to switch protocols, as an HTTP server hands it over; nothing has been answered yet. */
export interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

export type UpgradeKind = 'spdy' | 'websocket'

/** Throws what to answer when the request asks for neither. */
export function kindOf({ request }: Upgrade): UpgradeKind {
  const wanted = (request.headers.upgrade ?? '').toLowerCase()
  if (wanted === 'websocket') return 'websocket'
  if (wanted === 'spdy/3.1') return 'spdy'
  throw badRequest(`unable to upgrade: unsupported protocol ${JSON.stringify(wanted)}`)
}

/** The first of the client's protocols that we speak; a client that names none speaks the oldest, ''. */
export function negotiate<P extends string>(offered: readonly string[], spoken: readonly P[]): P {
  const names = offered.length === 0 ? [''] : offered
  const found = names.find((name): name is P => (spoken as readonly string[]).includes(name))
  if (found !== undefined) return found
  const lists = `client supports [${names.join(' ')}], server supports [${spoken.join(' ')}]`
  throw failure(403, 'Forbidden', `unable to upgrade: unable to negotiate protocol: ${lists}`)
}

/** Answers 101 and keeps what the client sent ahead. */
export function acceptSpdy({ socket, head }: Upgrade, protocol: string): void {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: SPDY/3.1']
  if (protocol !== '') lines.push(`X-Stream-Protocol-Version: ${protocol}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (head.length > 0) socket.unshift(head)
}

/** Answers with a Status and hangs up. */
export function refuse({ socket }: Upgrade, { status }: StatusError): void {
  const body = JSON.stringify(status)
  const code = status.code
  socket.on('error', () => {})
  socket.end(
    [
      `HTTP/1.1 ${code} ${status.reason || 'Error'}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  )
}

/** Values of a header that may come several times or as a list. */
export function listHeader(request: IncomingMessage, name: string): string[] {
  const values = request.headersDistinct[name] ?? []
  return values
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '')
}
