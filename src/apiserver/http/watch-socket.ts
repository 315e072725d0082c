import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TransportResponse, WatchFrame } from '#client'
import { handshakeRefusal } from './handshake.ts'

/** A client of a watch has nothing to say. */
const MESSAGE_BYTES_MAX = 4 * 1024
/** Bytes that wait for a slow client before no more frames are taken from its watch. */
const UNSENT_BYTES_MAX = 64 * 1024
/** What a frame of protobuf begins with, and a message, which has an end, does not. */
const PROTOBUF_LENGTH_BYTES = 4

const NORMAL_CLOSURE = 1000

export interface UpgradeRequest {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

/** Sends a watch over a WebSocket, a message per frame: text for JSON, binary for protobuf. `stop` ends the watch when the client goes. */
export async function sendWatch(
  { request, socket, head }: UpgradeRequest,
  { headers, body }: TransportResponse & { readonly body: { readonly kind: 'watch' } },
  stop: () => void,
): Promise<void> {
  const refusal = handshakeRefusal(request.headers)
  if (refusal !== undefined) {
    stop()
    socket.end(refusal)
    return
  }
  const { WebSocketServer } = await import('ws')
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: MESSAGE_BYTES_MAX,
    perMessageDeflate: false,
    clientTracking: false,
    handleProtocols: ([offered]) => offered ?? false,
  })
  socket.once('close', stop)
  const client = await new Promise<import('ws').WebSocket>((resolve, reject) => {
    const onClose = (): void => reject(new Error('the WebSocket handshake failed'))
    socket.once('close', onClose)
    server.handleUpgrade(request, socket, head, (accepted) => {
      socket.off('close', onClose)
      resolve(accepted)
    })
  })
  // Whatever goes wrong ends in `close`.
  client.on('error', () => undefined)
  client.on('close', stop)
  await sendFrames(client, body.frames, !/^application\/json\b/.test(headers['content-type'] ?? ''))
}

async function sendFrames(client: import('ws').WebSocket, frames: AsyncIterable<WatchFrame>, binary: boolean): Promise<void> {
  for await (const frame of frames) {
    if (client.readyState !== client.OPEN) break
    const sent = Promise.withResolvers<void>()
    client.send(binary ? frame.bytes().subarray(PROTOBUF_LENGTH_BYTES) : frame.bytes(), { binary }, () => sent.resolve())
    if (client.bufferedAmount > UNSENT_BYTES_MAX) await sent.promise
  }
  client.close(NORMAL_CLOSURE)
}
