import type { Log, LogData } from '#base'
import { failure } from '#meta'
import type { Leadership } from './leader-election.ts'
import type { Transport } from './transport.ts'

/**
 * Carries requests only as long as leadership is held, so that nothing is done by a leader who does not know yet that another leads: not even what a server in the same
 * process was at work on when this was stopped. Does not own `transport`.
 */
export function fencedTransport(transport: Transport, leadership: Leadership): Transport {
  const check = (): void => {
    if (!leadership.isHeld)
      throw failure(503, 'ServiceUnavailable', 'the lease of this component is over, so that another may lead')
  }
  return {
    async request(request) {
      check()
      return transport.request({ ...request, fence: check })
    },
    async upgrade(request) {
      check()
      return transport.upgrade!(request)
    },
    async [Symbol.asyncDispose]() {},
  }
}

/** What a component says once its leadership is over comes of that, which is said by itself: it is only for who looks for it. */
export function fencedLog(log: Log, leadership: Leadership): Log {
  const at =
    (level: 'info' | 'warn' | 'error') =>
    (message: string, data?: LogData): void =>
      log[leadership.isHeld ? level : 'debug'](message, data)
  return {
    debug: (message, data) => log.debug(message, data),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (data) => fencedLog(log.child(data), leadership),
  }
}
