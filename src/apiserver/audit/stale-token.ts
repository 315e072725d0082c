import type { TransportRequest, UserInfo } from '#client'

const BEARER = /^bearer ([^ ]+)$/i

/**
 * What upstream notes of a pod that goes on with a service account's token that it should have read anew: how many seconds it is late. The token has been
 * verified, since the user is who it names.
 */
export function staleTokenNote({ headers }: TransportRequest, { username }: UserInfo, nowMs: number): string | undefined {
  if (!username.startsWith('system:serviceaccount:')) return undefined
  const [, token = ''] = BEARER.exec(headers?.['authorization'] ?? '') ?? []
  const { sub, 'kubernetes.io': own } = claimsOf(token)
  const lateSeconds = Math.floor(nowMs / 1000) - (own?.warnafter ?? Number.POSITIVE_INFINITY)
  if (sub !== username || !(lateSeconds > 0)) return undefined
  return `subject: ${username}, seconds after warning threshold: ${lateSeconds}`
}

interface Claims {
  readonly sub?: string
  readonly 'kubernetes.io'?: { readonly warnafter?: number }
}

/** Nothing for a token that is none: the user was known by something else then. */
function claimsOf(token: string): Claims {
  const [, claims = ''] = token.split('.')
  try {
    return (JSON.parse(Buffer.from(claims, 'base64url').toString()) ?? {}) as Claims
  } catch {
    return {}
  }
}
