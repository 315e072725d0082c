import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
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
const LINES_BEFORE_KILL = 3_000

test(`embedded: kill -9 at random instants under concurrent writes loses nothing (${ROUNDS} rounds)`, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-kill-'))
  const random = seededRandom(3)
  const journal = new Journal()
  const reached = (): number => Math.max(0, ...journal.watches.map(reachedBy))
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await writeUntilKilled([directory, String(round), String(reached())], 1 + random.int(LINES_BEFORE_KILL), journal)
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

/** Takes down what the writer says, and kills it after so many lines. */
async function writeUntilKilled(words: readonly string[], lines: number, journal: Journal): Promise<void> {
  const program = join(import.meta.dirname, 'kill-writer.ts')
  const child = spawn(process.execPath, ['--conditions=source', program, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  let text = ''
  let heard = 0
  for await (const chunk of child.stdout) {
    text += chunk
    const end = text.lastIndexOf('\n') + 1
    for (const line of text.slice(0, end).split('\n')) {
      if (line === '') continue
      journal.add(JSON.parse(line) as Entry)
      heard++
    }
    // The last line may be cut in the middle.
    text = text.slice(end)
    if (heard > lines) child.kill('SIGKILL')
  }
  await ended
}
