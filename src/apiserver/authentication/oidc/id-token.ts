import { audiencesOf, timeMsOf, type UnverifiedToken } from '../jwt.ts'

/** Signatures of asymmetric keys. Never `none`, and never one that is made with the key by which it is checked. */
export const SIGNING_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512'] as const

/** What is not valid before a time may be sent by whose clock is fast. */
const NOT_BEFORE_LEEWAY_MS = 5 * 60_000

export interface Expectation {
  /** One of them is enough. */
  readonly audiences: readonly string[]
  readonly algorithms: readonly string[]
  readonly nowMs: number
}

/** Throws for what can be seen without a key, in the order of the library that upstream uses. */
export function checkIdToken({ algorithm, claims }: UnverifiedToken, { audiences, algorithms, nowMs }: Expectation): void {
  const own = audiencesOf(claims)
  if (!audiences.some((audience) => own.includes(audience)))
    throw new Error(`oidc: expected audience in ${quoted([...audiences].sort())} got ${quoted(own)}`)
  const [expiry, notBefore] = [timeMsOf(claims, 'exp'), timeMsOf(claims, 'nbf')]
  if (expiry === undefined || expiry < nowMs)
    throw new Error(`oidc: token is expired (Token Expiry: ${expiry === undefined ? 'none' : shown(expiry)})`)
  if (notBefore !== undefined && nowMs + NOT_BEFORE_LEEWAY_MS < notBefore)
    throw new Error(`oidc: current time ${shown(nowMs)} before the nbf (not before) time: ${shown(notBefore)}`)
  if (!algorithms.includes(algorithm))
    throw new Error(
      `oidc: id token signed with unsupported algorithm, expected ${quoted(algorithms)} got ${JSON.stringify(algorithm)}`,
    )
}

const shown = (ms: number): string => (Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms))

const quoted = (names: readonly string[]): string => `[${names.map((name) => JSON.stringify(name)).join(' ')}]`
