import { badRequest, failure } from '#meta'
import type { Alarms } from './alarms.ts'
import type { RequestInfo } from './request-info.ts'

/** Upstream's --request-timeout. */
export const REQUEST_TIMEOUT_MS = 60_000

const LONG_RUNNING_VERBS = new Set(['watch', 'proxy'])
const LONG_RUNNING_SUBRESOURCES = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

/** Whether a request may last: it has no deadline then, and of these only watches are governed by priority and fairness. */
export const isLongRunning = (info: RequestInfo): boolean =>
  info.kind === 'resource' && (LONG_RUNNING_VERBS.has(info.verb) || LONG_RUNNING_SUBRESOURCES.has(info.subresource))

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3_600e3 }
const DURATION = /^[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/

/** What `timeout` in the query allows, but no more than the server's own limit. 400 for what is no duration of Go's. */
export function deadlineMsOf(query: URLSearchParams | undefined): number {
  const text = query?.get('timeout') ?? ''
  if (text === '') return REQUEST_TIMEOUT_MS
  const ms = parseDuration(text)
  if (ms === undefined) {
    throw badRequest(`invalid timeout specified in the request URL - time: invalid duration ${JSON.stringify(text)}`)
  }
  return ms <= 0 ? REQUEST_TIMEOUT_MS : Math.min(ms, REQUEST_TIMEOUT_MS)
}

/** Milliseconds of a duration as Go writes it; undefined for what is none. */
export function parseDuration(text: string): number | undefined {
  if (/^[-+]?0$/.test(text)) return 0
  if (!DURATION.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) ms += Number(amount) * UNITS_MS[unit!]!
  return text.startsWith('-') ? -ms : ms
}

/** Runs `work` with a signal that is aborted when the client goes or the time is up, which is answered with 504 whether or not the work has stopped by then. */
export function within<T>(
  deadlineMs: number,
  alarms: Alarms,
  client: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = new AbortController()
    const onGone = (): void => stop.abort(client?.reason)
    if (client?.aborted) onGone()
    client?.addEventListener('abort', onGone, { once: true })
    const alarm = alarms.after(deadlineMs, () => {
      const late = failure(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {})
      stop.abort(late)
      reject(late)
    })
    work(stop.signal)
      .then(resolve, reject)
      .finally(() => {
        alarm[Symbol.dispose]()
        client?.removeEventListener('abort', onGone)
      })
  })
}
