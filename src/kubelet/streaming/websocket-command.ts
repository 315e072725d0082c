import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { WebSocket } from 'ws'
import type { Clock } from '#base'
import type { Status } from '#meta'
import { Channels } from './channels.ts'
import { type CommandStreams, parseSize, type StreamOptions } from './command-streams.ts'
import type { Upgrade } from './upgrade.ts'
import { acceptWebSocket } from './websocket.ts'

const PROTOCOLS = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
] as const

const STDIN = 0
const STDOUT = 1
const STDERR = 2
const ERROR = 3
const RESIZE = 4
/** v5: the byte after it names a channel that will carry no more. */
const CLOSE = 255

/** How long the other end has to answer our goodbye. */
const CLOSE_MS = 2_000

/** Accepts an exec or attach over WebSocket: one connection, a channel each for input, outputs, errors and the terminal's size. */
export async function acceptWebSocketCommand(upgrade: Upgrade, options: StreamOptions, clock: Clock): Promise<CommandStreams> {
  const { socket, protocol } = await acceptWebSocket(upgrade, PROTOCOLS)
  const channels = new Channels(socket, { base64: protocol.includes('base64') })
  const closed = once(socket, 'close').then(() => {})
  const stdin = options.stdin ? new PassThrough() : undefined
  const sizes: ((width: number, height: number) => void)[] = []
  channels.onMessage((channel, bytes) => {
    if (channel === STDIN && stdin !== undefined) feed(socket, stdin, bytes)
    else if (channel === CLOSE && protocol === 'v5.channel.k8s.io' && bytes[0] === STDIN) stdin?.end()
    else if (channel === RESIZE) {
      const size = parseSize(bytes.toString('utf8'))
      if (size !== undefined) for (const handler of sizes) handler(size.width, size.height)
    }
  })
  closed.then(
    () => stdin?.end(),
    () => {},
  )
  const outputs = [...(options.stdout ? [STDOUT] : []), ...(options.stderr && !options.tty ? [STDERR] : [])]
  // Tells clients that wait for a first message that we are there.
  await channels.send(outputs[0] ?? ERROR, new Uint8Array()).catch(() => {})
  return {
    stdin,
    stdout: outputs.includes(STDOUT) ? channels.writable(STDOUT) : undefined,
    stderr: outputs.includes(STDERR) ? channels.writable(STDERR) : undefined,
    onResize: (handler) => void sizes.push(handler),
    async finish(status) {
      const text = protocol.startsWith('v') ? JSON.stringify(status) : plain(status)
      if (text !== '') await channels.send(ERROR, Buffer.from(text)).catch(() => {})
      socket.close(1000)
      using _timer = clock.after(CLOSE_MS, () => socket.terminate())
      await closed
    },
    closed,
    async [Symbol.asyncDispose]() {
      socket.terminate()
      await closed
    },
  }
}

/** Hands on input, and stops reading from the network while the command does not take it. */
function feed(socket: WebSocket, stdin: PassThrough, bytes: Buffer): void {
  if (bytes.length === 0 || stdin.writableEnded || stdin.destroyed || stdin.write(bytes) || socket.isPaused) return
  socket.pause()
  stdin.once('drain', () => socket.resume())
}

/** Before v4 only failures were told, in words. */
const plain = (status: Status): string => (status.status === 'Success' ? '' : (status.message ?? 'failed'))
