import type { Clock } from '#base'
import { SpdyConnection, type SpdyStream } from '#client'
import { badRequest, type Status } from '#meta'
import { type CommandStreams, parseSize, type StreamOptions } from './command-streams.ts'
import { acceptSpdy, listHeader, negotiate, type Upgrade } from './upgrade.ts'

const PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io', ''] as const
type Protocol = (typeof PROTOCOLS)[number]

/** Streams a client must open before the command starts. */
const STREAMS_MS = 30_000
/** A size is a line of some 30 bytes. */
const RESIZE_BYTES_MAX = 4096

/** Accepts kubectl's older form: a SPDY stream each for errors, input, outputs and the terminal's size. */
export async function acceptSpdyCommand(upgrade: Upgrade, options: StreamOptions, clock: Clock): Promise<CommandStreams> {
  const protocol = negotiate(listHeader(upgrade.request, 'x-stream-protocol-version'), PROTOCOLS)
  const wanted = new Set(['error'])
  if (options.stdin) wanted.add('stdin')
  if (options.stdout) wanted.add('stdout')
  if (options.stderr && !options.tty) wanted.add('stderr')
  if (options.tty && (protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io')) wanted.add('resize')

  const streams = new Map<string, SpdyStream>()
  const complete = Promise.withResolvers<void>()
  acceptSpdy(upgrade, protocol)
  const connection = await SpdyConnection.open(upgrade.socket, {
    role: 'server',
    clock,
    onStream(stream) {
      const type = stream.headers['streamtype'] ?? ''
      if (!wanted.has(type) || streams.has(type)) stream.destroy()
      else streams.set(type, stream)
      if (streams.size === wanted.size) complete.resolve()
    },
  })
  using _deadline = clock.after(STREAMS_MS, () => complete.reject(badRequest('timed out waiting for client to create streams')))
  connection.closed.then(
    () => complete.reject(badRequest('the client hung up')),
    () => {},
  )
  try {
    await complete.promise
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw error
  }
  return streamsOf(connection, streams, protocol)
}

function streamsOf(connection: SpdyConnection, streams: ReadonlyMap<string, SpdyStream>, protocol: Protocol): CommandStreams {
  const error = streams.get('error')!
  error.resume()
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    onResize(handler) {
      readSizes(streams.get('resize'), handler)
    },
    async finish(status) {
      const text = statusText(status, protocol)
      await new Promise<void>((resolve) => {
        error.once('close', resolve)
        if (text === '') error.end(resolve)
        else error.end(text, resolve)
      })
      await connection.close()
    },
    closed: connection.closed,
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  }
}

/** Before v4 only failures were told, in words. */
const statusText = (status: Status, protocol: Protocol): string => {
  if (protocol === 'v4.channel.k8s.io') return JSON.stringify(status)
  return status.status === 'Success' ? '' : (status.message ?? 'failed')
}

/** Sizes come as JSON objects one after another, with or without a line end. */
function readSizes(stream: SpdyStream | undefined, handler: (width: number, height: number) => void): void {
  let held = ''
  stream?.on('data', (chunk: Buffer) => {
    held += chunk.toString('utf8')
    for (let end = held.indexOf('}'); end !== -1; end = held.indexOf('}')) {
      const size = parseSize(held.slice(0, end + 1))
      held = held.slice(end + 1)
      if (size !== undefined) handler(size.width, size.height)
    }
    if (held.length > RESIZE_BYTES_MAX) held = ''
  })
}
