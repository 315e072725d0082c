import type { WebSocket } from 'ws'
import { listHeader, negotiate, type Upgrade } from './upgrade.ts'

/** No client sends larger messages; more ends the connection with 1009. */
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024

/**
 * Agrees on a protocol and completes the handshake. By hand in so far as the library refuses the names with a slash
 * that kubectl uses (`SPDY/3.1+portforward.k8s.io`).
 */
export async function acceptWebSocket<P extends string>(
  upgrade: Upgrade,
  spoken: readonly P[],
): Promise<{ readonly socket: WebSocket; readonly protocol: P }> {
  const { WebSocketServer } = await import('ws')
  const protocol = negotiate(listHeader(upgrade.request, 'sec-websocket-protocol'), spoken)
  delete upgrade.request.headers['sec-websocket-protocol']
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    clientTracking: false,
  })
  if (protocol !== '') server.on('headers', (headers) => headers.push(`Sec-WebSocket-Protocol: ${protocol}`))
  const socket = await new Promise<WebSocket>((resolve, reject) => {
    const onClose = (): void => reject(new Error('the WebSocket handshake failed'))
    upgrade.socket.once('close', onClose)
    server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.head, (accepted) => {
      upgrade.socket.off('close', onClose)
      resolve(accepted)
    })
  })
  // Whatever goes wrong ends in `close`.
  socket.on('error', () => {})
  return { socket, protocol }
}
