import assert from 'node:assert/strict'
import test from 'node:test'
import { pods } from '#api'
import { ask, startTestApiServer } from '#testing'

test('requests are counted by what was decided of them, and what else is asked of authorizers is not', async () => {
  await using api = await startTestApiServer()
  const scrape = async (): Promise<(line: string) => number> => {
    const lines = (await ask(api, 'GET /metrics')).text.split('\n')
    return (start) =>
      Number(
        lines
          .find((line) => line.startsWith(`${start} `))
          ?.split(' ')
          .at(-1) ?? 0,
      )
  }
  const before = await scrape()
  await api.client.list(pods)
  const eve = { user: { username: 'eve', groups: ['system:authenticated'] } }
  assert.equal((await ask(api, 'GET /api/v1/pods', eve)).code, 403)
  // Whether she may impersonate is another question.
  assert.equal((await ask(api, 'GET /api/v1/pods', { ...eve, headers: { 'impersonate-user': 'ann' } })).code, 403)
  const after = await scrape()
  const more = (line: string): number => after(line) - before(line)
  // The list, and the scrape itself.
  assert.equal(more('authorization_attempts_total{result="allowed"}'), 2)
  assert.equal(more('authorization_attempts_total{result="no-opinion"}'), 1)
  assert.equal(more('authorization_duration_seconds_count{result="no-opinion"}'), 1)
})
