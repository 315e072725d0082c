export type LogData = Readonly<Record<string, unknown>>

/**
 * Structured logging: a constant message and data.
 * `error` is for what an operator must act on, `warn` for what heals by itself but matters, `info` for what changed, `debug` for the rest.
 */
export interface Log {
  debug(message: string, data?: LogData): void
  info(message: string, data?: LogData): void
  warn(message: string, data?: LogData): void
  error(message: string, data?: LogData): void
  /** A log that adds `data` to every line. */
  child(data: LogData): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export const nullLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => nullLog }

export interface LogLine extends LogData {
  readonly level: LogLevel
  readonly message: string
}

/** Keeps lines in memory, for assertions. */
export function memoryLog(lines: LogLine[] = [], bound: LogData = {}): Log & { readonly lines: LogLine[] } {
  const at = (level: LogLevel) => (message: string, data?: LogData) => void lines.push({ ...bound, ...data, level, message })
  return {
    lines,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (data) => memoryLog(lines, { ...bound, ...data }),
  }
}

/** JSON lines on standard error (or `destination`, a file path), by pino, which is loaded only here. */
export async function openLog(options: { readonly level: LogLevel; readonly destination?: string }): Promise<Log> {
  const { pino } = await import('pino')
  const sink = pino.destination({ dest: options.destination ?? 2, sync: true, mkdir: true })
  const wrap = (logger: import('pino').Logger): Log => ({
    debug: (message, data) => logger.debug(serializable(data), message),
    info: (message, data) => logger.info(serializable(data), message),
    warn: (message, data) => logger.warn(serializable(data), message),
    error: (message, data) => logger.error(serializable(data), message),
    child: (data) => wrap(logger.child(serializable(data))),
  })
  const formatters = { level: (label: string) => ({ level: label }) }
  return wrap(pino({ level: options.level, base: null, formatters, timestamp: pino.stdTimeFunctions.isoTime }, sink))
}

function serializable(data: LogData | undefined): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(data ?? {}))
    out[key] = value instanceof Error ? (value.stack ?? value.message) : value
  return out
}
