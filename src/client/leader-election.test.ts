import assert from 'node:assert/strict'
import test from 'node:test'
import { leases } from '#api'
import { nullLog, seededRandom, sleepOn, VirtualClock } from '#base'
import { startTestApiServer, type TestApiServer } from '#testing'
import { runAsLeader } from './leader-election.ts'

const LEASE = 'kube-system/kube-scheduler'

function candidate(api: TestApiServer, identity: string, log: string[], seed: number) {
  const stop = new AbortController()
  const { client, clock } = api
  const options = { client, clock, random: seededRandom(seed), log: nullLog, lease: LEASE, identity, signal: stop.signal }
  const run = runAsLeader(options, async ({ signal }) => {
    log.push(`${identity} leads`)
    try {
      await sleepOn(clock, 3_600_000, signal)
    } finally {
      log.push(`${identity} stops`)
    }
  }).catch(() => 'stopped')
  return { run, stop: () => stop.abort(new DOMException('test', 'AbortError')) }
}

test('one of two candidates leads; when it gives up, the other follows at once', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const log: string[] = []
  const first = candidate(api, 'a', log, 1)
  await clock.advance(1000)
  const second = candidate(api, 'b', log, 2)
  await clock.advance(60_000)
  assert.deepEqual(log, ['a leads'])
  assert.equal((await api.client.get(leases, LEASE)).spec?.leaseDurationSeconds, 15)

  first.stop()
  await clock.advance(6_000)
  assert.deepEqual(log, ['a leads', 'a stops', 'b leads'])
  const lease = await api.client.get(leases, LEASE)
  assert.equal(lease.spec?.holderIdentity, 'b')
  assert.equal(lease.spec?.leaseTransitions, 1)

  second.stop()
  await clock.advance(5_000)
  await Promise.all([first.run, second.run])
})

test('a lease whose holder fell silent is taken over after 15 seconds, not before', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const spec = { holderIdentity: 'dead', leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z', leaseTransitions: 4 }
  await api.client.create(leases, { metadata: { name: 'kube-scheduler', namespace: 'kube-system' }, spec })
  const log: string[] = []
  const next = candidate(api, 'b', log, 3)
  await clock.advance(14_000)
  assert.deepEqual(log, [])
  await clock.advance(6_000)
  assert.deepEqual(log, ['b leads'])
  next.stop()
  await clock.advance(5_000)
  await next.run
})

test('a leader whose lease another took stops leading', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  const log: string[] = []
  const leader = candidate(api, 'a', log, 4)
  await clock.advance(1000)
  const lease = await api.client.get(leases, LEASE)
  const usurped = { ...lease, spec: { ...lease.spec, holderIdentity: 'x', renewTime: '2026-01-01T00:00:02.000000Z' } }
  await api.client.update(leases, usurped)
  await clock.advance(11_000)
  assert.deepEqual(log, ['a leads', 'a stops'])
  assert.equal(await leader.run, 'another candidate holds kube-system/kube-scheduler')
})
