import { ServiceAccountKeys } from '#apiserver'

/** Signs service-account tokens with a PEM key, as an API server with the same key does. Throws when it is none. */
export function tokenSigner(signingKey: string): (claims: Readonly<Record<string, unknown>>) => Promise<string> {
  const keys = new ServiceAccountKeys({ signingKey, verificationKeys: [] })
  return (claims) => keys.sign(claims)
}
