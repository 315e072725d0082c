import type { ServerHttp2Session } from 'node:http2'
import type { Clock } from '#base'

interface IdleLimits {
  /** For a connection to begin. */
  readonly handshakeMs: number
  /** Between two requests, or for the first. */
  readonly idleMs: number
}

/**
 * Ends a connection that begins nothing, or that has had no request for a while. One with requests under way, such as watches, may be silent. One timer serves all
 * pauses of a connection: when it rings it is set anew to when the last pause would be too long.
 */
export function endIdle(session: ServerHttp2Session, { handshakeMs, idleMs }: IdleLimits, clock: Clock): void {
  let open = 0
  let hasBegun = false
  let idleSinceMs = clock.monotonic()
  const begin = (): void => {
    hasBegun = true
  }
  const ended = (): void => {
    open--
    idleSinceMs = clock.monotonic()
  }
  const look = (): void => {
    const leftMs = open > 0 ? idleMs : idleSinceMs + idleMs - clock.monotonic()
    if (hasBegun && leftMs > 0) timer = clock.after(leftMs, look)
    else {
      session.close()
      session.destroy()
    }
  }
  let timer = clock.after(handshakeMs, look)
  session.once('remoteSettings', begin)
  session.on('stream', (stream) => {
    hasBegun = true
    open++
    stream.once('close', ended)
  })
  session.once('close', () => timer[Symbol.dispose]())
}
