import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { seededRandom, systemClock } from '#base'
import { openEmbeddedStore } from '#store'
import { checkHistory } from './check.ts'
import { type Entry, Journal, Recorder } from './history.ts'
import { storeTarget } from './store-target.ts'
import { reachedBy } from './watches.ts'
import { finish, follow } from './workload.ts'

/** For a soak: `T8S_KILL_ROUNDS=200 node --conditions=source --test src/testing/history/kill.test.ts`. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 3)
const BEFORE_KILL_MS_MAX = 300

test(`embedded: kill -9 at random instants under concurrent writes loses nothing (${ROUNDS} rounds)`, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-kill-'))
  const random = seededRandom(3)
  const journal = new Journal()
  const reached = (): number => Math.max(0, ...journal.watches.map(reachedBy))
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await writeUntilKilled([directory, String(round), String(reached())], random.int(BEFORE_KILL_MS_MAX), journal)
      journal.next()
    }
    await using store = await openEmbeddedStore({ directory, clock: systemClock })
    const recorder = new Recorder(journal.add)
    const target = storeTarget(store, '/')
    await using follower = follow(target, 'watcher', reached(), recorder)
    await finish({ target, recorder, client: 0, key: '/last' }, [follower])
    context.diagnostic(`killed ${ROUNDS} times: ${checkHistory(journal, { gaplessAfter: 0 })}`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

/** Kills the writer so many milliseconds after it has begun, and takes down what it said. */
async function writeUntilKilled([directory, ...more]: readonly string[], ms: number, journal: Journal): Promise<void> {
  const file = `${directory}.journal`
  const words = [join(import.meta.dirname, 'kill-writer.ts'), directory!, file, ...more]
  const child = spawn(process.execPath, ['--conditions=source', ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  await once(child.stdout, 'data')
  await systemClock.sleep(ms)
  child.kill('SIGKILL')
  await ended
  // The last line may be cut in the middle.
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1)
  rmSync(file)
  for (const line of lines) journal.add(JSON.parse(line) as Entry)
}
