import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { seededRandom, systemClock } from '#base'
import { openEmbeddedStore } from './embedded/index.ts'

/** More with T8S_KILL_ROUNDS for a soak. */
const ROUNDS = Number(process.env['T8S_KILL_ROUNDS'] ?? 3)
const LINES_BEFORE_KILL = 400

test(`embedded: kill -9 under load loses no acknowledged write (${ROUNDS} rounds)`, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-kill-'))
  const random = seededRandom(3)
  const acknowledged: string[] = []
  try {
    for (let round = 0; round < ROUNDS; round++) {
      acknowledged.push(...(await writeUntilKilled(directory, round, 1 + random.int(LINES_BEFORE_KILL))))
      await using store = await openEmbeddedStore({ directory, clock: systemClock })
      const { entries } = await store.list('/')
      const present = new Map(entries.map(({ key, value }) => [key, Buffer.from(value).toString()]))
      assert.deepEqual(
        acknowledged.filter((key) => present.get(key) !== key),
        [],
      )
      const revisions = entries.map(({ revision }) => revision).sort((a, b) => a - b)
      assert.equal(new Set(revisions).size, revisions.length)
      assert.equal(store.revision, revisions.at(-1))
    }
    context.diagnostic(`${acknowledged.length} acknowledged writes in ${ROUNDS} rounds, none lost`)
  } finally {
    rmSync(directory, { recursive: true })
  }
})

async function writeUntilKilled(directory: string, round: number, lines: number): Promise<string[]> {
  const child = spawn(
    process.execPath,
    ['--conditions=source', join(import.meta.dirname, 'kill-writer.ts'), directory, String(round)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const ended = new Promise((resolve) => child.once('exit', resolve))
  let text = ''
  for await (const chunk of child.stdout) {
    text += chunk
    if (text.split('\n').length > lines) child.kill('SIGKILL')
  }
  await ended
  // The last line may be cut in the middle.
  return text.split('\n').slice(0, -1)
}
