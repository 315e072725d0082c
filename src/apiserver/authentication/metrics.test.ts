import assert from 'node:assert/strict'
import test from 'node:test'
import { VirtualClock } from '#base'
import { bearer, startTestApiServer, whoAmI } from '#testing'
import { CachedTokens } from './cached-tokens.ts'
import { clientCertificates } from './certificates.ts'
import { AuthenticationMetrics, TokenCacheMetrics } from './metrics.ts'

test('who asks is counted by how it went, and users by few names', async () => {
  await using api = await startTestApiServer({ authentication: { functions: [(token) => ({ username: token, groups: [] })] } })
  const scrape = async (): Promise<(line: string) => number> => {
    const { body } = await api.client.request({ method: 'GET', path: '/metrics' })
    assert.ok(body.kind === 'bytes')
    const lines = Buffer.from(body.bytes).toString().split('\n')
    return (start) => Number(lines.find((line) => line.startsWith(start))?.slice(start.length) ?? 0)
  }
  const before = await scrape()
  await whoAmI(api, bearer('ann@example.com'))
  await whoAmI(api, bearer('admin'))
  await whoAmI(api, bearer('bob'))
  await whoAmI(api, bearer('not.a.token'.repeat(10_000)))
  const after = await scrape()
  const more = (line: string): number => after(line) - before(line)
  assert.equal(more('authenticated_user_requests{username="email_id"} '), 1)
  assert.equal(more('authenticated_user_requests{username="admin"} '), 1)
  // The administrator of the test has another name.
  assert.equal(more('authenticated_user_requests{username="other"} '), 2)
  assert.equal(more('authentication_attempts{result="success"} '), 4)
  assert.equal(more('authentication_attempts{result="error"} '), 1)
  assert.equal(more('authentication_duration_seconds_count{result="success"} '), 4)
})

test('of certificates by which users are known it is told how long they are good for', () => {
  const metrics = new AuthenticationMetrics()
  const clock = new VirtualClock()
  const certificates = clientCertificates(clock, metrics)
  const subject = { commonName: 'ann', organizations: [], uids: [], fingerprint: 'ab' }
  const asked = (leftMs?: number): unknown =>
    certificates.authenticate(
      { method: 'GET', path: '/' },
      {
        kind: 'tls',
        address: '127.0.0.1',
        certificate: { ...subject, ...(leftMs !== undefined && { expiresAtMs: clock.now() + leftMs }) },
      },
    )
  assert.match(metrics.text(), /^apiserver_client_certificate_expiration_seconds_count 0$/m)
  for (const leftMs of [1_800_000, 1_801_000, 30 * 86_400_000, undefined]) assert.ok(asked(leftMs) !== undefined)
  const text = metrics.text()
  for (const [bound, count] of [
    ['0', 0],
    ['1800', 1],
    ['3600', 2],
    ['604800', 2],
    ['2.592e+06', 3],
    ['3.1104e+07', 3],
    ['+Inf', 3],
  ] as const)
    assert.ok(text.includes(`\napiserver_client_certificate_expiration_seconds_bucket{le="${bound}"} ${count}\n`), bound)
})

test('answers about tokens that are remembered are told from those that were asked for', async () => {
  const [clock, metrics] = [new VirtualClock(), new TokenCacheMetrics()]
  const asking = Promise.withResolvers<void>()
  const authenticator = {
    name: 'slow',
    async authenticateToken(token: string) {
      await asking.promise
      if (token === 'broken') throw new Error('no answer')
      return { user: { username: token, groups: [] } }
    },
  }
  const cached = new CachedTokens(authenticator, { successMs: 1000, failureMs: 1000 }, { clock, metrics })
  const waiting = [cached.authenticateToken('a', []), cached.authenticateToken('a', [])]
  const broken = assert.rejects(cached.authenticateToken('broken', []), /no answer/)
  assert.match(metrics.text(), /active_fetch_count\{status="in_flight"\} 2\n/)
  assert.match(metrics.text(), /active_fetch_count\{status="blocked"\} 3\n/)
  asking.resolve()
  await Promise.all([...waiting, broken])
  await cached.authenticateToken('a', [])
  const text = metrics.text()
  for (const line of [
    'request_total{status="miss"} 3',
    'request_total{status="hit"} 1',
    'request_duration_seconds_count{status="miss"} 3',
    'fetch_total{status="ok"} 1',
    'fetch_total{status="error"} 1',
    'active_fetch_count{status="in_flight"} 0',
    'active_fetch_count{status="blocked"} 0',
  ])
    assert.ok(text.includes(`authentication_token_cache_${line}\n`), line)
})
