import type { TransformationMeter } from './metrics.ts'

/** What a stored value turned out to be. */
export interface Opened {
  readonly bytes: Uint8Array
  /** Whether it should be written again though nothing changed: the key or provider that writes now is another. */
  readonly isStale: boolean
}

/** Turns values into what is stored of them and back. `key` is where the value is kept; ciphers that can, bind it to the value. */
export interface Transformer {
  /** Rejects with what a client is told. */
  open(stored: Uint8Array, key: string): Promise<Opened>
  seal(value: Uint8Array, key: string): Promise<Uint8Array>
}

/** A transformer and what its values begin with; of identity that is nothing. */
export interface Provider {
  readonly prefix: string
  readonly transformer: Transformer
}

/** What every encrypted value begins with, and no object does. */
const ENCRYPTED = Buffer.from('k8s:enc:')
/** Of protobuf's `k8s\0` the last byte differs. */
const COLON = 0x3a

export const isEncrypted = (stored: Uint8Array): boolean => stored[3] === COLON && startsWith(stored, ENCRYPTED)

export const IDENTITY_READS_ENCRYPTED = 'identity transformer tried to read encrypted data'

/** Leaves values as they are, and refuses to read what another provider wrote. */
export const identity: Transformer = {
  async open(stored) {
    if (isEncrypted(stored)) throw new Error(IDENTITY_READS_ENCRYPTED)
    return { bytes: stored, isStale: false }
  },
  async seal(value) {
    return value
  },
}

/**
 * The first provider writes. Each whose prefix fits may read, in their order: one that fails does not keep a later one of the same prefix, with other
 * keys, from trying. What another than the first has read is stale. `unmatched` is the error when no prefix fits.
 */
export function byPrefix(providers: readonly Provider[], unmatched: string, meter: TransformationMeter): Transformer {
  const known = providers.map(({ prefix, transformer }) => ({ prefix, bytes: Buffer.from(prefix), transformer }))
  const first = known[0]!
  return {
    async open(stored, key) {
      const problems: unknown[] = []
      for (const each of known) {
        if (!startsWith(stored, each.bytes)) continue
        const timing = meter.start('from_storage', each.prefix === '' ? 'identity' : each.prefix)
        try {
          const { bytes, isStale } = await each.transformer.open(stored.subarray(each.bytes.length), key)
          timing.done()
          return { bytes, isStale: isStale || each !== first }
        } catch (error) {
          // On the way to no encryption identity comes first; what it can not read is for those behind it.
          if (each.prefix === '') continue
          timing.failed(error)
          problems.push(error)
        }
      }
      if (problems.length > 0) throw joined(problems)
      const error = new Error(unmatched)
      meter.start('from_storage', 'unknown').failed(error)
      throw error
    },
    async seal(value, key) {
      const timing = meter.start('to_storage', first.prefix)
      try {
        const sealed = await first.transformer.seal(value, key)
        timing.done()
        return first.bytes.length === 0 ? sealed : Buffer.concat([first.bytes, sealed])
      } catch (error) {
        timing.failed(error)
        throw error
      }
    },
  }
}

/** Several errors in one, as upstream prints them; one stays itself. */
export function joined(problems: readonly unknown[]): unknown {
  if (problems.length === 1) return problems[0]
  const messages = new Set(problems.map((problem) => (problem instanceof Error ? problem.message : String(problem))))
  return new Error(messages.size === 1 ? [...messages][0] : `[${[...messages].join(', ')}]`, { cause: problems[0] })
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  if (bytes.length < prefix.length) return false
  for (let index = 0; index < prefix.length; index++) if (bytes[index] !== prefix[index]) return false
  return true
}
