import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { assert } from '#base'

/** `sun_path` holds 108 bytes with its terminator. */
const SOCKET_PATH_BYTES_MAX = 107
const MESSAGE_BYTES_MAX = 1 << 20

export type ControlHandlers = Readonly<Record<string, (parameters: unknown) => Promise<unknown>>>

/**
 * How the command line talks to a running process of this machine: one JSON request and one JSON answer over a unix socket that only
 * the owner may open. A process is up exactly while its socket answers, so a stale file or a reused process id cannot mislead.
 */
export async function serveControl(path: string, handlers: ControlHandlers): Promise<AsyncDisposable> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX) {
    throw new Error(
      `the path ${path} is too long for a socket; choose a shorter --data-dir (at most ${SOCKET_PATH_BYTES_MAX} bytes in all)`,
    )
  }
  if (await isServed(path))
    throw new Error(`another process already serves ${path}; stop it with 't8s down' or choose another --data-dir`)
  rmSync(path, { force: true })
  const idle = new Set<Socket>()
  const answers = new Set<Promise<void>>()
  const server = createServer((socket) => {
    idle.add(socket)
    socket.on('close', () => idle.delete(socket))
    socket.on('error', () => socket.destroy())
    const answered = (async (): Promise<void> => {
      const message = await readMessage(socket)
      idle.delete(socket)
      socket.end(JSON.stringify(await answer(handlers, message)))
    })().catch(() => void socket.destroy())
    answers.add(answered)
    void answered.finally(() => answers.delete(answered))
  })
  const umask = process.umask(0o177)
  try {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve))
  } finally {
    process.umask(umask)
  }
  return {
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      // Who asked the process to stop still gets its answer. A connection that has asked nothing is a lifeline, and is cut now.
      for (const socket of idle) socket.destroy()
      await Promise.all(answers)
      await closed
    },
  }
}

/** Resolves when the process behind `path` has ended, or let go of its socket as its last act; at once when nobody listens. */
export async function untilClosed(path: string): Promise<void> {
  const socket = await open(path)
  if (socket === undefined) return
  await new Promise<void>((resolve) => {
    socket.resume()
    socket.once('close', () => resolve()).once('error', () => resolve())
  })
}

/** Asks the process behind `path`; undefined when nobody listens there. Rejects with the process's own error. */
export async function callControl(path: string, method: string, parameters: unknown = {}): Promise<unknown> {
  const socket = await open(path)
  if (socket === undefined) return undefined
  socket.write(`${JSON.stringify({ method, parameters })}\n`)
  const reply = (await readMessage(socket)) as { result?: unknown; error?: string }
  if (reply.error !== undefined) throw new Error(reply.error)
  return reply.result ?? {}
}

async function isServed(path: string): Promise<boolean> {
  const socket = await open(path)
  socket?.destroy()
  return socket !== undefined
}

function open(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED' || error.code === 'ENOTDIR') resolve(undefined)
      else reject(error)
    })
  })
}

async function answer(handlers: ControlHandlers, message: unknown): Promise<{ result?: unknown; error?: string }> {
  const { method, parameters } = message as { method?: unknown; parameters?: unknown }
  if (typeof method !== 'string' || !Object.hasOwn(handlers, method)) return { error: `unknown method ${String(method)}` }
  try {
    return { result: (await handlers[method]!(parameters)) ?? {} }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** One JSON value: up to a newline (requests) or the end of the stream (answers). */
function readMessage(socket: Socket): Promise<unknown> {
  return new Promise((resolve, reject) => {
    let text = ''
    const finish = (): void => {
      socket.off('data', onData).off('end', finish)
      try {
        resolve(JSON.parse(text))
      } catch (error) {
        reject(new Error('the other end closed the control socket without an answer', { cause: error }))
      }
    }
    const onData = (chunk: string): void => {
      assert(typeof chunk === 'string', 'the encoding was set')
      text += chunk
      if (text.length > MESSAGE_BYTES_MAX) socket.destroy(new Error('control message too large'))
      else if (chunk.includes('\n')) finish()
    }
    socket.setEncoding('utf8')
    socket.on('data', onData).once('end', finish).once('error', reject)
    socket.once('close', () => reject(new Error('the control connection was closed')))
  })
}
