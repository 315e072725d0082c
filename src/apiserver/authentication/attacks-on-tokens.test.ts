import assert from 'node:assert/strict'
import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto'
import test from 'node:test'
import { SignJWT } from 'jose'
import { pods, serviceAccounts, type TokenRequest, tokenReviews } from '#api'
import { VirtualClock } from '#base'
import { bearer, startTestApiServer, whoAmI } from '#testing'

const ISSUER = 'https://issuer.example'
const HOUR = 3600

const pem = (key: KeyObject, type: 'spki' | 'pkcs8'): string => key.export({ type: type as 'spki', format: 'pem' }).toString()
const text = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

type Claims = Record<string, unknown>

/** A server whose signing key the test knows, and the claims of a good token. */
async function lab() {
  const clock = new VirtualClock()
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const api = await startTestApiServer({
    clock,
    serviceAccounts: { issuer: ISSUER, signingKey: pem(privateKey, 'pkcs8'), verificationKeys: [pem(publicKey, 'spki')] },
  })
  const account = await api.client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'default' } })
  const now = Math.floor(clock.now() / 1000)
  const good: Claims = {
    iss: ISSUER,
    aud: [ISSUER],
    sub: 'system:serviceaccount:default:robot',
    iat: now,
    nbf: now,
    exp: now + HOUR,
    'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid: account.metadata!.uid } },
  }
  const sign = (claims: Claims, header: Claims = {}, key = privateKey): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(key)
  const who = async (token: string): Promise<unknown> => {
    const found = await whoAmI(api, bearer(token))
    return typeof found === 'number' ? found : found.username
  }
  return { ...api, clock, now, good, sign, who, publicKey, privateKey, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() }
}

type Lab = Awaited<ReturnType<typeof lab>>

/** Each makes a token that must not be believed. */
const FORGERIES: Readonly<Record<string, (lab: Lab) => string | Promise<string>>> = {
  'signed by another key': ({ sign, good }) => sign(good, {}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey),
  'of alg none, without a signature': ({ good }) => `${text({ alg: 'none' })}.${text(good)}.`,
  'of alg none in other spellings, with a signature': ({ good }) => `${text({ alg: 'nOnE' })}.${text(good)}.${text('x')}`,
  'whose HMAC is made with the public key (key confusion)': ({ good, publicKey }) => {
    const signed = `${text({ alg: 'HS256' })}.${text(good)}`
    return `${signed}.${createHmac('sha256', pem(publicKey, 'spki')).update(signed).digest('base64url')}`
  },
  'of another algorithm of the same key': ({ sign, good }) => sign(good, { alg: 'PS256' }),
  'that brings its own key (jwk)': ({ sign, good }) => {
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    return sign(good, { jwk: createPublicKey(own.privateKey).export({ format: 'jwk' }) }, own.privateKey)
  },
  'that says where its key is (jku)': ({ sign, good }) => {
    const own = generateKeyPairSync('rsa', { modulusLength: 2048 })
    return sign(good, { jku: 'https://127.0.0.1:1/keys', kid: 'own' }, own.privateKey)
  },
  'whose key id is a path': ({ sign, good }) => sign(good, { kid: '../../../../dev/null' }),
  'whose key id is a query': ({ sign, good }) => sign(good, { kid: "' OR 1=1 --" }),
  'whose key id is a number': async ({ sign, good }) => {
    const [, claims, signature] = (await sign(good)).split('.')
    return `${text({ alg: 'RS256', kid: 7 })}.${claims}.${signature}`
  },
  'with other claims than those that were signed': async ({ sign, good }) => {
    const [header, , signature] = (await sign(good)).split('.')
    return `${header}.${text({ ...good, sub: 'system:serviceaccount:kube-system:admin' })}.${signature}`
  },
  'with a signature cut short': async ({ sign, good }) => (await sign(good)).slice(0, -8),
  'with padding in it': async ({ sign, good }) => `${await sign(good)}=`,
  'in four parts': async ({ sign, good }) => `${await sign(good)}.x`,
  'with a critical extension that nobody knows': async ({ sign, good, privateKey }) => {
    const [, claims] = (await sign(good)).split('.')
    const signed = `${text({ alg: 'RS256', crit: ['x'], x: 1 })}.${claims}`
    const { sign: raw } = await import('node:crypto')
    return `${signed}.${raw('sha256', Buffer.from(signed), privateKey).toString('base64url')}`
  },
  'of another issuer': ({ sign, good }) => sign({ ...good, iss: 'https://other.example' }),
  'of an issuer that only begins alike': ({ sign, good }) => sign({ ...good, iss: `${ISSUER}.evil.example` }),
  'for another audience': ({ sign, good }) => sign({ ...good, aud: ['vault'] }),
  'for no audience': ({ sign, good }) => sign({ ...good, aud: undefined }),
  'that has expired': ({ sign, good, now }) => sign({ ...good, exp: now - 61 }),
  'that is not yet valid': ({ sign, good, now }) => sign({ ...good, nbf: now + 61 }),
  'that was issued in the future': ({ sign, good, now }) => sign({ ...good, iat: now + 61 }),
  'that never expires': ({ sign, good }) => sign({ ...good, exp: undefined }),
  'whose expiry is a text': async ({ good, privateKey }) => signRaw({ ...good, exp: 'tomorrow' }, privateKey),
  'whose expiry is beyond all numbers': async ({ good, privateKey }) =>
    signRaw(JSON.stringify(good).replace(/"exp":\d+/, '"exp":1e999'), privateKey),
  'whose audience is an object': ({ good, privateKey }) => signRaw({ ...good, aud: { 0: ISSUER } }, privateKey),
  'whose claims are an array': ({ privateKey }) => signRaw([ISSUER], privateKey),
  'whose claims are no JSON': ({ privateKey }) => signRaw('{', privateKey),
  'whose account is a list': ({ good, privateKey }) => signRaw({ ...good, 'kubernetes.io': [] }, privateKey),
  'whose account is null': ({ good, privateKey }) => signRaw({ ...good, 'kubernetes.io': null }, privateKey),
  'whose prototype is meant to be polluted': ({ good, privateKey }) =>
    signRaw(
      JSON.stringify({ ...good, 'kubernetes.io': undefined }).replace(/}$/, ',"__proto__":{"kubernetes.io":{}}}'),
      privateKey,
    ),
  'of another account than it says': ({ sign, good }) => sign({ ...good, sub: 'system:serviceaccount:kube-system:robot' }),
  'of an account that is gone': ({ sign, good }) =>
    sign({
      ...good,
      sub: 'system:serviceaccount:default:gone',
      'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'gone', uid: '1' } },
    }),
  'of an account that was made anew': ({ sign, good }) =>
    sign({ ...good, 'kubernetes.io': { namespace: 'default', serviceaccount: { name: 'robot', uid: '1' } } }),
  'that is nothing but bytes': () => randomBytes(300).toString('base64url'),
  'of dots': () => '..',
}

async function signRaw(claims: unknown, key: KeyObject): Promise<string> {
  const { sign } = await import('node:crypto')
  const payload = typeof claims === 'string' ? Buffer.from(claims).toString('base64url') : text(claims)
  const signed = `${text({ alg: 'RS256' })}.${payload}`
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
}

test('a token that is not good is refused, however it is forged', async (context) => {
  await using api = await lab()
  assert.equal(await api.who(await api.sign(api.good)), 'system:serviceaccount:default:robot', 'the good one')
  assert.equal(
    await api.who(await signRaw(api.good, api.privateKey)),
    'system:serviceaccount:default:robot',
    'the good one, by hand',
  )
  for (const [name, forge] of Object.entries(FORGERIES))
    await context.test(`one ${name}`, async () => {
      const token = await forge(api)
      assert.equal(await api.who(token), 401)
      const { status } = await api.client.create(tokenReviews, { spec: { token } })
      assert.notEqual(status?.authenticated, true)
      assert.ok(status?.error)
    })
})

test('a huge token is refused before anything of it is read', async () => {
  await using api = await lab()
  const padded = await signRaw({ ...api.good, pad: 'x'.repeat(10 * 1024 * 1024) }, api.privateKey)
  const { status } = await api.client.create(tokenReviews, { spec: { token: padded } }).catch((error) => error)
  assert.notEqual(status?.authenticated, true)
  const large = await signRaw({ ...api.good, pad: 'x'.repeat(64 * 1024) }, api.privateKey)
  assert.equal(await api.who(large), 401)
  const fits = await signRaw({ ...api.good, pad: 'x'.repeat(8 * 1024) }, api.privateKey)
  assert.equal(await api.who(fits), 'system:serviceaccount:default:robot')
})

test('a token is judged anew at each use: its signature is remembered, not what it proves', async () => {
  await using api = await lab()
  const token = await api.sign(api.good)
  assert.equal(await api.who(token), 'system:serviceaccount:default:robot')
  await api.clock.advance((HOUR + 60) * 1000)
  assert.equal(await api.who(token), 'system:serviceaccount:default:robot', 'clocks may differ by a minute')
  await api.clock.advance(1000)
  assert.equal(await api.who(token), 401, 'expired')
  const now = Math.floor(api.clock.now() / 1000)
  const next = await api.sign({ ...api.good, exp: now + HOUR })
  assert.equal(await api.who(next), 'system:serviceaccount:default:robot')
  await api.client.delete(serviceAccounts, 'default/robot')
  assert.equal(await api.who(next), 401, 'the account is gone')
})

test('credentials of other schemes are none, and a token that is not good is never anonymous', async () => {
  await using api = await lab()
  const statusWith = async (authorization: string): Promise<number> => {
    const request = { method: 'GET', path: '/version', headers: { authorization } } as const
    return (await api.server.handle(request, { kind: 'tls', address: '' })).status
  }
  for (const authorization of ['Basic YWRtaW46YWRtaW4=', 'Bearer', 'Bearer ', 'Token x', ''])
    assert.deepEqual(await statusWith(authorization), 200, authorization)
  for (const authorization of ['Bearer x', 'bearer x', '  Bearer x', 'Bearer x y'])
    assert.deepEqual(await statusWith(authorization), 401, authorization)
})

test('the token of a pod outlives the hour it was asked for, and says when its use is to be noticed', async () => {
  await using api = await lab()
  const { client } = api
  await client.create(pods, {
    metadata: { name: 'pod', namespace: 'default' },
    spec: { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] },
  })
  const ask = async (spec: Partial<TokenRequest['spec']>): Promise<Claims & { readonly expires: number }> => {
    const request = {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      spec: { audiences: [], ...spec },
    } as TokenRequest
    const { status } = await client.createSubresource(serviceAccounts, 'default/robot', 'token', request)
    const claims = JSON.parse(Buffer.from(status!.token!.split('.')[1]!, 'base64url').toString()) as Claims
    return { ...claims, expires: Date.parse(String(status!.expirationTimestamp)) / 1000 }
  }
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'pod' }
  const projected = await ask({ expirationSeconds: 3607, boundObjectRef })
  assert.deepEqual([projected['exp'], projected.expires], [api.now + 365 * 24 * HOUR, api.now + 3607])
  assert.equal((projected['kubernetes.io'] as Claims)['warnafter'], api.now + 3607)
  for (const spec of [
    { expirationSeconds: 3607 },
    { expirationSeconds: 3608, boundObjectRef },
    { expirationSeconds: 3607, boundObjectRef, audiences: ['vault'] },
  ]) {
    const plain = await ask(spec)
    assert.deepEqual(
      [plain['exp'], (plain['kubernetes.io'] as Claims)['warnafter']],
      [api.now + spec.expirationSeconds, undefined],
    )
  }
})
