import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import test, { after, before } from 'node:test'
import { systemClock, systemRandom, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { createAuthority } from '#cluster'
import { issueOdd, type OddCertificate, startTestApiServer } from '#testing'

type Authority = Awaited<ReturnType<typeof createAuthority>>
type Pair = Awaited<ReturnType<Authority['issue']>>

const stack = new AsyncDisposableStack()
/** Certificates are checked by TLS against real time. */
const clock = new VirtualClock(Date.now())
const authorities = {} as Record<'client' | 'proxy' | 'server' | 'foreign', Authority>
let listener: Awaited<ReturnType<Awaited<ReturnType<typeof startTestApiServer>>['server']['listen']>>

before(async () => {
  const dependencies = { clock: systemClock, random: systemRandom }
  for (const name of ['client', 'proxy', 'server', 'foreign'] as const)
    authorities[name] = await createAuthority(`${name}-ca`, dependencies)
  const api = stack.use(await startTestApiServer())
  const serving = await authorities.server.issue({ commonName: 'kube-apiserver', hosts: ['127.0.0.1'], usages: ['server'] })
  const tls = { ...serving, clientCA: authorities.client.certificate, frontProxyCA: authorities.proxy.certificate }
  listener = stack.use(await api.server.listen({ host: '127.0.0.1', port: 0, tls, clock }))
})
after(() => stack.disposeAsync())

const REVIEW = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' })

/** Whom the server takes us for; the code of its refusal otherwise: 403 is somebody unknown, 401 somebody who claims too much. */
async function whoWith(
  pair: Pair | undefined,
  headers: Readonly<Record<string, string | string[]>> = {},
  agent: Agent | false = false,
): Promise<UserInfo | number> {
  const outgoing = request({
    host: '127.0.0.1',
    port: listener.port,
    method: 'POST',
    path: '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    ca: authorities.server.certificate,
    ...(pair && { cert: pair.certificate, key: pair.key }),
    headers: { 'content-type': 'application/json', ...headers },
    agent,
  })
  outgoing.end(REVIEW)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  if (response.statusCode !== 201) return response.statusCode!
  return (JSON.parse(Buffer.concat(chunks).toString()) as { status: { userInfo: UserInfo } }).status.userInfo
}

const named = (commonName: string): OddCertificate => ({ subject: [{ CN: [commonName] }] })
const admin: OddCertificate = { subject: [{ O: ['system:masters'] }, { CN: ['admin'] }] }

test('a client certificate is a user with groups, a uid and a fingerprint by which the audit finds it', async () => {
  const subject: OddCertificate['subject'] = [{ O: ['dev'] }, { O: ['ops'] }, { '1.3.6.1.4.1.57683.2': ['u-1'] }, { CN: ['ann'] }]
  const user = (await whoWith(await issueOdd(authorities.client, { subject }))) as UserInfo
  assert.deepEqual(
    { ...user, extra: Object.keys(user.extra ?? {}) },
    {
      username: 'ann',
      uid: 'u-1',
      groups: ['dev', 'ops', 'system:authenticated'],
      extra: ['authentication.kubernetes.io/credential-id'],
    },
  )
  assert.match(user.extra!['authentication.kubernetes.io/credential-id']![0]!, /^X509SHA256=[0-9a-f]{64}$/)
})

/** What is shown, and the answer: 401 refused, 403 nobody in particular. */
const REFUSED: Readonly<Record<string, readonly [() => Promise<Pair>, number]>> = {
  'of another authority': [() => issueOdd(authorities.foreign, admin), 401],
  'of an authority of the same name': [
    async () => issueOdd(await createAuthority('client-ca', { clock: systemClock, random: systemRandom }), admin),
    401,
  ],
  'of the authority of servers': [() => issueOdd(authorities.server, admin), 401],
  'that has expired': [() => issueOdd(authorities.client, { ...admin, notAfter: new Date(Date.now() - 1000) }), 401],
  'that is not yet valid': [() => issueOdd(authorities.client, { ...admin, notBefore: new Date(Date.now() + 3_600_000) }), 401],
  'for servers only': [() => issueOdd(authorities.client, { ...admin, usages: ['server'] }), 401],
  'with a critical extension that nobody knows': [
    () => issueOdd(authorities.client, { ...admin, criticalExtension: '1.2.3.4.5.6' }),
    401,
  ],
  'signed by a user': [
    async () => {
      const user = await issueOdd(authorities.client, named('user'))
      const own = await issueOdd(user, admin)
      return { certificate: own.certificate + user.certificate, key: own.key }
    },
    401,
  ],
  'without a common name': [() => issueOdd(authorities.client, { subject: [{ O: ['system:masters'] }] }), 403],
  'with an empty common name': [() => issueOdd(authorities.client, { subject: [{ O: ['system:masters'] }, { CN: [''] }] }), 403],
  'with two uids': [
    () =>
      issueOdd(authorities.client, {
        subject: [{ '1.3.6.1.4.1.57683.2': ['a'] }, { '1.3.6.1.4.1.57683.2': ['b'] }, { CN: ['ann'] }],
      }),
    401,
  ],
  'of the front proxy, which says of nobody that it comes for him': [
    () => issueOdd(authorities.proxy, named('front-proxy-client')),
    401,
  ],
}

test('a client certificate that is not good lets nobody in', async (context) => {
  for (const [name, [make, code]] of Object.entries(REFUSED))
    await context.test(`one ${name}`, async () => assert.equal(await whoWith(await make()), code))
})

test('of several common names the last counts, and a NUL ends none', async () => {
  const twice = await issueOdd(authorities.client, { subject: [{ CN: ['admin'] }, { CN: ['bob'] }] })
  assert.equal(((await whoWith(twice)) as UserInfo).username, 'bob')
  const nul = (await whoWith(await issueOdd(authorities.client, named('admin\0.example')))) as UserInfo
  assert.notEqual(nul.username, 'admin')
})

test('a certificate with a thousand organisations is a user of a thousand groups', async () => {
  const groups = Array.from({ length: 1000 }, (_, index) => `group-${index}`)
  const pair = await issueOdd(authorities.client, { subject: [...groups.map((O) => ({ O: [O] })), { CN: ['joiner'] }] })
  assert.deepEqual(((await whoWith(pair)) as UserInfo).groups, [...groups, 'system:authenticated'])
})

test('headers of a front proxy are read from whom its certificate proves to be one, and from nobody else', async () => {
  const claims = { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' }
  assert.equal(await whoWith(undefined, claims), 403, 'without a certificate')
  const user = await issueOdd(authorities.client, named('ann'))
  assert.equal(((await whoWith(user, claims)) as UserInfo).username, 'ann', 'as a user')
  const lookalike = await issueOdd(authorities.client, named('front-proxy-client'))
  assert.equal(((await whoWith(lookalike, claims)) as UserInfo).username, 'front-proxy-client', 'as a user of that name')
  assert.equal(await whoWith(await issueOdd(authorities.proxy, named('other')), claims), 401, 'as another of its authority')
  assert.equal(
    await whoWith(await issueOdd(authorities.foreign, named('front-proxy-client')), claims),
    401,
    'of another authority',
  )
  const expired = { ...named('front-proxy-client'), notAfter: new Date(Date.now() - 1000) }
  assert.equal(await whoWith(await issueOdd(authorities.proxy, expired), claims), 401, 'once it has expired')
  const proxy = await issueOdd(authorities.proxy, named('front-proxy-client'))
  const vouched = {
    'x-remote-user': ['bob', 'admin'],
    'x-remote-group': ['dev, ops', 'staff'],
    'x-remote-uid': '7',
    'x-remote-extra-acme%2Fscope': ['a', 'b'],
  }
  assert.deepEqual(await whoWith(proxy, vouched), {
    username: 'bob',
    uid: '7',
    groups: ['dev, ops', 'staff', 'system:authenticated'],
    extra: { 'acme/scope': ['a', 'b'] },
  })
})

test('an authority below the front proxy’s makes no users', async () => {
  const below = await issueOdd(authorities.proxy, { ...named('below'), isAuthority: true })
  const own = await issueOdd(below, admin)
  assert.equal(await whoWith({ certificate: own.certificate + below.certificate, key: own.key }), 401)
  const ofClients = await issueOdd(authorities.client, { ...named('below'), isAuthority: true })
  const user = await issueOdd(ofClients, named('deep'))
  const chain = { certificate: user.certificate + ofClients.certificate, key: user.key }
  assert.equal(((await whoWith(chain)) as UserInfo).username, 'deep', 'while one below that of users does')
})

test('a connection outlives neither its certificate nor the authority of it', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    const pair = await issueOdd(authorities.client, named('ann'))
    assert.equal(((await whoWith(pair, {}, agent)) as UserInfo).username, 'ann')
    listener.replaceAuthorities({ clientCA: authorities.foreign.certificate })
    assert.equal(await whoWith(pair, {}, agent), 401, 'on the same connection')
    assert.equal(((await whoWith(await issueOdd(authorities.foreign, named('eve')))) as UserInfo).username, 'eve')
    listener.replaceAuthorities({
      clientCA: authorities.foreign.certificate + authorities.client.certificate,
      frontProxyCA: authorities.proxy.certificate,
    })
    assert.equal(((await whoWith(pair, {}, agent)) as UserInfo).username, 'ann', 'two authorities in one bundle')
    await clock.advance(2 * 24 * 3_600_000)
    assert.equal(await whoWith(pair, {}, agent), 401, 'expired meanwhile')
  } finally {
    agent.destroy()
    listener.replaceAuthorities({ clientCA: authorities.client.certificate, frontProxyCA: authorities.proxy.certificate })
  }
})
