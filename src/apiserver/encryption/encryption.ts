import { createHash } from 'node:crypto'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Clock, type Log, type Random, TaskGroup } from '#base'
import type { Store } from '#store'
import type { HealthCheck } from '../health.ts'
import { type EncryptionConfiguration, parseEncryptionConfiguration } from './configuration.ts'
import { EncryptedStore } from './encrypted-store.ts'
import type { KmsPlugin } from './kms/plugin.ts'
import { EncryptionMetrics } from './metrics.ts'
import { joined } from './transformer.ts'
import { Transformers } from './transformers.ts'

export interface EncryptionOptions {
  /** An EncryptionConfiguration, as `--encryption-provider-config`. */
  readonly file: string
  /** Whether a changed file takes force, as `--encryption-provider-config-automatic-reload`. */
  readonly automaticReload?: boolean | undefined
  /** As `--etcd-prefix`: values are bound to the keys under which etcd has them. */
  readonly prefix?: string | undefined
}

export interface EncryptionDependencies {
  readonly clock: Clock
  /** Of keys and nonces: never one that repeats. */
  readonly random: Random
  readonly log: Log
}

const ROOT = '/registry'
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000
/** What a new configuration's plugins get at least to become well. */
const HEALTH_GRACE_MIN_MS = 10_000

/** Encryption at rest as a configuration file says it, and as it says it next. */
export class Encryption implements AsyncDisposable {
  readonly metrics: EncryptionMetrics
  readonly #options: EncryptionOptions
  readonly #dependencies: EncryptionDependencies
  readonly #tasks: TaskGroup
  readonly #replaced = new Set<Transformers>()
  readonly #listeners = new Set<() => void>()
  #current: Transformers
  #hash: string

  constructor(
    options: EncryptionOptions,
    dependencies: EncryptionDependencies,
    first: { readonly transformers: Transformers; readonly hash: string; readonly metrics: EncryptionMetrics },
  ) {
    this.#options = options
    this.#dependencies = dependencies
    this.#current = first.transformers
    this.#hash = first.hash
    this.metrics = first.metrics
    const onError = (error: unknown): void =>
      dependencies.log.error('The encryption configuration is not followed any more', { error })
    this.#tasks = new TaskGroup({ onError })
  }

  /** Throws an Error in upstream's words when the file can't be used. */
  static async open(options: EncryptionOptions, dependencies: EncryptionDependencies): Promise<Encryption> {
    const metrics = new EncryptionMetrics(dependencies.clock, dependencies.random.uuid())
    const { hash, configuration } = await read(options)
    const transformers = await Transformers.open(configuration, { ...dependencies, metrics })
    const encryption = new Encryption(options, dependencies, { transformers, hash, metrics })
    if (options.automaticReload) encryption.#tasks.spawn((signal) => encryption.#follow(signal))
    return encryption
  }

  over(store: Store): EncryptedStore {
    const { prefix = ROOT } = this.#options
    const normal = `/${prefix}`.replace(/\/+/g, '/').replace(/\/$/, '')
    return new EncryptedStore(store, { transformers: () => this.#current, prefix: normal })
  }

  /** Told when another configuration is in force. */
  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** `kms-providers`, where there are any or may be after a reload. */
  healthChecks(): readonly HealthCheck[] {
    if (!this.#options.automaticReload && this.#current.plugins.length === 0) return []
    return [{ name: 'kms-providers', check: () => problemOf(this.#current.plugins) }]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
    for (const each of [this.#current, ...this.#replaced]) await each[Symbol.asyncDispose]()
  }

  /** Any change in the file's directory may be one of the file, which may be a link to another. */
  async #follow(signal: AbortSignal): Promise<void> {
    let changed = Promise.withResolvers<void>()
    const stop = (): void => changed.resolve()
    const watcher = watch(dirname(this.#options.file), { persistent: false }, () => changed.resolve())
    watcher.on('error', (error) => this.#dependencies.log.error('The encryption configuration can not be watched', { error }))
    signal.addEventListener('abort', stop, { once: true })
    try {
      for (;;) {
        await changed.promise
        if (signal.aborted) return
        changed = Promise.withResolvers<void>()
        await this.#reloadUntilRead(signal)
      }
    } finally {
      signal.removeEventListener('abort', stop)
      watcher.close()
    }
  }

  /** What can not be used is tried again, later each time; until then what was in force stays. */
  async #reloadUntilRead(signal: AbortSignal): Promise<void> {
    for (let retryMs = RETRY_MIN_MS; !signal.aborted; retryMs = Math.min(RETRY_MAX_MS, retryMs * 2)) {
      try {
        await this.#reload(signal)
        return
      } catch (error) {
        if (signal.aborted) return
        this.metrics.reloaded('failure')
        this.#dependencies.log.error('The changed encryption configuration can not be used; the last one stays in force', {
          file: this.#options.file,
          error,
        })
      }
      await this.#dependencies.clock.sleep(retryMs, { signal }).catch(() => undefined)
    }
  }

  async #reload(signal: AbortSignal): Promise<void> {
    const { hash, configuration } = await read(this.#options, this.#hash)
    if (configuration === undefined) return
    const next = await Transformers.open(configuration, { ...this.#dependencies, metrics: this.metrics })
    try {
      await this.#becomeWell(next, signal)
    } catch (error) {
      await next[Symbol.asyncDispose]()
      throw error
    }
    const before = this.#current
    this.#current = next
    this.#hash = hash
    this.metrics.reloaded('success')
    this.#dependencies.log.info('A new encryption configuration is in force', { file: this.#options.file })
    for (const listener of this.#listeners) listener()
    this.#closeLater(before)
  }

  async #becomeWell({ plugins, closeGraceMs }: Transformers, signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    const endMs = clock.monotonic() + Math.max(HEALTH_GRACE_MIN_MS, closeGraceMs)
    for (;;) {
      const problem = await problemOf(plugins)
      if (problem === undefined) return
      if (clock.monotonic() >= endMs) throw new Error(`health check for new transformers failed: ${problem}`)
      await clock.sleep(RETRY_MIN_MS, { signal })
    }
  }

  /** Calls by the old configuration may be under way. */
  #closeLater(old: Transformers): void {
    this.#replaced.add(old)
    this.#tasks.spawn(async (signal) => {
      await this.#dependencies.clock.sleep(old.closeGraceMs, { signal })
      this.#replaced.delete(old)
      await old[Symbol.asyncDispose]()
    })
  }
}

async function read(options: EncryptionOptions): Promise<{ hash: string; configuration: EncryptionConfiguration }>
async function read(
  options: EncryptionOptions,
  known: string,
): Promise<{ hash: string; configuration: EncryptionConfiguration | undefined }>
/** Undefined when the file says what `known` is the hash of. */
async function read(
  { file, automaticReload = false }: EncryptionOptions,
  known?: string,
): Promise<{ hash: string; configuration: EncryptionConfiguration | undefined }> {
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (error) {
    const why = (error as Error).message
    throw new Error(`error reading encryption provider configuration file ${JSON.stringify(file)}: ${why}`, { cause: error })
  }
  const hash = createHash('sha256').update(bytes).digest('hex')
  if (hash === known) return { hash, configuration: undefined }
  try {
    return { hash, configuration: await parseEncryptionConfiguration(bytes, file, automaticReload) }
  } catch (error) {
    throw new Error(`error while parsing file: ${(error as Error).message}`, { cause: error })
  }
}

async function problemOf(plugins: readonly KmsPlugin[]): Promise<string | undefined> {
  const problems = (await Promise.all(plugins.map((plugin) => plugin.problem()))).filter((each) => each !== undefined)
  return problems.length === 0 ? undefined : (joined(problems) as Error).message
}
