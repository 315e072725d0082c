/** For `bench/engines.ts`, arguments: what, engine, directory, where LMDB is, writers, first number. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Engine, EXPECTED, engines, missing, valueFor } from './engines.ts'

const [what, name, directory = '', lmdbDirectory, writers, first] = process.argv.slice(2)
const definition = engines(lmdbDirectory || undefined).find((each) => each.name === name)!
if (what === 'check') await check(await definition.open(directory))
else await write(await definition.open(directory))

/** Prints how many keys that should be there are not, or are not what they were. */
async function check(engine: Engine): Promise<void> {
  const keys = readFileSync(join(directory, EXPECTED), 'utf8').split('\n')
  process.stdout.write(`${missing(await engine.all(), keys)}\n`)
  await engine[Symbol.asyncDispose]()
}

/** Without end, and prints each key that was acknowledged: what a test ends by `kill -9`. */
async function write(engine: Engine): Promise<void> {
  let next = Number(first)
  const writer = async (): Promise<never> => {
    for (;;) {
      const key = `/registry/pods/default/web-${next++}`
      await engine.put(key, valueFor(key))
      if (!process.stdout.write(`${key}\n`)) await once(process.stdout, 'drain')
    }
  }
  await Promise.all(Array.from({ length: Number(writers) }, writer))
}
