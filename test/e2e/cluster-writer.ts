import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { configMaps } from '#api'
import { createClient, readKubeconfig, transportFromKubeconfig } from '#client'
import { isAlreadyExists } from '#meta'

/**
 * For the kill test: writes ConfigMaps without end, some of them twice, and prints `NAME VALUE` once a write was acknowledged. A server that is away is tried
 * again; a write whose fate is unknown is not printed.
 */
const [kubeconfig = ''] = process.argv.slice(2)
const client = createClient(transportFromKubeconfig(await readKubeconfig(kubeconfig), { directory: dirname(kubeconfig) }))
const WRITERS = 8
const RETRY_MS = 50

async function write(writer: number): Promise<never> {
  for (let count = 0; ; count++) {
    const name = `w${writer}-${count}`
    const made = await attempt(() =>
      client.create(configMaps, { metadata: { name, namespace: 'default' }, data: { value: 'first' } }),
    )
    if (made === undefined) continue
    process.stdout.write(`${name} first\n`)
    if (count % 2 === 0) continue
    const changed = await attempt(() => client.update(configMaps, { ...made, data: { value: 'second' } }))
    process.stdout.write(`${name} ${changed === undefined ? 'either' : 'second'}\n`)
  }
}

/** Undefined when nobody can tell whether it was done. */
async function attempt<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (isAlreadyExists(error)) throw new Error('a name was used twice', { cause: error })
    await pause(RETRY_MS)
    return undefined
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
