import type { Clock, Random } from '#base'
import { aesgcm, extendedNonceGcm } from '../ciphers.ts'
import type { EncryptionMetrics } from '../metrics.ts'
import type { Opened, Transformer } from '../transformer.ts'
import { checkEncryptedObject, dekOf } from './encrypted-object.ts'
import { DEK_KEY, DEK_SEED, type EncryptedObject, kmsCodec } from './messages.ts'
import type { WriteKey } from './plugin.ts'
import type { KmsService } from './service.ts'

export interface EnvelopeOptions {
  readonly name: string
  readonly service: KmsService
  /** The key that writes now. Throws as long as there never was one. */
  readonly writeKey: () => WriteKey
  readonly clock: Clock
  readonly random: Random
  readonly metrics: EncryptionMetrics
}

const KEY_LIVES_MS = 24 * 3_600_000
/** A key a server's start or rotation makes; whoever has more asks the plugin again. */
const KEYS_MAX = 10_000

interface KnownKey {
  readonly transformer: Promise<Transformer>
  readonly untilMs: number
}

/**
 * Encrypts values with keys derived from a seed that only a plugin can read (KMS v2). The plugin is asked when a seed is made and when one is met for the first
 * time, never for a value.
 */
export class EnvelopeTransformer implements Transformer {
  readonly #options: EnvelopeOptions
  readonly #keys = new Map<string, KnownKey>()

  constructor(options: EnvelopeOptions) {
    this.#options = options
  }

  async open(stored: Uint8Array, key: string): Promise<Opened> {
    const { name, metrics } = this.#options
    const object = kmsCodec.decode('EncryptedObject', stored) as EncryptedObject
    checkEncryptedObject(object)
    const write = this.#options.writeKey()
    const transformer = await this.#keyOf(object)
    metrics.usedKey('from_storage', name, object.keyId!)
    const { bytes } = await transformer.open(object.encryptedData!, key)
    const isStale =
      object.keyId !== write.object.keyId || (object.encryptedDEKSourceType ?? DEK_KEY) !== write.object.encryptedDEKSourceType
    return { bytes, isStale }
  }

  async seal(value: Uint8Array, key: string): Promise<Uint8Array> {
    const { name, metrics, clock } = this.#options
    const write = this.#options.writeKey()
    write.check(clock.now())
    // So that no read asks the plugin for what was written here.
    this.#remember(dekOf(write.object), Promise.resolve(write.transformer))
    const object = { ...write.object, encryptedData: await write.transformer.seal(value, key) }
    checkEncryptedObject(object)
    metrics.usedKey('to_storage', name, object.keyId!)
    return kmsCodec.encode('EncryptedObject', object)
  }

  /** The plugin is asked once for a key, however many values wait for it. */
  #keyOf(object: EncryptedObject): Promise<Transformer> {
    const id = dekOf(object)
    const known = this.#keys.get(id)
    if (known !== undefined && known.untilMs > this.#options.clock.now()) return known.transformer
    this.#options.metrics.missed()
    const transformer = this.#ask(object)
    this.#remember(id, transformer)
    // What failed is asked again.
    transformer.catch(() => this.#keys.delete(id))
    return transformer
  }

  async #ask(object: EncryptedObject): Promise<Transformer> {
    const { service, random } = this.#options
    let key: Uint8Array
    try {
      key = await service.decrypt({
        ciphertext: object.encryptedDEKSource!,
        uid: random.uuid(),
        keyId: object.keyId!,
        annotations: object.annotations,
      })
    } catch (error) {
      throw new Error(`failed to decrypt DEK, error: ${(error as Error).message}`, { cause: error })
    }
    return object.encryptedDEKSourceType === DEK_SEED ? extendedNonceGcm(key, random) : aesgcm(checkedKey(key), random)
  }

  #remember(id: string, transformer: Promise<Transformer>): void {
    const nowMs = this.#options.clock.now()
    if (this.#keys.size >= KEYS_MAX) for (const [old, { untilMs }] of this.#keys) if (untilMs <= nowMs) this.#keys.delete(old)
    if (this.#keys.size >= KEYS_MAX) this.#keys.delete(this.#keys.keys().next().value!)
    this.#keys.set(id, { transformer, untilMs: nowMs + KEY_LIVES_MS })
  }
}

function checkedKey(key: Uint8Array): Uint8Array {
  if (![16, 24, 32].includes(key.length)) throw new Error(`crypto/aes: invalid key size ${key.length}`)
  return key
}
