import assert from 'node:assert/strict'
import test from 'node:test'
import { type Log, nullLog, VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { bearer, eventually, jwtOf, oidcLab, startIssuer, startTestApiServer, whoAmI, writtenConfiguration } from '#testing'
import type { JwtConfiguration } from './configuration.ts'

const HOUR = 3600

test('a token of a configured issuer is the user that its claims are mapped to', async () => {
  const mapped: Partial<JwtConfiguration> = {
    claimMappings: {
      username: { expression: 'claims.sub + "@" + claims.realm' },
      groups: { expression: 'claims.roles.split(",").map(role, "acme:" + role)' },
      uid: { claim: 'oid' },
      extra: [
        { key: 'acme.io/department', valueExpression: 'claims.department' },
        { key: 'acme.io/none', valueExpression: '[""]' },
      ],
    },
    claimValidationRules: [
      { claim: 'hd', requiredValue: 'acme.io' },
      { expression: 'claims.exp - claims.nbf <= 86400', message: 'tokens may last a day' },
    ],
    userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
  }
  await using api = await oidcLab((issuer) => [jwtOf(issuer, mapped)])
  const nbf = Math.floor(api.clock.now() / 1000)
  const good = { realm: 'acme', roles: 'dev,ops', oid: 'o-1', department: ['a', 'b'], hd: 'acme.io', nbf }
  assert.deepEqual(await api.who(await api.sign(good)), {
    username: 'ann@acme',
    uid: 'o-1',
    groups: ['acme:dev', 'acme:ops', 'system:authenticated'],
    extra: { 'acme.io/department': ['a', 'b'] },
  })
  const problems: Readonly<Record<string, string>> = {
    'oidc: required claim hd not present in ID token': await api.sign({ ...good, hd: undefined }),
    'oidc: required claim hd value does not match. Got = x, want = acme.io': await api.sign({ ...good, hd: 'x' }),
    "oidc: error evaluating claim validation expression: validation expression 'claims.exp - claims.nbf <= 86400' failed: tokens may last a day":
      await api.sign({ ...good, exp: nbf + 86_401 }),
    "oidc: error evaluating user info validation rule: validation expression '!user.username.startsWith('system:')' failed: reserved":
      await api.sign({ ...good, sub: 'system:admin' }),
    'oidc: error evaluating username claim expression: no such key: realm': await api.sign({ ...good, realm: undefined }),
    'oidc: parse uid claim "oid": it is no string': await api.sign({ ...good, oid: 7 }),
    'oidc: error evaluating group claim expression: no such overload: split(int, string)': await api.sign({ ...good, roles: 7 }),
    'oidc: error evaluating extra claim expression: expression must return a string or a list of strings': await api.sign({
      ...good,
      department: 7,
    }),
  }
  for (const [problem, token] of Object.entries(problems)) {
    assert.equal(await api.review(token), problem)
    assert.equal(await api.who(token), 401)
  }
})

test('claims are taken with their prefixes, a single group as well, and an address only when it is verified', async () => {
  const mapped: Partial<JwtConfiguration> = {
    claimMappings: { username: { claim: 'email', prefix: '' }, groups: { claim: 'groups', prefix: 'g:' } },
  }
  await using api = await oidcLab((issuer) => [jwtOf(issuer, mapped)])
  const named = async (claims: object): Promise<unknown> => {
    const user = await api.who(await api.sign(claims))
    return typeof user === 'number' ? user : [user.username, ...user.groups]
  }
  const email = 'ann@acme.io'
  assert.deepEqual(await named({ email }), [email, 'system:authenticated'])
  assert.deepEqual(await named({ email, email_verified: true, groups: 'dev' }), [email, 'g:dev', 'system:authenticated'])
  assert.deepEqual(await named({ email, groups: ['dev', 'ops'] }), [email, 'g:dev', 'g:ops', 'system:authenticated'])
  assert.equal(await named({ email, email_verified: false }), 401)
  assert.equal(await named({ email, email_verified: 'true' }), 401)
  assert.equal(await named({ email, groups: [1] }), 401)
  assert.equal(await named({ email: '' }), 401, 'a user has a name')
  assert.equal(await named({}), 401)
})

test('an issuer’s token that is not good is refused, and says why to who reviews it', async () => {
  await using api = await oidcLab()
  const { issuer, sign, clock } = api
  const now = Math.floor(clock.now() / 1000)
  const [, claims] = (await sign()).split('.')
  const own = await startIssuer()
  await using _own = own
  const problems: readonly (readonly [RegExp, string])[] = [
    [/^oidc: verify token: oidc: expected audience in \["kubernetes"\] got \["other"\]$/, await sign({ aud: 'other' })],
    [/^oidc: verify token: oidc: token is expired/, await sign({ exp: now - 1 })],
    [/^oidc: verify token: oidc: token is expired/, await sign({ exp: undefined })],
    [/before the nbf \(not before\) time/, await sign({ nbf: now + 301 })],
    [/unsupported algorithm, expected \[.*\] got "none"$/, `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`],
    [
      /unsupported algorithm, expected \[.*\] got "HS256"$/,
      `${Buffer.from('{"alg":"HS256"}').toString('base64url')}.${claims}.${claims}`,
    ],
    [
      /failed to verify id token signature$/,
      `${await own.sign({ iss: issuer.url, sub: 'ann', exp: now + HOUR }, { kid: 'key-1' })}`,
    ],
    [/failed to verify id token signature$/, `${(await sign()).slice(0, -6)}AAAAAA`],
    [/^invalid bearer token$/, await own.sign({ sub: 'ann', exp: now + HOUR })],
  ]
  for (const [problem, token] of problems) {
    assert.match((await api.review(token)) ?? 'accepted', problem)
    assert.equal(await api.who(token), 401)
  }
  assert.deepEqual(await api.who(await sign({ nbf: now + 300 })), { username: 'oidc:ann', groups: ['system:authenticated'] })
})

test('keys may change at any time, and whoever makes up key ids makes the server ask for them once in ten seconds', async () => {
  await using api = await oidcLab()
  const { issuer, clock } = api
  assert.equal(((await api.who(await api.sign())) as UserInfo).username, 'oidc:ann')
  await clock.advance(10_000)
  const before = issuer.keysRead()
  for (const algorithm of ['ES256', 'ES384', 'PS256', 'RS512']) {
    issuer.rotate(algorithm)
    const token = await api.sign()
    assert.equal(((await api.who(token)) as UserInfo).username, 'oidc:ann', algorithm)
    await clock.advance(10_000)
  }
  assert.equal(issuer.keysRead(), before + 4)
  const made = await Promise.all(Array.from({ length: 50 }, (_, index) => api.sign({}, { kid: `made-up-${index}` })))
  await Promise.all(made.map(async (token) => assert.equal(await api.who(token), 401)))
  for (const token of made) assert.equal(await api.who(token), 401)
  assert.equal(issuer.keysRead(), before + 5)
})

test('secrets among the keys prove nothing', async () => {
  await using api = await oidcLab()
  const secret = Buffer.alloc(32, 1)
  api.issuer.documents.set('/keys', { keys: [{ kty: 'oct', kid: 'shared', k: secret.toString('base64url') }, null, 'x'] })
  await api.clock.advance(10_000)
  const { SignJWT } = await import('jose')
  const token = await new SignJWT({ iss: api.issuer.url, aud: 'kubernetes', sub: 'ann', exp: api.clock.now() / 1000 + HOUR })
    .setProtectedHeader({ alg: 'HS256', kid: 'shared' })
    .sign(secret)
  assert.equal(await api.who(token), 401)
})

test('a discovery document somewhere else is read there, and must be that of the issuer', async () => {
  await using other = await startIssuer()
  await using api = await oidcLab((issuer) => {
    other.documents.set('/elsewhere', { issuer: issuer.url, jwks_uri: `${issuer.url}/keys` })
    return [jwtOf(issuer, {}, { discoveryURL: `${other.url}/elsewhere`, certificateAuthority: issuer.ca + other.ca })]
  })
  assert.equal(((await api.who(await api.sign())) as UserInfo).username, 'oidc:ann')
  assert.ok(api.issuer.server.requests.every(({ path }) => path === '/keys'))
})

test('a provider that is down when the server starts is asked again every ten seconds', async () => {
  await using issuer = await startIssuer()
  const document = issuer.documents.get('/.well-known/openid-configuration')
  issuer.documents.set('/.well-known/openid-configuration', { issuer: 'https://liar.example', jwks_uri: `${issuer.url}/keys` })
  const clock = new VirtualClock()
  const configuration = writtenConfiguration()
  await configuration.set(jwtOf(issuer))
  await using api = await startTestApiServer({ clock, authentication: { configuration } })
  const token = await issuer.sign({ sub: 'ann', exp: clock.now() / 1000 + HOUR })
  await eventually(() => issuer.server.requests.length === 1)
  assert.equal(await whoAmI(api, bearer(token)), 401)
  issuer.documents.set('/.well-known/openid-configuration', document)
  await eventually(() => clock.pendingTimers > 0)
  await clock.advance(9_999)
  assert.equal(issuer.server.requests.length, 1)
  await eventually(async () => {
    await clock.advance(1)
    return (await whoAmI(api, bearer(token))) !== 401
  })
})

test('a changed configuration takes over when its providers answer; a wrong one changes nothing', async () => {
  await using next = await startIssuer()
  const errors: string[] = []
  const log: Log = { ...nullLog, child: () => log, error: (_, data) => errors.push(String((data as { error?: unknown })?.error)) }
  await using api = await oidcLab(undefined, log)
  const { configuration, issuer, clock } = api
  const token = await api.sign()
  const others = await next.sign({ sub: 'bob', exp: clock.now() / 1000 + HOUR })
  const accepts = async (one: string): Promise<boolean> => (await api.who(one)) !== 401
  assert.deepEqual([await accepts(token), await accepts(others)], [true, false])

  configuration.write('apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt: [{issuer: {uri: x}}]\n')
  await eventually(() => errors.length === 1)
  assert.match(errors[0]!, /strict decoding error: unknown field "jwt\[0\]\.issuer\.uri"/)
  await configuration.set(jwtOf(next, { claimMappings: {} }))
  await eventually(() => errors.length === 2)
  assert.match(errors[1]!, /^jwt\[0\]\.claimMappings\.username: Required value: claim or expression is required$/)
  assert.deepEqual([await accepts(token), await accepts(others)], [true, false])

  await configuration.set(jwtOf(next), jwtOf(issuer, { claimMappings: { username: { claim: 'sub', prefix: 'new:' } } }))
  await eventually(() => accepts(others))
  assert.equal(((await api.who(token)) as UserInfo).username, 'new:ann')
  await configuration.set(jwtOf(next))
  await eventually(async () => !(await accepts(token)))
  assert.equal(await accepts(others), true)
  await configuration.set()
  await eventually(async () => !(await accepts(others)))
})

test('anonymous requests are for the paths that the configuration names', async () => {
  const configuration = writtenConfiguration()
  configuration.write(
    'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: true, conditions: [{path: /livez}, {path: /readyz}]}\n',
  )
  await using api = await startTestApiServer({ authentication: { configuration } })
  const codeOf = async (path: string): Promise<number> =>
    (await api.server.handle({ method: 'GET', path }, { kind: 'tls', address: '192.0.2.1' })).status
  assert.deepEqual(
    await Promise.all(['/livez', '/readyz', '/livez/', '/livez/ping', '/version', '/api', '/healthz'].map(codeOf)),
    [200, 200, 401, 401, 401, 401, 401],
  )
  const text = 'apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\nanonymous: {enabled: false}\n'
  configuration.write(text)
  await assert.rejects(
    startTestApiServer({ authentication: { configuration, anonymous: { enabled: true } } }),
    /--anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file/,
  )
  await using closed = await startTestApiServer({ authentication: { configuration } })
  assert.equal((await closed.server.handle({ method: 'GET', path: '/livez' }, { kind: 'tls', address: '' })).status, 401)
})
