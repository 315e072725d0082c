import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test from 'node:test'
import { serviceAccounts, type TokenRequest, type TokenReview, tokenReviews } from '#api'
import { VirtualClock } from '#base'
import type { UserInfo } from '#client'
import { bearer, startHttpsServer, startTestApiServer, type TestRequest, whoAmI } from '#testing'

const OWN = 'https://kubernetes.default.svc.cluster.local'

/** Tells when somebody pauses, which no other part of a server that is asked nothing does. */
class PausingClock extends VirtualClock {
  readonly pauses: number[] = []

  override sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void> {
    this.pauses.push(ms)
    return super.sleep(ms, options)
  }
}

type Answer = (review: TokenReview, response: ServerResponse, request: TestRequest) => unknown

/** A server that asks a reviewer on loopback, which answers by `answer`. */
async function lab(
  answer: Answer,
  more: { readonly version?: 'v1' | 'v1beta1'; readonly cacheTtlMs?: number; readonly wrongCA?: boolean } = {},
) {
  await using stack = new AsyncDisposableStack()
  const clock = new PausingClock()
  const reviewer = stack.use(
    await startHttpsServer(['127.0.0.1'], (request, response) =>
      answer(JSON.parse(request.body) as TokenReview, response, request),
    ),
  )
  const stranger = more.wrongCA ? stack.use(await startHttpsServer(['127.0.0.1'], () => ({}))) : reviewer
  const ca = Buffer.from(stranger.caBundle, 'base64').toString()
  const api = stack.use(
    await startTestApiServer({
      clock,
      authentication: {
        webhook: {
          connection: { server: `https://127.0.0.1:${reviewer.port}/authenticate?x=1`, ca, token: 'own' },
          version: more.version ?? 'v1',
          cacheTtlMs: more.cacheTtlMs ?? 120_000,
        },
      },
    }),
  )
  const review = async (token: string, audiences: string[] = []): Promise<TokenReview['status']> =>
    (await api.client.create(tokenReviews, { spec: { token, audiences } })).status
  const owned = stack.move()
  return {
    ...api,
    clock,
    reviewer,
    review,
    who: (token: string) => whoAmI(api, bearer(token)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

const known =
  (more: object = {}): Answer =>
  ({ kind, apiVersion }) => ({
    kind,
    apiVersion,
    status: { authenticated: true, user: { username: 'ann', uid: '7', groups: ['dev'], extra: { a: ['b'] } }, ...more },
  })
const status =
  (fields: object): Answer =>
  ({ kind, apiVersion }) => ({ kind, apiVersion, status: fields })

for (const version of ['v1', 'v1beta1'] as const)
  test(`a token is whose the reviewer says it is (${version})`, async () => {
    await using api = await lab(known(), { version })
    assert.deepEqual(await api.who('opaque'), {
      username: 'ann',
      uid: '7',
      groups: ['dev', 'system:authenticated'],
      extra: { a: ['b'] },
    })
    const [request] = api.reviewer.requests
    assert.deepEqual(
      [request!.method, request!.path, request!.headers.authorization],
      ['POST', '/authenticate?x=1', 'Bearer own'],
    )
    const { kind, apiVersion, spec } = JSON.parse(request!.body) as TokenReview
    assert.deepEqual(
      [kind, apiVersion, spec],
      ['TokenReview', `authentication.k8s.io/${version}`, { token: 'opaque', audiences: [OWN] }],
    )
  })

test('audiences are the reviewer’s word, or those of this server when it has none', async () => {
  await using plain = await lab(known())
  assert.deepEqual((await plain.review('a'))?.audiences, [OWN])
  assert.equal((await plain.review('a', ['vault']))?.authenticated, undefined)
  await using aware = await lab(known({ audiences: ['vault', 'other'] }))
  assert.deepEqual((await aware.review('a', ['vault']))?.audiences, ['vault'])
  assert.equal((await aware.review('a'))?.error, 'invalid bearer token')
  assert.equal(await aware.who('a'), 401)
})

test('answers are remembered for two minutes, of every token on its own, and the question is asked once for many', async () => {
  await using api = await lab((review, response, request) =>
    review.spec.token === 'good'
      ? known()(review, response, request)
      : status({ authenticated: false })(review, response, request),
  )
  const asked = (): number => api.reviewer.requests.length
  await Promise.all(Array.from({ length: 20 }, () => api.who('good')))
  assert.equal(asked(), 1)
  assert.deepEqual([await api.who('bad'), await api.who('bad'), asked()], [401, 401, 2])
  await api.clock.advance(119_999)
  assert.deepEqual([((await api.who('good')) as UserInfo).username, await api.who('bad'), asked()], ['ann', 401, 2])
  await api.clock.advance(1)
  assert.deepEqual([((await api.who('good')) as UserInfo).username, await api.who('bad'), asked()], ['ann', 401, 4])
})

test('a reviewer that can not answer now is asked five times, longer and longer apart', async () => {
  let failures = Number.POSITIVE_INFINITY
  await using api = await lab((review, response, request) => {
    if (--failures < 0) return known()(review, response, request)
    response.statusCode = 500
    return {}
  })
  const { clock, reviewer } = api
  const asking = api.review('a')
  for (const [index, ms] of [500, 750, 1125, 1687.5].entries()) {
    await until(() => clock.pauses.length > index)
    const pause = clock.pauses[index]!
    assert.ok(pause >= ms && pause <= ms * 1.2, `${pause} ms`)
    assert.equal(reviewer.requests.length, index + 1)
    await clock.advance(pause)
  }
  assert.match((await asking)?.error ?? '', /the server answered with the status code 500/)
  assert.equal(reviewer.requests.length, 5)

  failures = 1
  const recovered = api.review('a')
  await until(() => clock.pauses.length > 4)
  await clock.advance(600)
  assert.equal((await recovered)?.authenticated, true, 'and no failure was remembered')
})

/** What a lying, broken or hanging reviewer answers; nobody is let in by it. */
const LIES: Readonly<Record<string, readonly [answer: Answer, error: RegExp]>> = {
  'says no, and why': [status({ authenticated: false, error: 'expired' }), /^expired$/],
  'says no': [status({ authenticated: false, user: { username: 'admin' } }), /^invalid bearer token$/],
  'says nothing': [status({}), /^invalid bearer token$/],
  'names nobody': [status({ authenticated: true, user: {} }), /a user without a name/],
  'names a number': [status({ authenticated: true, user: { username: 7 } }), /a user without a name/],
  'gives groups that are none': [
    status({ authenticated: true, user: { username: 'a', groups: 'system:masters' } }),
    /a user that is none/,
  ],
  'says yes in words': [status({ authenticated: 'yes', user: { username: 'admin' } }), /^invalid bearer token$/],
  'answers with another version': [
    () => ({ kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v2', status: { authenticated: true } }),
    /no TokenReview/,
  ],
  'answers with another kind': [() => ({ kind: 'Pod', apiVersion: 'v1' }), /no TokenReview/],
  'answers null': [() => null, /no TokenReview/],
  'answers with no JSON': [(_, response) => void response.end('<html>'), /JSON/],
  redirects: [(_, response) => void response.writeHead(302, { location: 'https://127.0.0.1:1/' }).end(), /status code 302/],
  'refuses us': [(_, response) => void response.writeHead(403).end(), /status code 403/],
  'sends ten megabytes': [(_, response) => void response.end('x'.repeat(10 * 1024 * 1024)), /longer than 1048576 bytes/],
}

test('a reviewer that lies or breaks lets nobody in', async (context) => {
  for (const [name, [answer, error]] of Object.entries(LIES))
    await context.test(`one that ${name}`, async () => {
      await using api = await lab(answer)
      const { authenticated, error: told } = (await api.review('a'))!
      assert.equal(authenticated, undefined)
      assert.match(told ?? '', error)
      assert.equal(await api.who('a'), 401)
    })
})

test('a reviewer that hangs or trickles is given up after thirty seconds, and holds up nobody else', async () => {
  for (const first of ['', '{']) {
    const asked = Promise.withResolvers<ServerResponse>()
    await using api = await lab((_, response) => {
      if (first !== '') response.write(first)
      asked.resolve(response)
      return new Promise(() => undefined)
    })
    const hanging = api.review('a')
    const response = await asked.promise
    assert.equal((await api.server.handle({ method: 'GET', path: '/livez' }, { kind: 'tls', address: '' })).status, 200)
    await api.clock.advance(30_000)
    assert.match((await hanging)?.error ?? '', /context deadline exceeded/)
    response.destroy()
  }
})

test('a reviewer whose certificate is not of its authority is not believed', async () => {
  await using api = await lab(known(), { wrongCA: true })
  assert.match((await api.review('a'))?.error ?? '', /certificate|self-signed|unable to/)
  assert.equal(api.reviewer.requests.length, 0)
})

test('a token of this server that is wrong still goes to the reviewer, and one that is right never does', async () => {
  await using api = await lab(known())
  await api.client.create(serviceAccounts, { metadata: { name: 'robot', namespace: 'default' } })
  const request: TokenRequest = { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', spec: { audiences: [] } }
  const { status: issued } = await api.client.createSubresource(serviceAccounts, 'default/robot', 'token', request)
  const token = issued!.token!
  assert.equal(((await api.who(token)) as UserInfo).username, 'system:serviceaccount:default:robot')
  assert.equal(api.reviewer.requests.length, 0)
  assert.equal(((await api.who(`${token.slice(0, -8)}AAAAAAAA`)) as UserInfo).username, 'ann')
  assert.equal(api.reviewer.requests.length, 1)
})

test('functions of this process say whose a token is, with the same semantics', async () => {
  const asked: string[] = []
  await using api = await startTestApiServer({
    authentication: {
      functions: [
        (token) => {
          asked.push(token)
          if (token === 'broken') throw new Error('no idea')
          return token === 'ann' ? { username: 'ann', groups: ['dev'] } : undefined
        },
        async (token, audiences) =>
          token === 'vault' && audiences.includes('vault')
            ? { user: { username: 'bob', groups: [] }, audiences: ['vault'] }
            : undefined,
      ],
    },
  })
  const who = async (token: string): Promise<unknown> => whoAmI(api, bearer(token))
  assert.deepEqual(await who('ann'), { username: 'ann', groups: ['dev', 'system:authenticated'] })
  assert.deepEqual([await who('broken'), await who('other'), await who('vault')], [401, 401, 401])
  const review = async (token: string, audiences: string[]) =>
    (await api.client.create(tokenReviews, { spec: { token, audiences } })).status
  assert.deepEqual(await review('vault', ['vault', 'x']), {
    authenticated: true,
    user: { username: 'bob', groups: ['system:authenticated'] },
    audiences: ['vault'],
  })
  assert.equal((await review('broken', []))?.error, 'no idea')
})

async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise(setImmediate)
}
