import { Duplex, PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Clock } from '#base'
import { SpdyConnection, type SpdyStream } from '#client'
import type { Status } from '#meta'
import { type ExecOptions, RuntimeError, type StreamSession } from '../runtime.ts'

const EXEC_PROTOCOL = 'v4.channel.k8s.io'
const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io'
const HANDSHAKE_MS = 30_000

/** Opens the streams that stand behind the URL of an Exec or Attach. */
export async function openSession(url: string, options: Omit<ExecOptions, 'command'>, clock: Clock): Promise<StreamSession> {
  const connection = await connect(url, EXEC_PROTOCOL, clock)
  try {
    const open = (wanted: boolean, streamtype: string): Promise<SpdyStream | undefined> =>
      wanted ? connection.createStream({ streamtype }) : Promise.resolve(undefined)
    // All at once: the runtime waits for the whole set.
    const [error, stdin, stdout, stderr, resize] = await Promise.all([
      connection.createStream({ streamtype: 'error' }),
      open(options.stdin, 'stdin'),
      open(options.stdout, 'stdout'),
      open(options.stderr && !options.tty, 'stderr'),
      open(options.tty, 'resize'),
    ])
    return sessionOf(connection, { error, stdin, stdout, stderr, resize })
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw new RuntimeError('Unavailable', 'the runtime did not take the streams', { cause: error })
  }
}

/** Connects to a port behind the URL of a PortForward. */
export async function openPort(url: string, port: number, clock: Clock): Promise<Duplex> {
  const connection = await connect(url, PORT_FORWARD_PROTOCOL, clock)
  try {
    const about = { port: String(port), requestid: '0' }
    const error = await connection.createStream({ streamtype: 'error', ...about })
    error.end()
    const data = await connection.createStream({ streamtype: 'data', ...about })
    const failure = text(error).catch(() => '')
    const received = new PassThrough()
    data.pipe(received, { end: false })
    // The end of the data may overtake the word on why it ended.
    data.once('end', async () => {
      const message = await failure
      if (message === '') received.end()
      else received.destroy(new RuntimeError('Unknown', message))
    })
    const joined = Duplex.from({ readable: received, writable: data })
    joined.once('close', () => void connection[Symbol.asyncDispose]())
    return joined
  } catch (error) {
    await connection[Symbol.asyncDispose]()
    throw new RuntimeError('Unavailable', 'the runtime did not take the streams', { cause: error })
  }
}

interface Streams {
  readonly error: SpdyStream
  readonly stdin: SpdyStream | undefined
  readonly stdout: SpdyStream | undefined
  readonly stderr: SpdyStream | undefined
  readonly resize: SpdyStream | undefined
}

function sessionOf(connection: SpdyConnection, { error, stdin, stdout, stderr, resize }: Streams): StreamSession {
  const dispose = (): Promise<void> => connection[Symbol.asyncDispose]()
  const outputs = [stdout, stderr].filter((stream) => stream !== undefined)
  const ended = outputs.map((stream) => endOf(stream))
  for (const stream of [stdin, ...outputs]) {
    stream?.once('close', () => {
      if (!stream.endedByPeer && !stream.readableEnded) void dispose()
    })
  }
  const done = (async () => {
    const status = await text(error).catch(() => '')
    await Promise.all(ended)
    await dispose()
    return exitCodeOf(status)
  })()
  done.catch(() => {})
  return {
    stdin,
    stdout,
    stderr,
    resize(width, height) {
      if (resize?.writable) resize.write(`${JSON.stringify({ Width: width, Height: height })}\n`)
    },
    done,
    [Symbol.asyncDispose]: dispose,
  }
}

const endOf = (stream: SpdyStream): Promise<void> =>
  new Promise((resolve) => {
    stream.once('end', resolve)
    stream.once('close', resolve)
  })

/** The error stream says how it ended. */
function exitCodeOf(said: string): number {
  if (said === '') throw new RuntimeError('Unavailable', 'the session broke off')
  let status: Partial<Status>
  try {
    status = JSON.parse(said) as Partial<Status>
  } catch {
    throw new RuntimeError('Unknown', said)
  }
  if (status.status === 'Success') return 0
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message
  if (code !== undefined && /^\d+$/.test(code)) return Number(code)
  throw new RuntimeError('Unknown', status.message ?? said)
}

async function connect(url: string, protocol: string, clock: Clock): Promise<SpdyConnection> {
  const { request } = await import('node:http')
  const socket = await new Promise<Duplex>((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol },
    })
    const timer = clock.after(HANDSHAKE_MS, () => outgoing.destroy(new Error('the runtime did not answer in time')))
    outgoing.once('close', () => timer[Symbol.dispose]())
    outgoing.once('error', (error) => reject(new RuntimeError('Unavailable', error.message, { cause: error })))
    outgoing.once('upgrade', (_response, upgraded: Duplex, head: Buffer) => {
      timer[Symbol.dispose]()
      if (head.length > 0) upgraded.unshift(head)
      resolve(upgraded)
    })
    outgoing.once('response', (response) => {
      timer[Symbol.dispose]()
      text(response).then(
        (said) => reject(new RuntimeError('Unknown', said || `the runtime answered ${response.statusCode}`)),
        reject,
      )
    })
    outgoing.end()
  })
  return SpdyConnection.open(socket, { role: 'client', clock })
}
