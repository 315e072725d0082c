import { type Clock, type Log, type Random, TaskGroup } from '#base'
import { formatTime } from '#meta'
import { extendedNonceGcm, SEED_BYTES } from '../ciphers.ts'
import { type EncryptionMetrics, hashOf } from '../metrics.ts'
import { joined, type Transformer } from '../transformer.ts'
import { checkEncryptedObject, keyIdProblem } from './encrypted-object.ts'
import { DEK_SEED, type EncryptedObject, type StatusResponse } from './messages.ts'
import type { KmsService } from './service.ts'

/** The seed under which values are written now. */
export interface WriteKey {
  readonly transformer: Transformer
  /** All of what is stored of a value but the value. */
  readonly object: EncryptedObject
  /** Throws when the plugin has not vouched for it for too long. */
  check(nowMs: number): void
}

export interface KmsPluginOptions {
  readonly name: string
  readonly service: KmsService
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly metrics: EncryptionMetrics
}

/** How often the plugin is asked which key writes: when it is well, and when it is not. */
const POSITIVE_INTERVAL_MS = 60_000
const NEGATIVE_INTERVAL_MS = 10_000
/** Writing goes on so long while the plugin is not well. Reading goes on for ever. */
const WRITE_KEY_MAX_MS = 3 * 60_000
/** How long an answer stands for those who ask for health. */
const POSITIVE_TTL_MS = 20_000
const NEGATIVE_TTL_MS = 3_000

const VERSIONS = ['v2', 'v2beta1']

/**
 * Watches over a KMS v2 plugin: whether it is well, and which key id it writes with. Another key id means another seed. The intervals are a matter of time and
 * not of events, since the plugin's API has only questions.
 */
export class KmsPlugin implements AsyncDisposable {
  readonly name: string
  readonly service: KmsService
  readonly #options: KmsPluginOptions
  readonly #tasks: TaskGroup
  #state: (Omit<WriteKey, 'check'> & { readonly untilMs: number }) | undefined
  #version = ''
  #last: { readonly atMs: number; readonly problem: Error | undefined } | undefined
  #checking: Promise<Error | undefined> | undefined

  constructor(options: KmsPluginOptions) {
    this.name = options.name
    this.service = options.service
    this.#options = options
    this.#tasks = new TaskGroup({ onError: (error) => options.log.error('The KMS plugin is not watched any more', { error }) })
  }

  /** Asks once, and from then on in the background. A plugin that is not there yet is no failure of ours. */
  async start(): Promise<void> {
    await this.#checkAndLog()
    this.#tasks.spawn(async (signal) => {
      while (!signal.aborted) {
        const wait = this.#last?.problem === undefined ? POSITIVE_INTERVAL_MS : NEGATIVE_INTERVAL_MS
        await this.#options.clock.sleep(wait, { signal }).catch(() => undefined)
        if (!signal.aborted) await this.#checkAndLog()
      }
    })
  }

  writeKey(): WriteKey {
    const state = this.#state
    if (state === undefined) throw new Error('got unexpected nil transformer')
    const { transformer, object, untilMs } = state
    return {
      transformer,
      object,
      check(nowMs) {
        if (nowMs <= untilMs) return
        const hash = JSON.stringify(hashOf(object.keyId ?? ''))
        throw new Error(
          `encryptedDEKSource with keyID hash ${hash} expired at ${formatTime(untilMs)} (current time is ${formatTime(nowMs)})`,
        )
      },
    }
  }

  /** Why the plugin can't be relied on; of the last seconds, so that whoever asks for health asks it no more than that. */
  async problem(): Promise<Error | undefined> {
    const nowMs = this.#options.clock.now()
    const ttlMs = this.#last?.problem === undefined ? POSITIVE_TTL_MS : NEGATIVE_TTL_MS
    if (this.#last !== undefined && nowMs - this.#last.atMs < ttlMs) return this.#last.problem
    return this.#check()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]()
    this.service[Symbol.dispose]()
  }

  async #checkAndLog(): Promise<void> {
    const problem = await this.#check()
    if (problem !== undefined)
      this.#options.log.warn('The KMS plugin failed its health check', { name: this.name, error: problem })
  }

  /** One question at a time. */
  #check(): Promise<Error | undefined> {
    this.#checking ??= this.#ask()
      .then(
        () => undefined,
        (error: unknown) => error as Error,
      )
      .then((problem) => {
        this.#last = { atMs: this.#options.clock.now(), problem }
        this.#checking = undefined
        return problem
      })
    return this.#checking
  }

  async #ask(): Promise<void> {
    let status: StatusResponse
    try {
      status = await this.service.status()
    } catch (error) {
      const why = (error as Error).message
      throw new Error(`failed to perform status section of the healthz check for KMS Provider ${this.name}, error: ${why}`, {
        cause: error,
      })
    }
    const problems = await this.#problemsOf(status)
    if (problems.length > 0)
      throw new Error(`kmsv2 Provider ${this.name} is not healthy, error: ${(joined(problems) as Error).message}`)
  }

  async #problemsOf({ healthz = '', version = '', keyId = '' }: StatusResponse): Promise<Error[]> {
    const problems: Error[] = []
    if (healthz !== 'ok') problems.push(new Error(`got unexpected healthz status: ${healthz}`))
    if (!VERSIONS.includes(version)) problems.push(new Error(`expected KMSv2 API version v2, got ${version}`))
    else {
      this.#version ||= version
      if (version !== this.#version)
        problems.push(
          new Error(
            `KMSv2 API version should not change after the initial status response version ${this.#version}, got ${version}`,
          ),
        )
    }
    const invalid = keyIdProblem(keyId)
    if (invalid !== undefined) {
      this.#options.metrics.invalidKeyId(this.name, invalid.code)
      problems.push(new Error(`got invalid KMSv2 KeyID hash ${JSON.stringify(hashOf(keyId))}: ${invalid.message}`))
      return problems
    }
    try {
      await this.#rotate(keyId)
    } catch (error) {
      problems.push(error as Error)
    }
    return problems
  }

  /** A key id that is still the same prolongs the seed's time; another makes a new seed, and the old one writes on until its time is over. */
  async #rotate(keyId: string): Promise<void> {
    const { clock, random } = this.#options
    const untilMs = clock.now() + WRITE_KEY_MAX_MS
    const state = this.#state
    if (state?.object.keyId === keyId) {
      this.#state = { ...state, untilMs }
      return
    }
    const uid = random.uuid()
    const seed = random.bytes(SEED_BYTES)
    let problem: unknown
    let encryptKeyId = ''
    try {
      const { ciphertext, keyId: used, annotations } = await this.service.encrypt(uid, seed)
      encryptKeyId = used ?? ''
      const object = {
        encryptedDEKSourceType: DEK_SEED,
        encryptedDEKSource: ciphertext,
        keyId: used,
        annotations,
      } as EncryptedObject
      checkEncryptedObject({ ...object, encryptedData: Uint8Array.of(0) })
      if (encryptKeyId === keyId) {
        this.#state = { transformer: extendedNonceGcm(seed, random), object, untilMs }
        return
      }
    } catch (error) {
      problem = error
    }
    const hashes = `statusKeyIDHash=${quoted(keyId)}, encryptKeyIDHash=${quoted(encryptKeyId)}, stateKeyIDHash=${quoted(state?.object.keyId ?? '')}`
    const why = problem instanceof Error ? `failed to encrypt DEK, error: ${problem.message}` : '<nil>'
    throw new Error(`failed to rotate DEK uid=${JSON.stringify(uid)}, useSeed=true, errGen=${why}, ${hashes}`, { cause: problem })
  }
}

const quoted = (keyId: string): string => JSON.stringify(hashOf(keyId))
