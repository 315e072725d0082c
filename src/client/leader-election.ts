import { type Lease, leases } from '#api'
import { type Clock, type Log, type Random, sleepOn, type Timer } from '#base'
import { formatMicroTime, isAlreadyExists, isConflict, type ObjectKey, printGoDuration, splitKey } from '#meta'
import type { Client } from './client.ts'

export interface LeaderElectionOptions {
  readonly client: Client
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** `kube-system/kube-scheduler`. */
  readonly lease: ObjectKey
  /** Unique for each candidate. */
  readonly identity: string
  /** Others may take over when the lease was not renewed for this long. */
  readonly leaseMs?: number | undefined
  /** The leader gives up when it could not renew for this long; shorter than the lease. */
  readonly renewMs?: number | undefined
  readonly retryMs?: number | undefined
  readonly signal: AbortSignal
}

const JITTER = 1.2
/** Somebody else wrote the lease between the look and the write; it is looked at again at once. */
const RACES_MAX = 3
/** The duration of a lease that was given up, as upstream writes it. One without a holder that has another had him struck out by somebody, perhaps without his knowing. */
const RELEASED_SECONDS = 1

/** What a leader has, and for how long. */
export interface Leadership {
  /** Aborted when leadership is lost or is to be given up. */
  readonly signal: AbortSignal
  /**
   * Whether nobody else may lead yet. By the clock: a process that was stopped or cut off for long knows before it does anything else, and well before its lease is over for
   * others.
   */
  readonly isHeld: boolean
}

/**
 * Waits until this candidate holds the lease, then runs `lead` until it ends or leadership is lost, which aborts its signal.
 * Resolves to undefined when `lead` ended on its own; the lease is given up then and on abort. Resolves to the reason when leadership was lost.
 *
 * Clocks of candidates need not agree, nor go evenly forward by day and night: each counts from the moment it saw the lease change.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  lead: (leadership: Leadership) => Promise<void>,
): Promise<string | undefined> {
  const candidate = new Candidate(options)
  await candidate.acquire()
  options.log.info('Became leader', { lease: options.lease, identity: options.identity })
  const lost = new AbortController()
  let reason: string | undefined
  const lose = (because: string): void => {
    if (lost.signal.aborted) return
    reason = because
    lost.abort(new DOMException(because, 'AbortError'))
  }
  const signal = AbortSignal.any([options.signal, lost.signal])
  const leadership = {
    signal,
    get isHeld() {
      if (candidate.isOverdue) lose(candidate.whyOverdue)
      return !lost.signal.aborted
    },
  }
  const renewing = candidate.renew(signal, lose)
  try {
    await lead(leadership)
    return leadership.isHeld ? undefined : reason
  } catch (error) {
    if (!leadership.isHeld && !options.signal.aborted) return reason
    throw error
  } finally {
    const held = leadership.isHeld
    lost.abort(new DOMException('leadership was given up', 'AbortError'))
    await renewing
    if (held) await candidate.release()
  }
}

type Attempt = 'held' | 'another' | 'failed'

class Candidate {
  readonly #options: LeaderElectionOptions
  readonly #leaseMs: number
  readonly #renewMs: number
  readonly #retryMs: number
  #seen: { readonly renewTime: string | undefined; readonly holder: string | undefined } | undefined
  /** Until then another may act as the leader. Monotonic, as all times here. */
  #othersUntil = Number.NEGATIVE_INFINITY
  /** When the request was sent that last renewed the lease: others saw it after that. */
  #renewedAt = Number.NEGATIVE_INFINITY
  /** What came of the last attempt that failed, since one did not. */
  #trouble: string | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? 15_000
    this.#renewMs = options.renewMs ?? 10_000
    this.#retryMs = options.retryMs ?? 2_000
  }

  /** Whether the lease was not renewed in time. */
  get isOverdue(): boolean {
    return this.#overdueInMs() <= 0
  }

  get whyOverdue(): string {
    const trouble = this.#trouble === undefined ? '' : `: ${this.#trouble}`
    return `${this.#options.lease} could not be renewed within ${printGoDuration(this.#renewMs)}${trouble}`
  }

  async acquire(): Promise<void> {
    const { clock, random, signal } = this.#options
    for (;;) {
      const attempt = await this.#attempt(signal)
      if (attempt === 'held' && !this.isOverdue) return
      const retryMs = this.#retryMs * (1 + JITTER * random.float())
      // When the lease of another ends is known to the millisecond, so that nobody comes late for it.
      const endsMs = attempt === 'another' ? Math.ceil(this.#othersUntil - clock.monotonic()) + 1 : retryMs
      await sleepOn(clock, Math.min(retryMs, Math.max(0, endsMs)), signal)
    }
  }

  /** Renews until aborted; calls `lose` as soon as another holds the lease, or it could not be renewed in time. */
  async renew(signal: AbortSignal, lose: (because: string) => void): Promise<void> {
    const { clock, lease } = this.#options
    const arm = (): Timer => clock.after(Math.max(0, this.#overdueInMs()), () => lose(this.whyOverdue))
    let deadline = arm()
    try {
      for (;;) {
        await sleepOn(clock, this.#retryMs, signal)
        const attempt = await this.#attempt(signal)
        if (attempt === 'another') lose(`another candidate holds ${lease}`)
        if (attempt !== 'held') continue
        deadline[Symbol.dispose]()
        deadline = arm()
      }
    } catch (error) {
      if (!signal.aborted) throw error
    } finally {
      deadline[Symbol.dispose]()
    }
  }

  async release(): Promise<void> {
    const { client, lease, identity, clock, log } = this.#options
    const deadline = new AbortController()
    const timer = clock.after(this.#renewMs, () => deadline.abort(TOO_LATE))
    try {
      const { signal } = deadline
      const current = await client.find(leases, lease, { signal })
      if (current?.spec?.holderIdentity !== identity) return
      const now = formatMicroTime(clock.now())
      const spec = {
        ...current.spec,
        holderIdentity: '',
        leaseDurationSeconds: RELEASED_SECONDS,
        renewTime: now,
        acquireTime: now,
      }
      await client.update(leases, { ...current, spec }, { signal })
    } catch (error) {
      log.debug('Lease was not released', { lease, error })
    } finally {
      timer[Symbol.dispose]()
    }
  }

  #overdueInMs(): number {
    return this.#renewedAt + this.#renewMs - this.#options.clock.monotonic()
  }

  /** Takes or renews the lease, within the time that a renewal would be good for. */
  async #attempt(signal: AbortSignal): Promise<Attempt> {
    const { clock, lease, log } = this.#options
    const deadline = new AbortController()
    const timer = clock.after(this.#renewMs, () => deadline.abort(TOO_LATE))
    try {
      const bounded = AbortSignal.any([signal, deadline.signal])
      for (let race = 1; ; race++) {
        const startedAt = clock.monotonic()
        try {
          const held = await this.#write(bounded)
          this.#trouble = undefined
          if (!held) return 'another'
          this.#renewedAt = startedAt
          return 'held'
        } catch (error) {
          if (race === RACES_MAX || !(isConflict(error) || isAlreadyExists(error))) throw error
        }
      }
    } catch (error) {
      signal.throwIfAborted()
      this.#trouble = (error as Error).message
      log.debug('Lease was not acquired', { lease, error })
      return 'failed'
    } finally {
      timer[Symbol.dispose]()
    }
  }

  /** Resolves false when another may act. */
  async #write(signal: AbortSignal): Promise<boolean> {
    const { client, lease, clock } = this.#options
    const current = await client.find(leases, lease, { signal })
    if (current !== undefined) this.#observe(current)
    // A lease that somebody has deleted, or whose holder somebody has struck out, is still that of whoever does not know it yet.
    if (clock.monotonic() < this.#othersUntil) return false
    const written =
      current === undefined
        ? await client.create(leases, this.#fresh(), { signal })
        : await client.update(leases, this.#taken(current), { signal })
    this.#observe(written)
    return true
  }

  #observe({ spec }: Lease): void {
    const { identity, clock } = this.#options
    const { renewTime } = spec ?? {}
    const holder = spec?.holderIdentity || undefined
    const before = this.#seen
    if (before?.renewTime === renewTime && before?.holder === holder) return
    this.#seen = { renewTime, holder }
    if (holder === identity) return
    if (holder === undefined && (before?.holder === identity || spec?.leaseDurationSeconds === RELEASED_SECONDS)) {
      this.#othersUntil = Number.NEGATIVE_INFINITY
      return
    }
    // A duration that somebody has shortened is not known to its holder.
    this.#othersUntil = clock.monotonic() + Math.max((spec?.leaseDurationSeconds ?? 0) * 1000, this.#leaseMs)
  }

  #fresh(): Lease {
    const now = formatMicroTime(this.#options.clock.now())
    const seconds = Math.ceil(this.#leaseMs / 1000)
    const times = { acquireTime: now, renewTime: now, leaseDurationSeconds: seconds, leaseTransitions: 0 }
    return { metadata: splitKey(this.#options.lease), spec: { holderIdentity: this.#options.identity, ...times } }
  }

  #taken(current: Lease): Lease {
    const { identity, clock } = this.#options
    const now = formatMicroTime(clock.now())
    const held = current.spec?.holderIdentity === identity
    return {
      ...current,
      spec: {
        ...current.spec,
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(this.#leaseMs / 1000),
        renewTime: now,
        acquireTime: held ? current.spec?.acquireTime : now,
        leaseTransitions: (current.spec?.leaseTransitions ?? 0) + (held ? 0 : 1),
      },
    }
  }
}

const TOO_LATE = new DOMException('the lease could not be written in time', 'TimeoutError')
