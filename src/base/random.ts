import { randomBytes, randomUUID } from 'node:crypto'

/** Chance as an argument: the same seed replays the same run. */
export interface Random {
  /** A float in [0, 1). */
  float(): number
  /** An integer in [0, below). */
  int(below: number): number
  bytes(length: number): Uint8Array
  /** An RFC 4122 version 4 UUID. */
  uuid(): string
  /** Kubernetes' safe suffix alphabet: no vowels and no look-alikes, so that no words come out. */
  suffix(length: number): string
}

const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** Cryptographic randomness of the operating system. */
export const systemRandom: Random = { ...randomFrom(fromPool()), uuid: () => randomUUID() }

/** A deterministic source for tests and simulations (xorshift128 over a splitmix-filled state); never for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const splitmix = (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [x, y, z, w] = [splitmix(), splitmix(), splitmix(), splitmix()]
  const next = (): number => {
    const t = x ^ (x << 11)
    x = y
    y = z
    z = w
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0
    return w
  }
  return randomFrom((length) => Uint8Array.from({ length }, () => next() & 0xff))
}

const POOL_BYTES = 8 * 1024
const POOLED_BYTES_MAX = 64

/** Draws in bulk: a call to the system for every identifier is most of what a small request costs. No byte is handed out twice. */
function fromPool(): (length: number) => Uint8Array {
  let pool = new Uint8Array(0)
  let at = 0
  return (length) => {
    if (length > POOLED_BYTES_MAX) return randomBytes(length)
    if (at + length > pool.length) {
      // No Buffer, whose slices would share their memory.
      pool = new Uint8Array(randomBytes(POOL_BYTES))
      at = 0
    }
    at += length
    return pool.slice(at - length, at)
  }
}

function randomFrom(bytes: (length: number) => Uint8Array): Random {
  const uint32 = (): number => {
    const { buffer, byteOffset } = bytes(4)
    return new DataView(buffer, byteOffset).getUint32(0)
  }
  const int = (below: number): number => Math.floor((uint32() / 2 ** 32) * below)
  return {
    float: () => uint32() / 2 ** 32,
    int,
    bytes,
    uuid() {
      const raw = bytes(16)
      raw[6] = (raw[6]! & 0x0f) | 0x40
      raw[8] = (raw[8]! & 0x3f) | 0x80
      const hex = Buffer.from(raw).toString('hex')
      return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
    },
    suffix: (length) => Array.from({ length }, () => SUFFIX_ALPHABET[int(SUFFIX_ALPHABET.length)]).join(''),
  }
}
