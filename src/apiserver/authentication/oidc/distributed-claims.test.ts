import assert from 'node:assert/strict'
import test from 'node:test'
import type { UserInfo } from '#client'
import { eventually, jwtOf, oidcLab, startIssuer } from '#testing'

const HOUR = 3600
const DISTRIBUTED = 'oidc: could not expand distributed claims: '

const withGroups = { claimMappings: { username: { claim: 'sub', prefix: '' }, groups: { claim: 'groups', prefix: 'g:' } } }

/** `other` signs groups for the users of the issuer that is configured. */
async function distributedLab() {
  await using stack = new AsyncDisposableStack()
  const other = stack.use(await startIssuer())
  const api = stack.use(await oidcLab((issuer) => [jwtOf(issuer, withGroups, { certificateAuthority: issuer.ca + other.ca })]))
  const exp = Math.floor(api.clock.now() / 1000) + HOUR
  const elsewhere = (endpoint: unknown, more: object = {}) => ({
    _claim_names: { groups: 'src' },
    _claim_sources: { src: { endpoint, ...more } },
  })
  /** What the other end answers. */
  const answer = (body: string, change: (response: import('node:http').ServerResponse) => void = () => undefined): void => {
    other.answers.set('/groups', (response) => {
      change(response)
      response.end(body)
    })
  }
  const place = `${other.url}/groups`
  const groupsOf = async (claims: object): Promise<readonly string[] | number> => {
    const user = await api.who(await api.sign(claims))
    return typeof user === 'number' ? user : user.groups
  }
  const problem = async (claims: object): Promise<string> => (await api.review(await api.sign(claims))) ?? 'accepted'
  // The keys of another issuer are read once its first token has come.
  answer(await other.sign({ groups: ['first'], exp }))
  await eventually(async () => !/not initialized/.test(await problem(elsewhere(place))))
  const owned = stack.move()
  return { api, other, exp, elsewhere, answer, place, groupsOf, problem, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

test('groups that do not fit into a token are fetched from where it says, by the token that it names', async () => {
  await using lab = await distributedLab()
  const { api, other, exp, elsewhere, answer, place, groupsOf } = lab
  answer(await other.sign({ groups: ['dev', 'ops'], exp }))
  assert.deepEqual(await groupsOf(elsewhere(place, { access_token: 'f005ba11' })), ['g:dev', 'g:ops', 'system:authenticated'])
  const asked = other.server.requests.filter(({ path }) => path === '/groups').at(-1)
  assert.equal(asked?.headers.authorization, 'Bearer f005ba11')
  assert.deepEqual(await groupsOf(elsewhere(place)), ['g:dev', 'g:ops', 'system:authenticated'])
  assert.equal(other.server.requests.at(-1)?.headers.authorization, undefined)
  // The issuer may answer for itself, and a token that says nothing of groups asks nobody.
  answer(await api.issuer.sign({ groups: 'one', exp }))
  assert.deepEqual(await groupsOf(elsewhere(place)), ['g:one', 'system:authenticated'])
  const before = other.server.requests.length
  assert.deepEqual(await groupsOf({ groups: ['own'] }), ['g:own', 'system:authenticated'])
  assert.deepEqual(await groupsOf({ _claim_names: { others: 'src' }, _claim_sources: { src: { endpoint: place } } }), [
    'system:authenticated',
  ])
  assert.deepEqual(await groupsOf(elsewhere(undefined, { JWT: 'aggregated' })), ['system:authenticated'])
  assert.equal(other.server.requests.length, before)
})

test('a claim from elsewhere that is not good is no claim: the token is refused, and why is told to who reviews it', async () => {
  await using lab = await distributedLab()
  const { api, other, exp, elsewhere, answer, place, groupsOf, problem } = lab
  const refused = async (pattern: RegExp, claims: object = elsewhere(place)): Promise<void> => {
    assert.match(await problem(claims), pattern)
    assert.equal(await groupsOf(claims), 401)
  }
  await using stranger = await startIssuer()
  const verify = `^${DISTRIBUTED}verify distributed claim token: `
  answer(await other.sign({ groups: ['x'], exp: exp - 2 * HOUR }))
  await refused(new RegExp(`${verify}oidc: token is expired`))
  answer(await other.sign({ groups: ['x'], exp, aud: 'others' }))
  await refused(new RegExp(`${verify}oidc: expected audience in \\["kubernetes"\\] got \\["others"\\]$`))
  answer(await stranger.sign({ iss: other.url, groups: ['x'], exp }, { kid: 'key-1' }))
  await refused(new RegExp(`${verify}failed to verify signature`))
  answer(await stranger.sign({ groups: ['x'], exp }))
  await refused(/verifying untrusted issuer .* failed: verifier not initialized for issuer/)
  answer(await other.sign({ exp }))
  await refused(/jwt returned by distributed claim endpoint ".*\/groups" did not contain claim: groups$/)
  answer(await other.sign({ groups: [1], exp }))
  await refused(/^oidc: parse groups claim "groups"/)
  const [, claims] = (await other.sign({ groups: ['system:masters'], exp })).split('.')
  answer(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.${claims}`)
  await refused(/unsupported algorithm, expected .* got "none"$/)
  answer('<html>')
  await refused(/getting untrusted issuer from endpoint .* failed for claim "groups": it sent no token$/)
  const odd: readonly (readonly [RegExp, object])[] = [
    [/error parsing distributed claim names/, { _claim_names: ['groups'], _claim_sources: {} }],
    [/error parsing distributed claim names/, { _claim_names: { groups: 7 }, _claim_sources: {} }],
    [/no claim sources$/, { _claim_names: { groups: 'src' } }],
    [/could not parse claim sources/, { _claim_names: { groups: 'src' }, _claim_sources: { src: 'x' } }],
    [/contained a source src missing in _claims_sources$/, { _claim_names: { groups: 'src' }, _claim_sources: {} }],
    [/source toString missing/, { _claim_names: { groups: 'toString' }, _claim_sources: {} }],
    [/only https is asked$/, elsewhere(place.replace('https', 'http'))],
    [/only https is asked$/, elsewhere('file:///etc/passwd')],
    [/Invalid URL$/, elsewhere('nonsense')],
  ]
  for (const [pattern, said] of odd) await refused(pattern, said)
  assert.equal(((await api.who(await api.sign())) as UserInfo).username, 'ann')
})

test('the place of a claim that sends too much, elsewhere, an error, or nothing for thirty seconds is given up', async () => {
  await using lab = await distributedLab()
  const { api, other, elsewhere, answer, place, problem } = lab
  const { clock } = api
  answer('x'.repeat(10 * 1024 * 1024))
  assert.match(await problem(elsewhere(place)), /the answer is longer than 1048576 bytes$/)
  const redirects = other.server.requests.length
  answer('', (response) => response.writeHead(302, { location: `${other.url}/keys` }))
  assert.match(await problem(elsewhere(place)), /\/groups": status 302$/)
  assert.equal(other.server.requests.length, redirects + 1, 'nobody follows')
  answer('', (response) => void (response.statusCode = 500))
  assert.match(await problem(elsewhere(place)), /status 500$/)
  for (const drips of [false, true]) {
    const asked = Promise.withResolvers<void>()
    other.answers.set('/groups', (response) => {
      if (drips) response.write('e')
      asked.resolve()
    })
    const told = problem(elsewhere(place))
    await asked.promise
    await clock.advance(29_999)
    // Others are answered meanwhile.
    assert.equal(((await api.who(await api.sign())) as UserInfo).username, 'ann')
    await clock.advance(1)
    assert.match(await told, /context deadline exceeded$/)
  }
})
