/** What a compact JWS says, before anybody has looked at its signature. */
export interface UnverifiedToken {
  readonly algorithm: string
  readonly keyId: string | undefined
  readonly claims: Claims
}

export type Claims = Readonly<Record<string, unknown>>

/** A JSON Web Token in its compact form (RFC 7515, 7.1); undefined for what is none. Believe nothing of it. */
export function parseToken(token: string): UnverifiedToken | undefined {
  const parts = token.split('.')
  if (parts.length !== 3) return undefined
  const [header, claims] = [objectIn(parts[0]!), objectIn(parts[1]!)]
  if (header === undefined || claims === undefined) return undefined
  const { alg, kid } = header
  if (typeof alg !== 'string' || (kid !== undefined && typeof kid !== 'string')) return undefined
  return { algorithm: alg, keyId: kid === '' ? undefined : kid, claims }
}

/** The `aud` claim, which may be one name or several; empty for what is neither. */
export function audiencesOf({ aud }: Claims): readonly string[] {
  if (typeof aud === 'string') return [aud]
  return Array.isArray(aud) && aud.every((each) => typeof each === 'string') ? aud : []
}

/** A time of a claim (RFC 7519, NumericDate), in milliseconds since the epoch. Throws for what is no number. */
export function timeMsOf(claims: Claims, name: 'exp' | 'nbf' | 'iat'): number | undefined {
  const value = claims[name]
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`the ${name} claim is not a number`)
  return value * 1000
}

function objectIn(part: string): Record<string, unknown> | undefined {
  if (!/^[\w-]+$/.test(part)) return undefined
  const bytes = Buffer.from(part, 'base64url')
  // Several texts decode to the same bytes; only the shortest is well-formed.
  if (bytes.toString('base64url') !== part) return undefined
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
