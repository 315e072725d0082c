import { type Findings, forbid, invalidValue, nonNegative, optionalOneOf } from '../validation/findings.ts'

/** What may be asked of a container's log: the parameters of `pods/log`, and of a kubelet's `/containerLogs`. */
export interface PodLogOptions {
  readonly follow: boolean
  readonly previous: boolean
  readonly timestamps: boolean
  readonly sinceSeconds?: number | undefined
  /** Of `sinceTime`, in milliseconds since the epoch. */
  readonly sinceMs?: number | undefined
  readonly tailLines?: number | undefined
  readonly limitBytes?: number | undefined
  /** `All` when absent. */
  readonly stream?: string | undefined
}

const INT64_MAX = 2n ** 63n - 1n
const STREAMS = ['All', 'Stderr', 'Stdout']
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** Reads them as upstream reads a query. Throws an Error, in its words, for a number or a time that is none. */
export function readPodLogOptions(query: URLSearchParams): PodLogOptions {
  const sinceTime = query.get('sinceTime') ?? ''
  return {
    follow: isOn(query, 'follow'),
    previous: isOn(query, 'previous'),
    timestamps: isOn(query, 'timestamps'),
    sinceSeconds: integer(query, 'sinceSeconds'),
    sinceMs: sinceTime === '' || sinceTime === 'null' ? undefined : time(sinceTime),
    tailLines: integer(query, 'tailLines'),
    limitBytes: integer(query, 'limitBytes'),
    stream: query.get('stream') ?? undefined,
  }
}

/** Upstream's paths and words. */
export function validatePodLogOptions(options: PodLogOptions, found: Findings): void {
  const { tailLines, limitBytes, sinceSeconds, sinceMs, stream } = options
  nonNegative(tailLines, 'tailLines', found)
  positive(limitBytes, 'limitBytes', found)
  if (sinceSeconds !== undefined && sinceMs !== undefined)
    found.push(forbid('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'))
  else positive(sinceSeconds, 'sinceSeconds', found)
  optionalOneOf(stream, STREAMS, 'stream', found)
  if (stream !== undefined && stream !== 'All' && tailLines !== undefined)
    found.push(forbid('', '`tailLines` and specific `stream` are mutually exclusive for now'))
}

function positive(value: number | undefined, field: string, found: Findings): void {
  if (value !== undefined && value < 1) found.push(invalidValue(field, value, 'must be greater than 0'))
}

/** A parameter without a value is on. */
function isOn(query: URLSearchParams, name: string): boolean {
  const value = query.get(name)
  return value !== null && value !== 'false' && value !== '0'
}

function integer(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  const refuse = (why: string): Error => new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: ${why}`)
  if (!/^[+-]?\d{1,20}$/.test(value)) throw refuse('invalid syntax')
  const number = BigInt(value.replace('+', ''))
  if (number > INT64_MAX || number < -INT64_MAX - 1n) throw refuse('value out of range')
  return Number(number)
}

function time(text: string): number {
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) throw new Error(`parsing time ${JSON.stringify(text)} as "2006-01-02T15:04:05Z07:00": cannot parse it`)
  return ms
}
