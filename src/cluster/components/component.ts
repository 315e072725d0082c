import { type Clock, type Log, type LogLevel, openLog, type Random, systemClock, systemRandom } from '#base'

/** What the process of a component gives it. */
export interface ComponentContext {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Ends the process; with an error, as a failure. */
  stop(error?: Error): void
}

/** The context of a real process: its clock, its chance, JSON lines on standard error. */
export async function componentContext(
  component: string,
  level: LogLevel,
  stop: (error?: Error) => void,
): Promise<ComponentContext> {
  return { clock: systemClock, random: systemRandom, log: (await openLog({ level })).child({ component }), stop }
}
