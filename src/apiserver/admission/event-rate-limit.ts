import { type Event, invalidValue, unsupported } from '#api'
import { type Clock, type Rate, TokenBucket } from '#base'
import { type FieldError, failure } from '#meta'
import { decodeConfiguration, integer, listOf, objectOf, refuseConfiguration, text } from '../configuration-file.ts'
import type { AdmissionPlugin, Attributes } from './types.ts'

interface Limit extends Rate {
  readonly type: string
  /** How many keys are known at once. */
  readonly cacheSize: number
}

const CACHE_SIZE = 4096

const KIND = {
  kind: 'Configuration',
  versions: ['eventratelimit.admission.k8s.io/v1alpha1'],
  schema: objectOf({
    apiVersion: text,
    kind: text,
    limits: listOf(objectOf({ type: text, qps: integer, burst: integer, cacheSize: integer })),
  }),
}

/** What is counted together, by the type of a limit. */
const KEYS: Readonly<Record<string, (attributes: Attributes) => string>> = {
  Server: () => '',
  Namespace: ({ namespace }) => namespace,
  User: ({ user }) => user.username,
  SourceAndObject({ object }) {
    const { source = {}, involvedObject: about } = object as Event
    return [source.component, source.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion].join('')
  },
}

/** Refuses Events that come too often (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#eventratelimit). */
export const eventRateLimit: AdmissionPlugin = {
  name: 'EventRateLimit',
  off: true,
  operations: ['CREATE', 'UPDATE'],
  async configured(bytes, { clock }) {
    if (bytes === undefined) throw new Error('no configuration is given for it')
    const limiters = (await parseLimits(bytes)).map((limit) => new Limiter(limit, clock))
    return {
      ...eventRateLimit,
      validate(attributes) {
        const { group, kind } = attributes.kind
        if (group !== '' || kind !== 'Event') return
        // Each limit counts the event, also one that another refuses; the last that refuses is heard.
        const reached = limiters.map((limiter) => limiter.refusal(attributes)).findLast((said) => said !== undefined)
        if (reached !== undefined) throw failure(429, 'TooManyRequests', `Too many requests: ${reached}`)
      },
    }
  },
}

class Limiter {
  readonly #limit: Limit
  readonly #clock: Clock
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(limit: Limit, clock: Clock) {
    this.#limit = limit
    this.#clock = clock
  }

  /** What to say when the limit is reached. */
  refusal(attributes: Attributes): string | undefined {
    const { type } = this.#limit
    const key = KEYS[type]!(attributes)
    return this.#bucketOf(key).tryTake() ? undefined : `limit reached on type ${type} for key ${key}`
  }

  /** The key that was not seen for longest makes room. */
  #bucketOf(key: string): TokenBucket {
    const bucket = this.#buckets.get(key) ?? new TokenBucket(this.#limit, this.#clock)
    this.#buckets.delete(key)
    if (this.#buckets.size >= this.#limit.cacheSize) this.#buckets.delete(this.#buckets.keys().next().value!)
    this.#buckets.set(key, bucket)
    return bucket
  }
}

async function parseLimits(bytes: Uint8Array): Promise<Limit[]> {
  const { limits: found = [] } = (await decodeConfiguration(bytes, KIND)) as { limits?: Partial<Limit>[] }
  const limits = found.map(({ type = '', qps = 0, burst = 0, cacheSize = 0 }) => ({ type, qps, burst, cacheSize }))
  refuseConfiguration(findingsOf(limits))
  return limits.map((limit) => ({ ...limit, cacheSize: limit.cacheSize || CACHE_SIZE }))
}

function* findingsOf(limits: readonly Limit[]): Iterable<FieldError> {
  if (limits.length === 0) yield invalidValue('limits', limits, 'must not be empty')
  for (const [index, { type, qps, burst, cacheSize }] of limits.entries()) {
    const field = `limits[${index}]`
    if (!Object.hasOwn(KEYS, type)) yield unsupported(`${field}.type`, type, Object.keys(KEYS).sort())
    if (burst <= 0) yield invalidValue(`${field}.burst`, burst, 'must be positive')
    if (qps <= 0) yield invalidValue(`${field}.qps`, qps, 'must be positive')
    if (type !== 'Server' && cacheSize < 0) yield invalidValue(`${field}.cacheSize`, cacheSize, 'must not be negative')
  }
}
