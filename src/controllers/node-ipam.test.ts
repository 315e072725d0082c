import assert from 'node:assert/strict'
import test from 'node:test'
import { events, nodes } from '#api'
import { nullLog, VirtualClock } from '#base'
import { startTestApiServer, type TestApiServer } from '#testing'
import { type ControllersOptions, startControllers } from './index.ts'

/** Everything that waits for no clock has happened. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const startIPAM = (
  { client, clock, random }: TestApiServer,
  options: Pick<ControllersOptions, 'clusterCIDR' | 'nodeMaskSizes'>,
): Promise<AsyncDisposable> =>
  startControllers({
    clientFor: () => client,
    reader: client,
    clock,
    random,
    log: nullLog,
    rootCA: '',
    only: ['node-ipam-controller'],
    ...options,
  })

async function rangesOf({ client }: TestApiServer): Promise<Record<string, string>> {
  const { items } = await client.list(nodes)
  return Object.fromEntries(items.map(({ metadata, spec }) => [metadata!.name!, (spec?.podCIDRs ?? []).join()]))
}

test('each node gets a range of each family, in the order of the flag, the first of which is its one range', async () => {
  await using api = await startTestApiServer()
  await using _ = await startIPAM(api, { clusterCIDR: 'fd00:10:244::/56,10.244.0.0/16' })
  for (const name of ['a', 'b']) {
    await api.client.create(nodes, { metadata: { name } })
    await settled()
  }
  assert.deepEqual(await rangesOf(api), {
    a: 'fd00:10:244::/64,10.244.0.0/24',
    b: 'fd00:10:244:1::/64,10.244.1.0/24',
  })
  assert.equal((await api.client.get(nodes, 'b')).spec?.podCIDR, 'fd00:10:244:1::/64')
})

test('a node whose range is there keeps it, and ranges of other sizes are cut as asked', async () => {
  await using api = await startTestApiServer()
  await api.client.create(nodes, { metadata: { name: 'a' }, spec: { podCIDR: '10.244.0.0/26', podCIDRs: ['10.244.0.0/26'] } })
  await using _ = await startIPAM(api, { clusterCIDR: '10.244.0.0/25,fd00::/79', nodeMaskSizes: { IPv4: 26, IPv6: 80 } })
  await api.client.create(nodes, { metadata: { name: 'b' } })
  await settled()
  assert.deepEqual(await rangesOf(api), { a: '10.244.0.0/26', b: '10.244.0.64/26,fd00::/80' })
})

test('a node for which one family has no range left gets none, and is told; it gets one when another node goes', async () => {
  const clock = new VirtualClock()
  await using api = await startTestApiServer({ clock })
  await using _ = await startIPAM(api, { clusterCIDR: '10.244.0.0/16,fd00::/64' })
  await api.client.create(nodes, { metadata: { name: 'a' } })
  await settled()
  await api.client.create(nodes, { metadata: { name: 'b' } })
  await settled()
  assert.deepEqual(await rangesOf(api), { a: '10.244.0.0/24,fd00::/64', b: '' })
  const told = (await api.client.list(events)).items.filter(({ involvedObject }) => involvedObject.name === 'b')
  assert.deepEqual(
    told.map(({ type, reason, message }) => `${type} ${reason} ${message}`),
    ['Normal CIDRNotAvailable Node b status is now: CIDRNotAvailable'],
  )
  await api.client.delete(nodes, 'a')
  await clock.advance(60_000)
  await settled()
  assert.deepEqual(await rangesOf(api), { b: '10.244.0.0/24,fd00::/64' })
})
