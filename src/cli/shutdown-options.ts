import type { Command } from 'commander'
import { boolean, duration } from './component-options.ts'

export interface ShutdownFlags {
  readonly shutdownDelayDuration: number
  readonly shutdownSendRetryAfter: boolean
  readonly shutdownWatchTerminationGracePeriod: number
}

export const withShutdownOptions = (command: Command): Command =>
  command
    .option(
      '--shutdown-delay-duration <duration>',
      'how long everything is still served at the end, while /readyz already fails',
      duration('--shutdown-delay-duration'),
      0,
    )
    .option(
      '--shutdown-send-retry-after [bool]',
      'keep the port open at the end until all is answered, and send new requests away with 429',
      boolean('--shutdown-send-retry-after'),
      false,
    )
    .option(
      '--shutdown-watch-termination-grace-period <duration>',
      'over how long watches are ended, one after the other',
      duration('--shutdown-watch-termination-grace-period'),
      0,
    )

/** How an API server ends, as the flags say. */
export const shutdownOf = (flags: ShutdownFlags): import('#cluster').ShutdownOptions => ({
  delayMs: flags.shutdownDelayDuration,
  sendRetryAfter: flags.shutdownSendRetryAfter,
  watchGraceMs: flags.shutdownWatchTerminationGracePeriod,
})
