import { createHash } from 'node:crypto'
import type { Clock } from '#base'
import { exponentialBounds, LabelledHistograms, LabelledNumbers } from '../prometheus.ts'

/** A transformation or a call that is under way. */
export interface Timing {
  done(): void
  failed(error: unknown): void
}

export type Direction = 'from_storage' | 'to_storage'

/** What {@link byPrefix} tells. */
export interface TransformationMeter {
  start(direction: Direction, prefix: string): Timing
}

/** Key ids that metrics keep apart, as upstream: so that a plugin that makes up new ones costs no more. */
const KEY_IDS_MAX = 10

/** Upstream's metrics of encryption at rest. */
export class EncryptionMetrics implements TransformationMeter {
  readonly #clock: Clock
  readonly #duration = new LabelledHistograms(
    'apiserver_storage_transformation_duration_seconds',
    'Latencies in seconds of value transformation operations.',
    exponentialBounds(5e-6, 2, 25),
  )
  readonly #operations = new LabelledNumbers(
    'apiserver_storage_transformation_operations_total',
    'counter',
    'Total number of transformations.',
  )
  readonly #misses = new LabelledNumbers(
    'apiserver_storage_envelope_transformation_cache_misses_total',
    'counter',
    'Total number of cache misses while accessing key decryption key(KEK).',
  )
  readonly #calls = new LabelledHistograms(
    'apiserver_envelope_encryption_kms_operations_latency_seconds',
    'KMS operation duration with gRPC error code status total.',
    exponentialBounds(0.0001, 2, 20),
  )
  readonly #keyIds = new LabelledNumbers(
    'apiserver_envelope_encryption_key_id_hash_total',
    'counter',
    'Number of times a keyID is used split by transformation type and provider.',
  )
  readonly #invalidKeyIds = new LabelledNumbers(
    'apiserver_envelope_encryption_invalid_key_id_from_status_total',
    'counter',
    'Number of times an invalid keyID is returned by the Status RPC call split by error.',
  )
  readonly #reloads = new LabelledNumbers(
    'apiserver_encryption_config_controller_automatic_reloads_total',
    'counter',
    'Total number of reload successes and failures of encryption configuration split by apiserver identity.',
  )
  readonly #reloadTimes = new LabelledNumbers(
    'apiserver_encryption_config_controller_automatic_reload_last_timestamp_seconds',
    'gauge',
    'Timestamp of the last successful or failed automatic reload of encryption configuration split by apiserver identity.',
  )
  readonly #hashes = new Map<string, string>()
  readonly #serverHash: string

  /** `serverId` tells this API server from others. */
  constructor(clock: Clock, serverId: string) {
    this.#clock = clock
    this.#serverHash = hashOf(serverId)
  }

  start(direction: Direction, prefix: string): Timing {
    const startMs = this.#clock.monotonic()
    const labels = { transformation_type: direction, transformer_prefix: prefix }
    return {
      done: () => {
        this.#operations.add({ ...labels, status: 'OK' })
        this.#duration.observe(labels, (this.#clock.monotonic() - startMs) / 1000)
      },
      failed: (error) => this.#operations.add({ ...labels, status: codeOf(error) }),
    }
  }

  /** A call of a KMS plugin. */
  call(provider: string, method: string): Timing {
    const startMs = this.#clock.monotonic()
    const observe = (code: string): void =>
      this.#calls.observe(
        { provider_name: provider, method_name: method, grpc_status_code: code },
        (this.#clock.monotonic() - startMs) / 1000,
      )
    return { done: () => observe('OK'), failed: (error) => observe(codeOf(error)) }
  }

  missed(): void {
    this.#misses.add({})
  }

  usedKey(direction: Direction, provider: string, keyId: string): void {
    let hash = this.#hashes.get(keyId)
    if (hash === undefined) {
      hash = this.#hashes.size < KEY_IDS_MAX ? hashOf(keyId) : ''
      if (hash !== '') this.#hashes.set(keyId, hash)
    }
    this.#keyIds.add({
      transformation_type: direction,
      provider_name: provider,
      key_id_hash: hash,
      apiserver_id_hash: this.#serverHash,
    })
  }

  invalidKeyId(provider: string, error: 'empty' | 'too_long'): void {
    this.#invalidKeyIds.add({ provider_name: provider, error })
  }

  reloaded(status: 'success' | 'failure'): void {
    const labels = { status, apiserver_id_hash: this.#serverHash }
    this.#reloads.add(labels)
    this.#reloadTimes.set(labels, this.#clock.now() / 1000)
  }

  text(): string {
    const families = [this.#duration, this.#operations, this.#misses, this.#calls, this.#keyIds, this.#invalidKeyIds]
    return [...families, this.#reloads, this.#reloadTimes].map((family) => family.text()).join('')
  }
}

export const hashOf = (text: string): string => (text === '' ? '' : `sha256:${createHash('sha256').update(text).digest('hex')}`)

/** The name of gRPC's status, when the error came from a plugin. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return (typeof code === 'number' ? CODES[code] : undefined) ?? 'unknown-non-grpc'
}

const CODES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
]
