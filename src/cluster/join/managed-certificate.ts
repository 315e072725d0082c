import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { certificatesIn } from '#client'
import type { KeyPair } from '../pki.ts'
import { readBundle, writeBundle } from '../pki-directory.ts'

export interface ManagedCertificateOptions {
  readonly name: string
  /** Asks for a new one, or issues it. */
  obtain(signal: AbortSignal): Promise<KeyPair>
  /** Where it survives the process; without it every process has a new one. */
  readonly store?: CertificateStore | undefined
  /** PEM of whoever issues it: one that was kept and is of another, since replaced, is not used. Not asked, when absent. */
  readonly authority?: string | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

export interface CertificateStore {
  read(): KeyPair | undefined
  write(pair: KeyPair): void
}

/** Keeps a pair as `NAME.pem` in a directory. */
export const bundleStore = (directory: string, name: string): CertificateStore => ({
  read: () => readBundle(directory, name),
  write: (pair) => writeBundle(directory, name, pair),
})

/** Between tries when a certificate could not be had. */
const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 60_000
/** One that is over as soon as it was issued, since its authority is, is not asked for again at once. */
const PAUSE_MS = 60_000
/** Upstream's jitter: a certificate is renewed when 70 to 90 per cent of its life are over. */
const RENEW_FROM = 0.7
const RENEW_SPREAD = 0.2

/** A certificate that is obtained when it is missing and renewed before it expires, without anybody having to restart. */
export class ManagedCertificate implements AsyncDisposable {
  readonly #options: ManagedCertificateOptions
  readonly #tasks: TaskGroup
  readonly #handlers = new Set<(pair: KeyPair) => void>()
  readonly #first = Promise.withResolvers<KeyPair>()
  #current: KeyPair | undefined
  #dueMs = 0
  #wake: (() => void) | undefined
  /** Of those who wait for a renewal that they asked for. */
  readonly #failures = new Set<(error: unknown) => void>()

  constructor(options: ManagedCertificateOptions) {
    this.#options = options
    const { name, log } = options
    this.#tasks = new TaskGroup({ onError: (error) => log.error('A certificate is no longer renewed', { name, error }) })
    this.#first.promise.catch(() => undefined)
    const kept = usable(options)
    if (kept !== undefined) this.#accept(kept)
  }

  /** Keeps it current from now on. */
  start(): void {
    this.#tasks.spawn((signal) => this.#keep(signal))
  }

  get name(): string {
    return this.#options.name
  }

  /** Undefined until the first was issued. */
  get current(): KeyPair | undefined {
    return this.#current
  }

  /** Waits for the first. */
  ready(): Promise<KeyPair> {
    return this.#first.promise
  }

  onChange(handler: (pair: KeyPair) => void): Disposable {
    this.#handlers.add(handler)
    return { [Symbol.dispose]: () => void this.#handlers.delete(handler) }
  }

  /** Renews now instead of when it is due; resolves with the new one. Rejects when it could not be had or kept: it is tried again, but nobody is kept waiting. */
  async renew(): Promise<KeyPair> {
    const renewed = Promise.withResolvers<KeyPair>()
    using _listening = this.onChange((pair) => renewed.resolve(pair))
    this.#failures.add(renewed.reject)
    this.#dueMs = 0
    this.#wake?.()
    try {
      return await renewed.promise
    } finally {
      this.#failures.delete(renewed.reject)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#first.reject(new DOMException('the node stops', 'AbortError'))
    await this.#tasks[Symbol.asyncDispose]()
  }

  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, log, name, obtain, store, random } = this.#options
    let retryMs = RETRY_MS_MIN
    while (!signal.aborted) {
      if (this.#dueMs > clock.now()) await this.#untilDue(signal)
      try {
        const pair = await obtain(signal)
        store?.write(pair)
        this.#accept(pair)
        retryMs = RETRY_MS_MIN
        log.info('A certificate was issued', { name, until: new Date(validityOf(pair).endMs).toISOString() })
      } catch (error) {
        if (signal.aborted) return
        log.warn('A certificate could not be had; it is asked for again', { name, error })
        for (const fail of this.#failures)
          fail(new Error(`${name} could not be renewed: ${(error as Error).message}`, { cause: error }))
        await clock.sleep(retryMs * (1 + random.float()), { signal })
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX)
      }
    }
  }

  /** Sleeps until a certificate is due, or somebody wants it renewed at once. */
  async #untilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    const woken = new AbortController()
    this.#wake = () => woken.abort()
    await clock.sleep(this.#dueMs - clock.now(), { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => undefined)
    this.#wake = undefined
    signal.throwIfAborted()
  }

  #accept(pair: KeyPair): void {
    this.#current = pair
    const { random, clock } = this.#options
    this.#dueMs = Math.max(renewalOf(pair, random), clock.now() + PAUSE_MS)
    this.#first.resolve(pair)
    for (const handler of this.#handlers) handler(pair)
  }
}

/** What was kept, if it still proves anything: whoever was killed while writing, or lost a file, starts with a new one. */
function usable({ store, name, authority, clock, log }: ManagedCertificateOptions): KeyPair | undefined {
  let problem: string | undefined
  try {
    const kept = store?.read()
    if (kept === undefined) return undefined
    problem = certificateProblem(kept, { authority, nowMs: clock.now() })
    if (problem === undefined) return kept
  } catch (error) {
    problem = (error as Error).message
  }
  log.warn('A certificate that was kept is of no use; another is asked for', { name, problem })
  return undefined
}

/** Why a pair proves nothing now. Throws when one of the two can not be read at all. */
export function certificateProblem(
  pair: KeyPair,
  { authority, nowMs }: { readonly authority?: string | undefined; readonly nowMs: number },
): string | undefined {
  const certificate = new X509Certificate(pair.certificate)
  if (validityOf(pair).endMs <= nowMs) return 'it has expired'
  if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return 'the key is of another'
  const issuers = authority === undefined ? undefined : certificatesIn(authority)
  const isTheirs = issuers?.some((issuer) => certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) ?? true
  return isTheirs ? undefined : 'another authority issued it'
}

/** When a certificate begins and ends to be valid, in milliseconds since the epoch. */
export function validityOf({ certificate }: Pick<KeyPair, 'certificate'>): { readonly startMs: number; readonly endMs: number } {
  const { validFrom, validTo } = new X509Certificate(certificate)
  return { startMs: Date.parse(validFrom), endMs: Date.parse(validTo) }
}

/** The moment at which to renew a certificate. */
export function renewalOf(pair: Pick<KeyPair, 'certificate'>, random: Random): number {
  const { startMs, endMs } = validityOf(pair)
  return startMs + (endMs - startMs) * (RENEW_FROM + RENEW_SPREAD * random.float())
}
