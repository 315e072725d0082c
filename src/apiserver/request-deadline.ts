import { type Answer, EndingPatience, ending, type Patience } from '#base'
import { badRequest, failure } from '#meta'
import type { Alarms } from './alarms.ts'
import type { RequestInfo } from './request-info.ts'

/** Upstream's --request-timeout. */
export const REQUEST_TIMEOUT_MS = 60_000

const LONG_RUNNING_VERBS = new Set(['watch', 'proxy'])
const LONG_RUNNING_SUBRESOURCES = new Set(['attach', 'exec', 'proxy', 'log', 'portforward'])

/** Whether a request may last: it has no deadline then, and of these only watches are governed by priority and fairness. */
export const isLongRunning = (info: RequestInfo): boolean =>
  info.kind === 'path'
    ? info.path.startsWith('/debug/pprof/')
    : LONG_RUNNING_VERBS.has(info.verb) || LONG_RUNNING_SUBRESOURCES.has(info.subresource)

const UNITS_MS: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1e3, m: 60e3, h: 3_600e3 }
const DURATION = /^[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/

/** What `timeout` in the query allows, but no more than the server's own limit. 400 for what is no duration of Go's. */
export function deadlineMsOf(query: URLSearchParams | undefined): number {
  const text = query?.get('timeout') ?? ''
  if (text === '') return REQUEST_TIMEOUT_MS
  const ms = parseDuration(text)
  if (ms === undefined) {
    const why = /^[-+]?(\d+\.?\d*|\.\d+)$/.test(text) ? 'missing unit in' : 'invalid'
    throw badRequest(`invalid timeout specified in the request URL - time: ${why} duration ${JSON.stringify(text)}`)
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

/**
 * Runs `work` with the patience of a client who may go and of a time that runs out, which is answered with 504 whether or not the work has stopped by then.
 * What is answered at once costs neither an alarm nor a signal. `onLate` is called where time runs out.
 */
export function within<T>(
  deadlineMs: number,
  alarms: Alarms,
  client: Patience,
  work: (patience: Patience) => Answer<T>,
  onLate: () => void,
): Answer<T> {
  const deadline = new Deadline(client)
  const answer = ending(
    () => work(deadline),
    () => deadline.forget(),
  )
  if (!(answer instanceof Promise)) return answer
  return new Promise((resolve, reject) => {
    const alarm = alarms.after(deadlineMs, () => {
      const late = failure(504, 'Timeout', 'Timeout: request did not complete within the allotted timeout', {})
      deadline.end(late)
      onLate()
      reject(late)
    })
    const settled =
      <V>(settle: (value: V) => void) =>
      (value: V): void => {
        alarm[Symbol.dispose]()
        settle(value)
      }
    answer.then(settled(resolve), settled(reject))
  })
}

/** The patience of a client, as long as there is time. The client is listened to for who listens to this. */
class Deadline extends EndingPatience {
  readonly #client: Patience
  #subscription: Disposable | undefined

  constructor(client: Patience) {
    super()
    this.#client = client
  }

  override onEnd(callback: (reason: unknown) => void): Disposable {
    this.#subscription ??= this.#client.onEnd((reason) => this.end(reason))
    return super.onEnd(callback)
  }

  /** The work is done, whatever becomes of the client. */
  forget(): void {
    this.#subscription?.[Symbol.dispose]()
  }
}
