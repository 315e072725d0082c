import assert from 'node:assert/strict'
import test from 'node:test'
import { type Random, seededRandom } from '#base'
import { type DiskOperation, SimulatedDisk } from '#testing'
import type { Store } from '../store.ts'
import { openTestStore } from './fixtures.ts'

const KEYS = 12
const WRITES = 120

/** What a writer was told, and what it still waits for. */
interface Told {
  readonly acknowledged: Map<string, string>
  /** Of each key: the value that is under way. */
  readonly underway: Map<string, string>
}

/** Many writers at once, with compactions between, so that logs fill up and checkpoints replace them. */
async function work(store: Store, random: Random, told: Told): Promise<void> {
  await checked(store, told)
  const writer = async (key: string): Promise<void> => {
    const found = await store.get(key)
    // What has been shown stays, whether it was acknowledged or not.
    if (found !== undefined) told.acknowledged.set(key, Buffer.from(found.value).toString())
    let revision = found?.revision ?? 0
    for (let count = 0; count < WRITES / KEYS; count++) {
      const value = `${key}:${revision}:`.padEnd(100 + random.int(1500), 'v')
      told.underway.set(key, value)
      revision = await store.put(key, Buffer.from(value), { expected: revision })
      told.underway.delete(key)
      told.acknowledged.set(key, value)
      if (count % 4 === 3) await store.compact(store.revision).catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: KEYS }, (_, at) => writer(`/k${at}`)))
}

async function checked(store: Store, told: Told): Promise<void> {
  for (let at = 0; at < KEYS; at++) {
    const key = `/k${at}`
    const value = (await store.get(key))?.value
    const text = value === undefined ? undefined : Buffer.from(value).toString()
    const possible = [told.acknowledged.get(key), told.underway.get(key)]
    assert.ok(
      possible.includes(text),
      `${key} is ${text?.slice(0, 20)}, and not ${possible.map((each) => each?.slice(0, 20)).join(' or ')}`,
    )
  }
}

test('a cut of power at any operation of the disk loses nothing that was acknowledged, twice in a row', async (context) => {
  const kinds = new Map<string, number>()
  let cuts = 0
  for (let cutAt = 1; ; cutAt++) {
    const random = seededRandom(cutAt)
    const told: Told = { acknowledged: new Map(), underway: new Map() }
    const first = await runUntilCut(new SimulatedDisk(), cutAt, random, told)
    if (first.operation === undefined) break
    kinds.set(first.operation.kind, (kinds.get(first.operation.kind) ?? 0) + 1)
    // Recovery itself is cut off, too.
    const second = await runUntilCut(first.disk, 1 + random.int(12), random, told)
    {
      await using store = await openTestStore(second.disk, { random })
      await work(store, random, told)
      await checked(store, told)
    }
    assert.equal(second.disk.opened, 0)
    cuts++
  }
  assert.deepEqual([...kinds.keys()].sort(), ['open', 'remove', 'rename', 'sync', 'sync-directory', 'write'])
  context.diagnostic(`${cuts} cuts of power: ${[...kinds].map(([kind, count]) => `${count} at a ${kind}`).join(', ')}`)
})

/** The disk after a cut at its nth operation; no operation: it came to its end before. */
async function runUntilCut(
  disk: SimulatedDisk,
  cutAt: number,
  random: Random,
  told: Told,
): Promise<{ readonly disk: SimulatedDisk; readonly operation: DiskOperation | undefined }> {
  let count = 0
  let cut: { readonly disk: SimulatedDisk; readonly operation: DiskOperation } | undefined
  const power = new Error('the power is off')
  disk.fault = (operation) => {
    if (++count === cutAt) cut = { disk: disk.afterPowerCut(random, operation), operation }
    return count >= cutAt ? Promise.reject(power) : undefined
  }
  try {
    await using store = await openTestStore(disk, { random })
    await work(store, random, told)
  } catch (error) {
    if (cut === undefined) throw error
  }
  return cut ?? { disk, operation: undefined }
}
