import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type JWTPayload, SignJWT } from 'jose'
import { startHttpsServer, type TestHttpsServer } from './https-server.ts'

/** An OpenID Connect provider on loopback: a discovery document, keys, and whoever signs with them. */
export interface TestIssuer extends AsyncDisposable {
  readonly url: string
  /** PEM. */
  readonly ca: string
  readonly server: TestHttpsServer
  /** What it answers beside what is usual: set an entry to change a document. */
  readonly documents: Map<string, unknown>
  /** Who answers for a path by himself, before there is a document. */
  readonly answers: Map<string, (response: ServerResponse) => void>
  /** Forgets its keys and makes another, whose id it returns. */
  rotate(algorithm?: string): string
  /** A token with the current key; `header` and `claims` beside and instead of the usual ones. */
  sign(claims: JWTPayload, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** How often the keys were read. */
  keysRead(): number
}

export async function startIssuer(): Promise<TestIssuer> {
  let [id, algorithm] = [0, 'RS256']
  let pair!: { readonly privateKey: KeyObject; readonly publicKey: KeyObject }
  const documents = new Map<string, unknown>()
  const answers = new Map<string, (response: ServerResponse) => void>()
  const server = await startHttpsServer(['127.0.0.1'], async ({ path }, response) => {
    const answer = answers.get(path)
    if (answer !== undefined) {
      answer(response)
      // Nothing is added to what it said, however long it takes.
      await new Promise<void>((resolve) => response.once('close', resolve))
      return undefined
    }
    if (documents.has(path)) return documents.get(path)
    response.statusCode = 404
    return { path }
  })
  const url = `https://127.0.0.1:${server.port}`
  const rotate = (wanted = 'RS256'): string => {
    algorithm = wanted
    id++
    pair = wanted.startsWith('ES')
      ? generateKeyPairSync('ec', { namedCurve: wanted === 'ES256' ? 'P-256' : 'P-384' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
    documents.set('/keys', { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: `key-${id}`, use: 'sig' }] })
    return `key-${id}`
  }
  documents.set('/.well-known/openid-configuration', { issuer: url, jwks_uri: `${url}/keys` })
  rotate()
  return {
    url,
    ca: Buffer.from(server.caBundle, 'base64').toString(),
    server,
    documents,
    answers,
    rotate,
    sign: (claims, header = {}) =>
      new SignJWT({ iss: url, aud: 'kubernetes', ...claims })
        .setProtectedHeader({ alg: algorithm, kid: `key-${id}`, ...header })
        .sign(pair.privateKey),
    keysRead: () => server.requests.filter(({ path }) => path === '/keys').length,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}
