import { createHmac, timingSafeEqual } from 'node:crypto'
import type { BootstrapToken } from '#api'

/**
 * The detached JWS (RFC 7515, appendix F; HS256) by which a bootstrap token vouches for a text: `HEADER..SIGNATURE`. Byte for byte what
 * upstream's signer writes, so its clients can verify it.
 */
export function signatureOf(content: string, { id, secret }: BootstrapToken): string {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }))
  const signature = createHmac('sha256', secret)
    .update(`${header}.${base64url(content)}`)
    .digest('base64url')
  return `${header}..${signature}`
}

/** Whether `signature` was made for `content` by who knows the token. */
export function isSignedBy(content: string, token: BootstrapToken, signature: string): boolean {
  const [given, wanted] = [Buffer.from(signature), Buffer.from(signatureOf(content, token))]
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url')
