import { systemClock } from '#base'
import { openEmbeddedStore } from './embedded/index.ts'

/** For the kill test: writes without end and prints each key once its write was acknowledged. */
const [directory = '', round = ''] = process.argv.slice(2)
const store = await openEmbeddedStore({ directory, clock: systemClock })
const WRITERS = 16

async function write(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const key = `/r${round}/w${writer}/${count}`
    await store.put(key, Buffer.from(key), { expected: 0 })
    process.stdout.write(`${key}\n`)
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
