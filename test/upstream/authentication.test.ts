// Who makes a request is held against upstream's authenticators: front proxy, bearer tokens, tokens among the protocols of a WebSocket, anonymous requests, and what
// is said of credentials that are not good. What differs on purpose:
// - Go reads no certificate in which a text is not of the kind that it says, and ends the handshake; OpenSSL reads some of them.
// - Upstream walks through headers in an order of its own: of several headers for one key of the extra the values are compared in no order.
// - A percent-encoded key that is no UTF-8 is bytes in Go; ours has U+FFFD for them, as Go's JSON shows them.
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { type Log, nullLog, systemClock, systemRandom, VirtualClock } from '#base'
import { certificateUser, type TransportRequest, type UserInfo } from '#client'
import { createAuthority } from '#cluster'
import { StatusError } from '#meta'
import { issueOdd, type OddCertificate } from '#testing'
import type { AnonymousOptions } from '../../src/apiserver/authentication/anonymous.ts'
import { Authentication } from '../../src/apiserver/authentication/authentication.ts'
import type { RequestHeaderOptions } from '../../src/apiserver/authentication/certificates.ts'
import { AuthenticationMetrics } from '../../src/apiserver/authentication/metrics.ts'
import type { TokenAuthenticator } from '../../src/apiserver/authentication/types.ts'
import { subjectOf } from '../../src/client/peer-reader.ts'
import { Peer } from './peer.ts'

const RUNS = Number(process.env.T8S_UPSTREAM_RUNS ?? 10_000)
const peer = new Peer('authentication')
after(() => peer[Symbol.asyncDispose]())

type Known = Readonly<Record<string, { readonly user?: UserInfo; readonly error?: string }>>

interface Asked extends Omit<RequestHeaderOptions, 'allowedNames'> {
  readonly uri: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly isProxy: boolean
  readonly tokens: readonly Known[]
  readonly anonymous: AnonymousOptions
}

interface Answer {
  readonly user?: UserInfo
  readonly error?: string
  readonly warnings: readonly string[]
}

const tokensOf = (known: Known): TokenAuthenticator => ({
  name: 'known',
  async authenticateToken(token) {
    const found = Object.hasOwn(known, token) ? known[token] : undefined
    if (found?.error) throw new Error(found.error)
    return found?.user && { user: found.user }
  },
})

async function ours(asked: Asked): Promise<Answer> {
  const { headers, tokens, anonymous, isProxy, uri, ...requestHeaders } = asked
  const warnings: string[] = []
  let problem: string | undefined
  const log: Log = { ...nullLog, debug: (_, data) => void (problem = String(data?.['error'])) }
  const authentication = new Authentication({
    requestHeaders: { ...requestHeaders, allowedNames: [] },
    tokens: tokens.map(tokensOf),
    audiences: ['api'],
    anonymous,
    clock: new VirtualClock(),
    metrics: new AuthenticationMetrics(),
    log,
  })
  const lower = headers.map(([name, value]) => [name.toLowerCase(), value] as const)
  const headerValues = (name: string): string[] => lower.filter(([each]) => each === name).map(([, value]) => value)
  const joined = Object.fromEntries(lower.map(([name]) => [name, headerValues(name).join(', ')]))
  const request: TransportRequest = { method: 'GET', path: uri, headers: joined, headerValues }
  const notes = { annotate: () => undefined, warn: (text: string) => void warnings.push(text) }
  const from = { kind: 'tls', address: '192.0.2.1', ...(isProxy && { frontProxy: 'proxy' }) } as const
  try {
    return { user: plain(await authentication.authenticate(request, from, notes)), warnings }
  } catch (error) {
    if (!(error instanceof StatusError)) throw error
    return { ...(problem !== undefined && { error: problem }), warnings }
  }
}

const plain = ({ username, uid, groups, extra }: UserInfo): UserInfo => ({
  username,
  ...(uid && { uid }),
  groups,
  ...(extra && Object.keys(extra).length > 0 && { extra: sorted(extra) }),
})

const sorted = (extra: NonNullable<UserInfo['extra']>): NonNullable<UserInfo['extra']> =>
  Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values].sort()]))

const normal = ({ user, ...rest }: Answer): Answer => ({ ...rest, ...(user && { user: plain(user) }) })

const user: fc.Arbitrary<UserInfo> = fc.record({
  username: fc.constantFrom('ann', 'system:anonymous', 'é'),
  groups: fc.subarray(['dev', 'system:authenticated', 'system:unauthenticated']),
})
const token = fc.constantFrom('a', 'b', 'c', 'dé', 'e~~~')
const known: fc.Arbitrary<Known> = fc.dictionary(
  token,
  fc.oneof(
    user.map((each) => ({ user: each })),
    fc.constantFrom('bad', 'worse').map((error) => ({ error })),
  ),
  { maxKeys: 3, noNullPrototype: true },
)
const base64 = token.map((text) => Buffer.from(text).toString('base64url'))
const encoded = fc.oneof(base64, fc.constantFrom('', 'YR', 'Y', 'YQ==', 'Y+', '_w', 'YWI=', 'Y Q'))
const protocol = fc.oneof(
  encoded.map((text) => `base64url.bearer.authorization.k8s.io.${text}`),
  fc.constantFrom('v4.channel.k8s.io', '', ' x ', 'base64url.bearer.authorization.k8s.io'),
)
const protocols = fc.array(protocol, { maxLength: 3 }).map((all) => all.join(', '))
const authorization = fc.oneof(
  token.map((text) => `Bearer ${text}`),
  token.map((text) => `bearer ${text} more`),
  fc.constantFrom('Bearer', 'Bearer ', 'Bearer  a', ' Bearer a', 'Bearer\ta', 'Basic YTpi', 'BEARER b', 'Bearer  ', 'a', '', 'Bearer a,b'),
) // biome-ignore format: a tree
const text = fc.constantFrom('ann', '', 'a, b', 'é', 'system:anonymous', 'system:authenticated')
const remote = fc.constantFrom(
  'X-Remote-User',
  'x-remote-user',
  'X-Remote-Login',
  'X-Remote-Uid',
  'X-Remote-Group',
  'X-REMOTE-GROUP',
  'X-Remote-Team',
  'X-Remote-Extra-a',
  'X-Remote-Extra-A.b%2FC',
  'X-Remote-Extra-a%',
  'X-Remote-Extra-%C3%A9',
  'X-Remote-Extra-',
  'X-Other-a',
)
const header = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(remote, text) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('Sec-WebSocket-Protocol'), protocols) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constant('Connection'), fc.constantFrom('Upgrade', 'keep-alive, upgrade', 'close', 'xupgraded')),
  },
)
const once = (name: string, value: fc.Arbitrary<string>) =>
  fc.option(value.map((each) => [[name, each]] as [string, string][]), { nil: [] as [string, string][] }) // biome-ignore format: a tree
const headers = fc
  .tuple(once('Authorization', authorization), once('Upgrade', fc.constantFrom('websocket', 'WebSocket', 'spdy')), fc.array(header, { maxLength: 7 }))
  .map((parts) => parts.flat()) // biome-ignore format: a tree
const path = fc.constantFrom('/livez', '/readyz', '/livez/', '/live%7A', '/%6civez', '/api', '/livez%2F')
const asked: fc.Arbitrary<Asked> = fc.record({
  uri: path,
  headers,
  isProxy: fc.boolean(),
  usernameHeaders: fc.constantFrom(['X-Remote-User'], ['X-Remote-Login', 'x-remote-USER']),
  uidHeaders: fc.constantFrom(['X-Remote-Uid'], []),
  groupHeaders: fc.constantFrom(['X-Remote-Group'], ['X-Remote-Team', 'X-Remote-Group']),
  extraHeaderPrefixes: fc.constantFrom(['X-Remote-Extra-'], ['x-other-', 'X-Remote-Extra-'], []),
  tokens: fc.array(known, { minLength: 1, maxLength: 3 }),
  anonymous: fc.record(
    { enabled: fc.boolean(), conditions: fc.array(fc.record({ path: path.map((each) => decodeURIComponent(each)) }), { maxLength: 2 }) },
    { requiredKeys: ['enabled'] },
  ),
}) // biome-ignore format: a tree

test('who makes a request is known as by upstream', async () => {
  await fc.assert(
    fc.asyncProperty(asked, async (each) => {
      assert.deepEqual(await ours(each), normal(await peer.ask<Answer>(each)))
    }),
    { numRuns: RUNS },
  )
})

const attribute = fc.constantFrom('CN', 'CN', 'O', 'O', 'OU', '1.3.6.1.4.1.57683.2')
const form = fc.constantFrom('utf8String', 'printableString', 'bmpString', 'ia5String', 'universalString')
/** Values as they are encoded: an old Teletex text, digits, pairs of surrogates, a number, a text of another encoding than it says. */
const raw = fc.constantFrom('#1403e96162', '#12023132', '#1e04d834dd1e', '#020101', '#0c02c328', '#0c00')
const said = fc.constantFrom('ann', '', 'a b', 'é', '中', 'a\0b', 'a,b+c="d"', 'system:masters', ' a ', 'a@b', '𝄞', 'a\nb')
const relative = fc.dictionary(
  attribute,
  fc.array(fc.oneof(said, raw, fc.tuple(form, said).map(([kind, each]) => ({ [kind]: each }))), { minLength: 1, maxLength: 2 }),
  { minKeys: 1, maxKeys: 2, noNullPrototype: true },
) // biome-ignore format: a tree

test('the subject of a certificate is read as by upstream', async () => {
  const authority = await createAuthority('test-authority', { clock: systemClock, random: systemRandom })
  const ca = { certificate: authority.certificate, key: authority.key }
  await fc.assert(
    fc.asyncProperty(fc.array(relative, { maxLength: 3 }), async (subject) => {
      const { certificate } = await issueOdd(ca, { subject: subject as OddCertificate['subject'] })
      const theirs = normal(await peer.ask<Answer>({ certificate }))
      // Go reads no certificate in which a text is not of its kind.
      if (theirs.error === 'unreadable') return
      assert.deepEqual(subjectSaid(certificate), theirs)
    }),
    { numRuns: Math.min(RUNS, 1_000) },
  )
})

function subjectSaid(pem: string): Answer {
  try {
    const found = certificateUser(subjectOf(new X509Certificate(pem)))
    return { ...(found && { user: plain(found) }), warnings: [] }
  } catch (error) {
    return { error: (error as Error).message, warnings: [] }
  }
}
