import type { Clock, Log, Timer } from '#base'
import { StoreFailure } from '../store.ts'
import type { Disk } from './disk.ts'

/** Kept free, so that objects can still be deleted and history be forgotten when nothing else can be done; less on a small disk. */
const RESERVE_BYTES_MAX = 64 * 1024 * 1024
const RESERVE_SHARE = 0.05
/** How soon space that came back is noticed. Nothing tells of it. */
const CHECK_PERIOD_MS = 5_000

/** Whether there is room on the disk. Looked at when more is about to be taken, and while there is too little. */
export class SpaceWatch implements Disposable {
  readonly #disk: Disk
  readonly #directory: string
  readonly #clock: Clock
  readonly #log: Log
  #problem: string | undefined
  #timer: Timer | undefined
  #disposed = false

  constructor(disk: Disk, directory: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.#disk = disk
    this.#directory = directory
    this.#clock = clock
    this.#log = log
  }

  /** One sentence while nothing may be added. */
  get problem(): string | undefined {
    return this.#problem
  }

  /** Throws a `StoreFailure` while nothing may be added. */
  admit(): void {
    if (this.#problem !== undefined) throw new StoreFailure('NoSpace', this.#problem)
  }

  /** Whether `bytes` more leave enough. */
  async check(bytes: number): Promise<boolean> {
    const { freeBytes, totalBytes } = await this.#disk.space(this.#directory)
    const reserve = Math.min(RESERVE_BYTES_MAX, Math.floor(totalBytes * RESERVE_SHARE))
    if (freeBytes - bytes >= reserve) this.#clear()
    else
      this.#raise(
        bytes,
        `the disk of ${this.#directory} is almost full (${megabytes(freeBytes)} MB free, ${megabytes(reserve + bytes)} MB needed): nothing can be created or changed until there is space, only deleted`,
      )
    return this.#problem === undefined
  }

  /** Whether `bytes` more can be taken at all, for a while. */
  async fits(bytes: number): Promise<boolean> {
    return (await this.#disk.space(this.#directory)).freeBytes >= bytes
  }

  /** The disk has refused `bytes`. */
  refused(bytes: number): void {
    this.#raise(bytes, `the disk of ${this.#directory} is full: nothing can be created or changed until there is space`)
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    this.#timer?.[Symbol.dispose]()
  }

  #raise(bytes: number, problem: string): void {
    if (this.#problem === undefined) this.#log.warn('The store takes no more objects', { problem })
    this.#problem = problem
    if (this.#disposed) return
    this.#timer?.[Symbol.dispose]()
    this.#timer = this.#clock.after(CHECK_PERIOD_MS, () => {
      this.check(bytes).catch(() => this.#raise(bytes, problem))
    })
  }

  #clear(): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    if (this.#problem !== undefined) this.#log.info('The store takes objects again', {})
    this.#problem = undefined
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1)
