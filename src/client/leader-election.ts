import { type Lease, leases } from '#api'
import { type Clock, type Log, type Random, sleepOn } from '#base'
import { formatMicroTime, isAlreadyExists, isConflict, type ObjectKey, splitKey } from '#meta'
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

/**
 * Waits until this candidate holds the lease, then runs `lead` until it ends or leadership is lost, which aborts its signal.
 * Resolves true when `lead` ended on its own; the lease is given up then and on abort. Resolves false when leadership was lost.
 *
 * Clocks of candidates need not agree: each counts from the moment it saw the lease change.
 */
export async function runAsLeader(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
): Promise<boolean> {
  const candidate = new Candidate(options)
  await candidate.acquire()
  options.log.info('Became leader', { lease: options.lease, identity: options.identity })
  const lost = new AbortController()
  const signal = AbortSignal.any([options.signal, lost.signal])
  const renewing = candidate.renew(signal).then(
    () => lost.abort(new DOMException('leadership was lost', 'AbortError')),
    () => {},
  )
  try {
    await lead(signal)
    return !lost.signal.aborted
  } catch (error) {
    if (lost.signal.aborted && !options.signal.aborted) return false
    throw error
  } finally {
    const held = !lost.signal.aborted
    lost.abort(new DOMException('leadership was given up', 'AbortError'))
    await renewing
    if (held) await candidate.release()
  }
}

class Candidate {
  readonly #options: LeaderElectionOptions
  readonly #leaseMs: number
  readonly #renewMs: number
  readonly #retryMs: number
  #seen: { readonly renewTime: string | undefined; readonly holder: string | undefined; readonly atMs: number } | undefined

  constructor(options: LeaderElectionOptions) {
    this.#options = options
    this.#leaseMs = options.leaseMs ?? 15_000
    this.#renewMs = options.renewMs ?? 10_000
    this.#retryMs = options.retryMs ?? 2_000
  }

  async acquire(): Promise<void> {
    const { clock, random, signal } = this.#options
    while (!(await this.#attempt(signal))) {
      await sleepOn(clock, this.#retryMs * (1 + JITTER * random.float()), signal)
    }
  }

  /** Resolves when the lease could not be renewed in time; rejects when aborted. */
  async renew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    let renewedAt = clock.monotonic()
    for (;;) {
      await sleepOn(clock, this.#retryMs, signal)
      // A call that hangs must not outlast the deadline.
      const deadline = new AbortController()
      const timer = clock.after(Math.max(0, renewedAt + this.#renewMs - clock.monotonic()), () => deadline.abort())
      try {
        if (await this.#attempt(AbortSignal.any([signal, deadline.signal]))) renewedAt = clock.monotonic()
        else if (this.#seen?.holder !== this.#options.identity) return
      } finally {
        timer[Symbol.dispose]()
      }
      signal.throwIfAborted()
      if (clock.monotonic() - renewedAt >= this.#renewMs) return
    }
  }

  async release(): Promise<void> {
    const { client, lease, identity, clock, log } = this.#options
    try {
      const current = await client.find(leases, lease)
      if (current?.spec?.holderIdentity !== identity) return
      const now = formatMicroTime(clock.now())
      const spec = { ...current.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: now, acquireTime: now }
      await client.update(leases, { ...current, spec })
    } catch (error) {
      log.debug('Lease was not released', { lease, error })
    }
  }

  async #attempt(signal: AbortSignal): Promise<boolean> {
    const { client, lease, identity, log } = this.#options
    try {
      const current = await client.find(leases, lease, { signal })
      if (current === undefined) {
        await client.create(leases, this.#fresh(), { signal })
        return true
      }
      if (!this.#mayTake(current)) return false
      await client.update(leases, this.#taken(current), { signal })
      this.#observe(identity, undefined)
      return true
    } catch (error) {
      if (this.#options.signal.aborted) throw this.#options.signal.reason
      if (!isConflict(error) && !isAlreadyExists(error)) log.debug('Lease was not acquired', { lease, error })
      return false
    }
  }

  #mayTake({ spec }: Lease): boolean {
    const { identity, clock } = this.#options
    const holder = spec?.holderIdentity || undefined
    if (this.#seen?.renewTime !== spec?.renewTime || this.#seen?.holder !== holder) this.#observe(holder, spec?.renewTime)
    if (holder === undefined || holder === identity) return true
    const validMs = (spec?.leaseDurationSeconds ?? 0) * 1000
    return this.#seen === undefined || clock.monotonic() - this.#seen.atMs >= validMs
  }

  #observe(holder: string | undefined, renewTime: string | undefined): void {
    this.#seen = { holder, renewTime, atMs: this.#options.clock.monotonic() }
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
