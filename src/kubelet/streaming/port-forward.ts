import type { Duplex } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { SpdyConnection, type SpdyStream } from '#client'
import { badRequest, StatusError } from '#meta'
import { Channels } from './channels.ts'
import type { StreamingDependencies } from './command.ts'
import { acceptSpdy, kindOf, listHeader, negotiate, refuse, type Upgrade } from './upgrade.ts'
import { acceptWebSocket } from './websocket.ts'

/** Connects to a port of the pod. */
export type OpenPort = (port: number) => Promise<Duplex>

const SPDY_PROTOCOLS = ['portforward.k8s.io', ''] as const
const WEBSOCKET_PROTOCOLS = [
  'SPDY/3.1+portforward.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'portforward.k8s.io',
  '',
] as const

/** A half of a pair that stays alone for longer is given up. */
const PAIR_MS = 30_000
const CONNECTIONS_MAX = 1024
/** A channel each for data and errors, numbered by one byte. */
const CHANNEL_PORTS_MAX = 120

/** Serves one port-forward to its end. A refusal and every failure are told to the client, never thrown. */
export async function servePortForward(
  upgrade: Upgrade,
  query: URLSearchParams,
  open: OpenPort,
  dependencies: StreamingDependencies,
): Promise<void> {
  upgrade.socket.on('error', () => {})
  try {
    if (kindOf(upgrade) === 'spdy') {
      const protocol = negotiate(listHeader(upgrade.request, 'x-stream-protocol-version'), SPDY_PROTOCOLS)
      acceptSpdy(upgrade, protocol)
      await serveSpdy(upgrade.socket, open, dependencies)
      return
    }
    const ports = parsePorts(query)
    const { socket, protocol } = await acceptWebSocket(upgrade, WEBSOCKET_PROTOCOLS)
    if (protocol === 'SPDY/3.1+portforward.k8s.io') {
      const { createWebSocketStream } = await import('ws')
      const tunnel = createWebSocketStream(socket)
      tunnel.on('error', () => {})
      await serveSpdy(tunnel, open, dependencies)
    } else await serveChannels(socket, protocol.includes('base64'), ports, open)
  } catch (error) {
    if (error instanceof StatusError && upgrade.socket.writable) refuse(upgrade, error)
    else upgrade.socket.destroy()
  }
}

interface Pair {
  readonly data?: SpdyStream | undefined
  readonly error?: SpdyStream | undefined
}

/** Each connection the client takes is a pair of streams with one request id: data, and one for what went wrong. */
async function serveSpdy(socket: Duplex, open: OpenPort, { clock, log }: StreamingDependencies): Promise<void> {
  const waiting = new Map<string, Pair>()
  const timers = new Map<string, Disposable>()
  await using connection = await SpdyConnection.open(socket, {
    role: 'server',
    clock,
    onStream(stream) {
      const { port = '', requestid = '', streamtype } = stream.headers
      const id = `${requestid}/${port}`
      const pair: Pair = { ...waiting.get(id), [streamtype === 'error' ? 'error' : 'data']: stream }
      if (!isPort(port) || waiting.size >= CONNECTIONS_MAX || (streamtype !== 'error' && streamtype !== 'data')) {
        stream.destroy()
        return
      }
      if (pair.data === undefined || pair.error === undefined) {
        waiting.set(id, pair)
        const giveUp = (): void => {
          waiting.delete(id)
          stream.destroy()
        }
        timers.set(id, clock.after(PAIR_MS, giveUp))
        return
      }
      waiting.delete(id)
      timers.get(id)?.[Symbol.dispose]()
      timers.delete(id)
      forward(pair.data, pair.error, Number(port), open).catch((error) =>
        log.debug('A forwarded connection broke off', { error }),
      )
    },
  })
  await connection.closed
  for (const timer of timers.values()) timer[Symbol.dispose]()
}

async function forward(data: SpdyStream, error: SpdyStream, port: number, open: OpenPort): Promise<void> {
  error.resume()
  try {
    const target = await open(port)
    await joinBoth(data, target)
    error.end()
  } catch (failure) {
    error.end(`error forwarding port ${port} to pod: ${failure instanceof Error ? failure.message : String(failure)}`)
    data.end()
    data.resume()
  }
}

/** Copies both ways, each to its end. */
async function joinBoth(near: Duplex, far: Duplex): Promise<void> {
  try {
    await Promise.all([pipeline(near, far), pipeline(far, near)])
  } finally {
    far.destroy()
  }
}

/** The form of other WebSocket clients: per port in the query a channel for data and one for errors, each led by the port's number. */
async function serveChannels(
  socket: import('ws').WebSocket,
  base64: boolean,
  ports: readonly number[],
  open: OpenPort,
): Promise<void> {
  const channels = new Channels(socket, { base64 })
  const targets = new Map<number, Duplex>()
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  channels.onMessage((channel, bytes) => {
    const target = targets.get(channel)
    if (target === undefined || target.destroyed || bytes.length === 0 || target.write(bytes) || socket.isPaused) return
    socket.pause()
    target.once('drain', () => socket.resume())
    target.once('close', () => socket.resume())
  })
  await Promise.all(
    ports.map(async (port, index) => {
      const [data, error] = [index * 2, index * 2 + 1]
      const number = Uint8Array.of(port & 0xff, port >> 8)
      await channels.send(data, number)
      await channels.send(error, number)
      try {
        const target = await open(port)
        targets.set(data, target)
        await pipeline(target, channels.writable(data))
      } catch (failure) {
        const message = failure instanceof Error ? failure.message : String(failure)
        await channels.send(error, Buffer.from(`error forwarding port ${port} to pod: ${message}`)).catch(() => {})
      }
    }),
  ).catch(() => {})
  socket.close(1000)
  await ended
  for (const target of targets.values()) target.destroy()
}

const isPort = (text: string): boolean => /^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536

function parsePorts(query: URLSearchParams): number[] {
  const texts = query.getAll('port').flatMap((text) => text.split(','))
  if (!texts.every(isPort)) throw badRequest(`invalid port in ${JSON.stringify(texts.join(','))}`)
  if (texts.length > CHANNEL_PORTS_MAX) throw badRequest(`no more than ${CHANNEL_PORTS_MAX} ports can be forwarded at once`)
  return texts.map(Number)
}
