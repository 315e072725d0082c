import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import test from 'node:test'
import { type Log, nullLog, VirtualClock } from '#base'
import { ask, bearer, eventually, jwtOf, startIssuer, startTestApiServer, whoAmI, writtenConfiguration } from '#testing'

const HOUR = 3600
const MEBIBYTE = 1024 * 1024

interface Oddity {
  readonly what: string
  readonly answer: (response: ServerResponse, elsewhere: string) => void
  readonly said: RegExp
  /** Nobody can tell that it will not answer before its time is over. */
  readonly isSlow?: boolean
}

const ODDITIES: readonly Oddity[] = [
  { what: 'nothing', answer: () => undefined, said: /context deadline exceeded$/, isSlow: true },
  {
    what: 'a drop now and then',
    answer: (response) => void response.write('{'),
    said: /context deadline exceeded$/,
    isSlow: true,
  },
  {
    what: 'ten megabytes',
    answer: (response) => void response.end(' '.repeat(10 * MEBIBYTE)),
    said: /longer than 1048576 bytes$/,
  },
  {
    what: 'a redirect to a port of this machine',
    answer: (response, location) => void response.writeHead(302, { location }).end(),
    said: /status 302$/,
  },
  {
    what: 'a page',
    answer: (response) => void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
    said: /JSON/,
  },
  { what: 'an end', answer: (response) => void response.destroy(), said: /socket hang up|EOF|ECONNRESET/ },
  { what: 'a list', answer: (response) => void response.end('[]'), said: /issuer did not match|key set is none/ },
]

for (const path of ['/.well-known/openid-configuration', '/keys'])
  test(`an issuer whose ${path} answers oddly makes nobody known and holds up nobody, until it answers well`, async () => {
    await using elsewhere = await startIssuer()
    for (const { what, answer, said, isSlow = false } of ODDITIES) {
      await using issuer = await startIssuer()
      const problems: string[] = []
      const log: Log = {
        ...nullLog,
        child: () => log,
        error: (_, data) => problems.push(String((data as { error?: unknown })?.error)),
      }
      const [clock, configuration] = [new VirtualClock(), writtenConfiguration()]
      await configuration.set(jwtOf(issuer))
      const asked = Promise.withResolvers<void>()
      issuer.answers.set(path, (response) => {
        asked.resolve()
        answer(response, `${elsewhere.url}${path}`)
      })
      await using api = await startTestApiServer({ clock, log, authentication: { configuration } })
      const token = await issuer.sign({ sub: 'ann', exp: Math.floor(clock.now() / 1000) + HOUR })
      await asked.promise
      assert.equal(await whoAmI(api, bearer(token)), 401, what)
      assert.equal((await ask(api, 'GET /livez')).code, 200, what)
      if (isSlow) await clock.advance(30_000)
      await eventually(() => problems.length > 0)
      assert.match(problems[0]!, said, what)
      issuer.answers.clear()
      await eventually(async () => {
        await clock.advance(1_000)
        return (await whoAmI(api, bearer(token))) !== 401
      })
    }
    assert.equal(elsewhere.server.requests.length, 0, 'nobody follows')
  })

test('what an issuer says of the type of its documents does not matter', async () => {
  await using issuer = await startIssuer()
  for (const path of ['/.well-known/openid-configuration', '/keys']) {
    const document = JSON.stringify(issuer.documents.get(path))
    issuer.answers.set(path, (response) => void response.writeHead(200, { 'content-type': 'text/plain' }).end(document))
  }
  const [clock, configuration] = [new VirtualClock(), writtenConfiguration()]
  await configuration.set(jwtOf(issuer))
  await using api = await startTestApiServer({ clock, authentication: { configuration } })
  const token = await issuer.sign({ sub: 'ann', exp: Math.floor(clock.now() / 1000) + HOUR })
  await eventually(async () => (await whoAmI(api, bearer(token))) !== 401)
})
