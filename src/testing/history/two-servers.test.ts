import assert from 'node:assert/strict'
import test from 'node:test'
import { configMaps } from '#api'
import { seededRandom, VirtualClock } from '#base'
import type { Client } from '#client'
import { isAlreadyExists } from '#meta'
import { openMemoryStore } from '#store'
import { startTestApiServer } from '../test-api-server.ts'
import { UnreliableStore } from '../unreliable-store.ts'
import { underClock } from './workload.ts'

const DELAY_MS = 1_000
const MAP = { metadata: { name: 'shared', namespace: 'default' } }

/** Two servers at one store, of which the second hears of everything late. */
async function atTwoServers(body: (prompt: Client, late: Client) => Promise<void>): Promise<void> {
  const clock = new VirtualClock()
  await underClock(clock, DELAY_MS / 10, async () => {
    await using inner = openMemoryStore({ clock })
    const how = { clock, random: seededRandom(1), delayMs: DELAY_MS, lostPercent: 0, breakPercent: 0 }
    const way = new UnreliableStore(inner, how)
    await using prompt = await startTestApiServer({ clock, store: inner })
    await using late = await startTestApiServer({ clock, store: way, seed: 2 })
    way.begin()
    await body(prompt.client, late.client)
  })
}

for (const dryRun of [false, true]) {
  const title = dryRun ? ', by a dry run' : ''

  test(`what another server has deleted can be made again, whatever a cache still holds${title}`, () =>
    atTwoServers(async (prompt, late) => {
      await late.create(configMaps, MAP)
      await prompt.delete(configMaps, 'default/shared')
      assert.equal((await late.create(configMaps, MAP, { dryRun })).metadata?.name, 'shared')
    }))

  test(`what another server has made can not be made again, though no cache knows it yet${title}`, () =>
    atTwoServers(async (prompt, late) => {
      await prompt.create(configMaps, MAP)
      await assert.rejects(late.create(configMaps, MAP, { dryRun }), isAlreadyExists)
    }))
}
