import assert from 'node:assert/strict'
import test from 'node:test'
import { leases } from '#api'
import { nullLog, seededRandom, settle, systemClock, systemRandom, VirtualClock } from '#base'
import { openMemoryStore, type Store } from '#store'
import { SharedStore } from '#testing'
import { ADMIN, type ControlPlane, startControlPlane } from './control-plane.ts'
import { createPki } from './pki-directory.ts'

const pki = createPki({ clock: systemClock, random: systemRandom })
const LEASES = ['kube-system/kube-controller-manager', 'kube-system/kube-scheduler']

/** One of several servers of a cluster. */
async function startOne(store: Store, identity: string, clock: VirtualClock, shutdown = {}): Promise<ControlPlane> {
  return await startControlPlane({
    store: new SharedStore(store),
    pki: await pki,
    clock,
    random: seededRandom(identity.charCodeAt(0)),
    log: nullLog,
    identity,
    shutdown,
    listen: { host: '127.0.0.1', port: 0 },
    advertiseAddress: '127.0.0.1',
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/12',
    clusterDomain: 'cluster.local',
  })
}

test('a server that ends hands its leases over first, while it still serves, and another leads at its next try', async () => {
  const clock = new VirtualClock()
  await using store = openMemoryStore({ clock })
  const ending = await startOne(store, 'a', clock, { delayMs: 10_000, drainMs: 60_000 })
  await clock.advance(1_000)
  await using other = await startOne(store, 'b', clock)
  const client = other.clientFor(ADMIN)
  const holders = (): Promise<unknown[]> =>
    Promise.all(LEASES.map(async (lease) => (await client.get(leases, lease)).spec?.holderIdentity))
  assert.deepEqual(await holders(), ['a', 'a'])

  const stopped = ending[Symbol.asyncDispose]()
  assert.equal(ending[Symbol.asyncDispose](), stopped)
  await settle()
  assert.deepEqual(await holders(), ['', ''])
  const ready = await ending.server.handle({ method: 'GET', path: '/readyz' }, { kind: 'in-process', user: ADMIN })
  assert.equal(ready.status, 500)
  await ending.clientFor(ADMIN).get(leases, LEASES[0]!)
  // Twice the time between tries, for a candidate comes late by chance.
  await clock.advance(3_500)
  assert.deepEqual(await holders(), ['b', 'b'])
  await clock.advance(6_500)
  await stopped
})
