import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { type Claims, parseToken, type UnverifiedToken } from './jwt.ts'
import { together } from './problems.ts'

export interface ServiceAccountKeyOptions {
  /** PEM, ECDSA or RSA. */
  readonly signingKey: string
  /** PEM public keys whose signatures are accepted, the signing key's among them. */
  readonly verificationKeys: readonly string[]
}

/** Signatures that were checked and are remembered. A token is about a kilobyte. */
const REMEMBERED_MAX = 4096

const CURVES: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' }

/**
 * The keys by which service-account tokens are signed and checked. A token names the key that it is signed with; it is checked with the algorithm that fits
 * the key, whatever its head says.
 */
export class ServiceAccountKeys {
  #signingKey!: KeyObject
  #keys!: ReadonlyMap<string, KeyObject>
  /** What a signature was checked for does not change; whether the claims still hold is another question. */
  #remembered = new Map<string, Claims>()

  constructor(options: ServiceAccountKeyOptions) {
    this.replace(options)
  }

  /** From now on. Tokens of keys that are gone are refused. Throws when a key can not be read. */
  replace({ signingKey, verificationKeys }: ServiceAccountKeyOptions): void {
    const key = createPrivateKey(signingKey)
    algorithmOf(key)
    const keys = verificationKeys.map((pem) => createPublicKey(pem))
    this.#keys = new Map(keys.map((each) => [keyId(each), each]))
    this.#signingKey = key
    this.#remembered = new Map()
  }

  async sign(claims: Claims): Promise<string> {
    const { SignJWT } = await import('jose')
    const key = this.#signingKey
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: algorithmOf(key), kid: keyId(createPublicKey(key)) }).sign(key)
  }

  /** The claims of a token whose signature is one of these keys'. Rejects otherwise. */
  async verify(token: string, { keyId: id, claims }: UnverifiedToken): Promise<Claims> {
    const remembered = this.#remembered.get(token)
    if (remembered !== undefined) return remembered
    const keys = id === undefined ? [...this.#keys.values()] : [this.#keys.get(id)].filter((key) => key !== undefined)
    if (keys.length === 0) throw new Error('invalid signature, no keys found')
    const { compactVerify } = await import('jose')
    const problems: unknown[] = []
    for (const key of keys) {
      try {
        await compactVerify(token, key, { algorithms: [algorithmOf(key)] })
        this.#remember(token, claims)
        return claims
      } catch (error) {
        problems.push(error)
      }
    }
    throw together(problems)
  }

  /** Public keys as a JWK set, for `/openid/v1/jwks`. */
  keySet(): { readonly keys: readonly object[] } {
    const keys = [...this.#keys].map(([kid, key]) => ({
      use: 'sig',
      kid,
      alg: algorithmOf(key),
      ...key.export({ format: 'jwk' }),
    }))
    return { keys }
  }

  algorithms(): string[] {
    return [...new Set([...this.#keys.values()].map(algorithmOf))].sort()
  }

  #remember(token: string, claims: Claims): void {
    if (this.#remembered.size >= REMEMBERED_MAX) {
      const [oldest] = this.#remembered.keys()
      this.#remembered.delete(oldest!)
    }
    this.#remembered.set(token, claims)
  }
}

/** Of a token that one of several issuers may have made; undefined for another's. */
export function tokenOf(token: string, issuers: readonly string[]): UnverifiedToken | undefined {
  const parsed = parseToken(token)
  const issuer = parsed?.claims['iss']
  return typeof issuer === 'string' && issuers.includes(issuer) ? parsed : undefined
}

/** Throws for a key that tokens can not be signed with. */
function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256'
  const algorithm = CURVES[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (algorithm === undefined)
    throw new Error(`service account keys are RSA or ECDSA on P-256, P-384 or P-521, not ${key.asymmetricKeyType}`)
  return algorithm
}

/** A stable name for a public key: the hash of its SubjectPublicKeyInfo. */
const keyId = (key: KeyObject): string =>
  createHash('sha256')
    .update(key.export({ type: 'spki', format: 'der' }))
    .digest('base64url')
