import { encode } from 'dns-packet'
import type { Clock, Log, Random } from '#base'
import { exchange } from './exchange.ts'
import type { Upstream } from './resolv-conf.ts'
import { answerFor, lifetimeOf, type Message, readMessage } from './wire.ts'

const TIMEOUT_MS = 2_000
const PROBE_TIMEOUT_MS = 1_000
/** Questions under way at once; more are refused, so that a silent upstream does not fill the memory. */
const QUESTIONS_MAX = 1_000
const CACHE_ENTRIES_MAX = 10_000
const CACHE_SECONDS_MAX = 30
const RCODE_SERVFAIL = 2
const RCODE_NXDOMAIN = 3

interface Cached {
  readonly message: Message
  readonly storedMs: number
  readonly expiresMs: number
}

export interface ForwarderOptions {
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Asked in this order. */
  readonly upstreams: readonly Upstream[]
  /** For one question to one upstream; UDP and TCP apart. */
  readonly timeoutMs?: number
}

/** Passes questions about the rest of the world to upstream name servers, and remembers answers for a while. */
export class Forwarder {
  readonly #clock: Clock
  readonly #random: Random
  readonly #log: Log
  readonly #timeoutMs: number
  #upstreams: readonly Upstream[]
  readonly #cache = new Map<string, Cached>()
  readonly #underWay = new Map<string, Promise<Message>>()
  readonly #probes = new Map<string, Upstream>()

  constructor(options: ForwarderOptions) {
    this.#clock = options.clock
    this.#random = options.random
    this.#log = options.log
    this.#upstreams = options.upstreams
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS
  }

  /** An answer ready to be sent to the asker; undefined when none could be had. */
  async resolve(query: Message): Promise<Buffer | undefined> {
    const key = cacheKeyOf(query)
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.expiresMs > this.#clock.now())
      return answerFor(cached.message, query, Math.floor((this.#clock.now() - cached.storedMs) / 1000))
    try {
      return answerFor(await this.#ask(key, query), query, 0)
    } catch (error) {
      this.#log.debug('A name could not be resolved upstream', { error })
      return undefined
    }
  }

  /** Sends each upstream a name nobody else knows: one that comes back to this server means that it asks itself. */
  async detectLoops(): Promise<void> {
    await Promise.all(
      this.#upstreams.map(async (upstream) => {
        const name = `${this.#random.int(2 ** 31)}.${this.#random.int(2 ** 31)}.loop-probe`
        this.#probes.set(name, upstream)
        const query = readMessage(encode({ type: 'query', id: 0, flags: 0x0100, questions: [{ type: 'HINFO', name }] }))
        try {
          await exchange(query, upstream, { clock: this.#clock, random: this.#random, timeoutMs: PROBE_TIMEOUT_MS })
        } catch {
          // An upstream that is down now may be up later; only a loop matters here.
        }
        this.#probes.delete(name)
      }),
    )
  }

  /** Whether a question is one of this server's own probes come back; the upstream it went to is used no more. */
  isLoop(name: string): boolean {
    const upstream = this.#probes.get(name)
    if (upstream === undefined) return false
    this.#upstreams = this.#upstreams.filter((other) => other !== upstream)
    this.#log.error('An upstream name server leads back here and is not used', { host: upstream.host, port: upstream.port })
    return true
  }

  #ask(key: string, query: Message): Promise<Message> {
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    if (this.#underWay.size >= QUESTIONS_MAX) return Promise.reject(new Error('too many questions under way'))
    const asked = this.#askEach(query)
      .then((message) => {
        this.#remember(key, message)
        return message
      })
      .finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asked)
    return asked
  }

  async #askEach(query: Message): Promise<Message> {
    let failure: unknown = new Error('no upstream name server is known')
    let last: Message | undefined
    const options = { clock: this.#clock, random: this.#random, timeoutMs: this.#timeoutMs }
    for (const upstream of this.#upstreams) {
      try {
        last = await exchange(query, upstream, options)
        if (last.rcode !== RCODE_SERVFAIL) return last
      } catch (error) {
        failure = error
      }
    }
    if (last !== undefined) return last
    throw failure
  }

  #remember(key: string, message: Message): void {
    if (message.rcode !== 0 && message.rcode !== RCODE_NXDOMAIN) return
    // A negative answer without SOA does not say how long it holds.
    if (message.answerCount === 0 && message.soaMinimum === undefined) return
    const seconds = Math.min(lifetimeOf(message), CACHE_SECONDS_MAX)
    if (!(seconds > 0)) return
    this.#cache.delete(key)
    // The map keeps the order of arrival: the first is the oldest.
    if (this.#cache.size >= CACHE_ENTRIES_MAX) this.#cache.delete(this.#cache.keys().next().value!)
    const storedMs = this.#clock.now()
    this.#cache.set(key, { message, storedMs, expiresMs: storedMs + seconds * 1000 })
  }
}

/** Askers who differ in what they can take (EDNS, DNSSEC, checking) get answers of their own. */
function cacheKeyOf({ bytes, questionKey, questionEnd }: Message): string {
  return `${bytes.toString('latin1', 2, 4)}${questionKey}${bytes.toString('latin1', questionEnd)}`
}
