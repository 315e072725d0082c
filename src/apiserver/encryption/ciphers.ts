import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Random } from '#base'
import type { Transformer } from './transformer.ts'

const AES_BLOCK_BYTES = 16
const GCM_NONCE_BYTES = 12
const GCM_TAG_BYTES = 16
/** What a key is derived with, and the key itself. */
const INFO_BYTES = 32
export const SEED_BYTES = 32

const SHORT = 'the stored data was shorter than the required size'

/** AES-CBC with a random vector in front and PKCS#7 padding. It authenticates nothing: kept for what other clusters wrote. */
export function aescbc(key: Uint8Array, random: Random): Transformer {
  const algorithm = `aes-${key.length * 8}-cbc`
  return {
    async open(stored) {
      if (stored.length < AES_BLOCK_BYTES) throw new Error(SHORT)
      const body = stored.subarray(AES_BLOCK_BYTES)
      if (body.length % AES_BLOCK_BYTES !== 0) throw new Error('the stored data is not a multiple of the block size')
      const decipher = createDecipheriv(algorithm, key, stored.subarray(0, AES_BLOCK_BYTES)).setAutoPadding(false)
      return { bytes: withoutPadding(Buffer.concat([decipher.update(body), decipher.final()])), isStale: false }
    },
    async seal(value) {
      const vector = random.bytes(AES_BLOCK_BYTES)
      const cipher = createCipheriv(algorithm, key, vector)
      return Buffer.concat([vector, cipher.update(value), cipher.final()])
    },
  }
}

/** AES-GCM with a random nonce in front and the tag behind; the storage key is authenticated with the value. */
export function aesgcm(key: Uint8Array, random: Random): Transformer {
  return {
    async open(stored, storageKey) {
      return { bytes: openGcm(key, stored, storageKey), isStale: false }
    },
    async seal(value, storageKey) {
      return sealGcm(key, value, storageKey, random)
    },
  }
}

/**
 * AES-GCM with a key of its own for each value, derived from `seed` by HKDF's expansion with SHA-256: so that the number of values under one seed has no
 * limit. In front of the nonce stands what the key was derived with.
 */
export function extendedNonceGcm(seed: Uint8Array, random: Random): Transformer {
  if (seed.length < SEED_BYTES) throw new Error(`invalid seed length ${seed.length} used for key generation`)
  return {
    async open(stored, storageKey) {
      if (stored.length < INFO_BYTES) throw new Error(SHORT)
      const key = expand(seed, stored.subarray(0, INFO_BYTES))
      return { bytes: openGcm(key, stored.subarray(INFO_BYTES), storageKey), isStale: false }
    },
    async seal(value, storageKey) {
      const info = random.bytes(INFO_BYTES)
      return Buffer.concat([info, sealGcm(expand(seed, info), value, storageKey, random)])
    },
  }
}

const NONCE_BYTES = 24
const OVERHEAD_BYTES = 16

/** NaCl's secretbox (XSalsa20 and Poly1305) with a random nonce in front. Node has no such cipher; the library loads with the first provider. */
export async function secretbox(key: Uint8Array, random: Random): Promise<Transformer> {
  const { xsalsa20poly1305 } = await import('@noble/ciphers/salsa.js')
  return {
    async open(stored) {
      if (stored.length < NONCE_BYTES + OVERHEAD_BYTES) throw new Error(SHORT)
      try {
        const box = xsalsa20poly1305(key, stored.subarray(0, NONCE_BYTES))
        return { bytes: box.decrypt(stored.subarray(NONCE_BYTES)), isStale: false }
      } catch (error) {
        // Upstream's words for a box that does not open.
        throw new Error('output array was not large enough for encryption', { cause: error })
      }
    },
    async seal(value) {
      const nonce = random.bytes(NONCE_BYTES)
      return Buffer.concat([nonce, xsalsa20poly1305(key, nonce).encrypt(value)])
    },
  }
}

function sealGcm(key: Uint8Array, value: Uint8Array, storageKey: string, random: Random): Uint8Array {
  const nonce = random.bytes(GCM_NONCE_BYTES)
  const cipher = createCipheriv(gcmOf(key), key, nonce, { authTagLength: GCM_TAG_BYTES }).setAAD(Buffer.from(storageKey))
  return Buffer.concat([nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()])
}

function openGcm(key: Uint8Array, stored: Uint8Array, storageKey: string): Uint8Array {
  if (stored.length < GCM_NONCE_BYTES) throw new Error(SHORT)
  const body = stored.length - GCM_TAG_BYTES
  try {
    if (body < GCM_NONCE_BYTES) throw new Error(SHORT)
    const nonce = stored.subarray(0, GCM_NONCE_BYTES)
    const decipher = createDecipheriv(gcmOf(key), key, nonce, { authTagLength: GCM_TAG_BYTES })
      .setAAD(Buffer.from(storageKey))
      .setAuthTag(stored.subarray(body))
    return Buffer.concat([decipher.update(stored.subarray(GCM_NONCE_BYTES, body)), decipher.final()])
  } catch (error) {
    throw new Error('cipher: message authentication failed', { cause: error })
  }
}

const gcmOf = (key: Uint8Array): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' =>
  `aes-${key.length * 8}-gcm` as 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm'

/** HKDF-Expand (RFC 5869) for as much as one round gives, which is all that is needed. */
const expand = (seed: Uint8Array, info: Uint8Array): Uint8Array =>
  createHmac('sha256', seed).update(info).update(Uint8Array.of(1)).digest()

function withoutPadding(padded: Buffer): Buffer {
  const size = padded.at(-1) ?? 0
  if (size === 0 || size > padded.length) throw new Error('invalid PKCS7 data (empty or not padded)')
  const body = padded.subarray(0, padded.length - size)
  if (padded.subarray(body.length).some((byte) => byte !== size)) throw new Error('invalid padding on input')
  return body
}
