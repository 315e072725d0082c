import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Clock, Log } from '#base'
import { failure, internalError, type Status, StatusError, success } from '#meta'
import type { StreamSession } from '../runtimes/runtime.ts'
import type { CommandStreams, StreamOptions } from './command-streams.ts'
import { acceptSpdyCommand } from './spdy-command.ts'
import { kindOf, refuse, type Upgrade } from './upgrade.ts'
import { acceptWebSocketCommand } from './websocket-command.ts'

export interface StreamingDependencies {
  readonly clock: Clock
  readonly log: Log
}

/** The parameters of `/exec` and `/attach` in the kubelet's names. Throws what to answer when nothing is asked for. */
export function parseStreamOptions(query: URLSearchParams): StreamOptions {
  const on = (name: string): boolean => query.get(name) === '1' || query.get(name) === 'true'
  const options = { stdin: on('input'), stdout: on('output'), stderr: on('error') && !on('tty'), tty: on('tty') }
  if (options.stdin || options.stdout || options.stderr) return options
  throw failure(400, 'BadRequest', 'you must specify at least 1 of stdin, stdout, stderr')
}

/**
 * Serves one exec or attach to its end: agrees on a protocol, then opens the session and joins both.
 * Resolves when all is over; a refusal and every failure are told to the client, never thrown.
 */
export async function serveCommand(
  upgrade: Upgrade,
  options: StreamOptions,
  open: () => Promise<StreamSession>,
  dependencies: StreamingDependencies,
): Promise<void> {
  let streams: CommandStreams
  upgrade.socket.on('error', () => {})
  try {
    const accept = kindOf(upgrade) === 'spdy' ? acceptSpdyCommand : acceptWebSocketCommand
    streams = await accept(upgrade, options, dependencies.clock)
  } catch (error) {
    if (error instanceof StatusError && upgrade.socket.writable) refuse(upgrade, error)
    else upgrade.socket.destroy()
    return
  }
  await using _streams = streams
  try {
    await streams.finish(await run(streams, open))
  } catch (error) {
    dependencies.log.debug('A stream broke off', { error })
  }
}

async function run(streams: CommandStreams, open: () => Promise<StreamSession>): Promise<Status> {
  try {
    await using session = await open()
    // A client that is gone ends the session: nobody would read on.
    const gone = streams.closed.then(() => session[Symbol.asyncDispose]())
    gone.catch(() => {})
    streams.onResize((width, height) => session.resize(width, height))
    const outputs = [join(session.stdout, streams.stdout), join(session.stderr, streams.stderr)]
    // Input may go on forever; the command's end ends it.
    const input = join(streams.stdin, session.stdin)
    const code = await session.done
    await Promise.all(outputs)
    streams.stdin?.destroy()
    await input
    return statusOfExit(code)
  } catch (error) {
    return internalErrorOf(error)
  }
}

/** Copies to the end; that one side breaks off is for `done` to report. */
async function join(from: Readable | undefined, to: Writable | undefined): Promise<void> {
  if (from === undefined) return
  if (to === undefined) {
    from.resume()
    return
  }
  await pipeline(from, to).catch(() => {})
}

/** What clients turn into their own exit code. */
export function statusOfExit(code: number): Status {
  if (code === 0) return success() as Status
  const message = `command terminated with non-zero exit code: exit status ${code}`
  const causes = [{ reason: 'ExitCode', message: String(code) }]
  return { metadata: {}, status: 'Failure', reason: 'NonZeroExitCode', message, details: { causes } } as unknown as Status
}

const internalErrorOf = (error: unknown): Status => (error instanceof StatusError ? error : internalError(error)).status
