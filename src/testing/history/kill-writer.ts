import { openSync, writeSync } from 'node:fs'
import { systemClock, systemRandom } from '#base'
import { openEmbeddedStore } from '#store'
import { Recorder } from './history.ts'
import { storeTarget } from './store-target.ts'
import { follow, runClients } from './workload.ts'

/**
 * For the kill test: clients without end, and their journal in a file. Each line is with the kernel before the next step, so that it outlives the process;
 * a pipe that is full would not take it.
 */
const [directory = '', journal = '', round = '', since = '0'] = process.argv.slice(2)
const CLIENTS = 16
const KEYS = 32

const file = openSync(journal, 'w')
const store = await openEmbeddedStore({ directory, clock: systemClock })
const recorder = new Recorder((entry) => void writeSync(file, `${JSON.stringify(entry)}\n`))
const target = storeTarget(store, '/')
// What the processes before have left is all there, or it is not: one look at everything says so.
const everything = { type: 'list', prefix: '/', freshness: 'latest' } as const
await recorder.ask(CLIENTS, everything, () => target.ask(everything))
process.stdout.write('ready')
follow(target, 'watcher', Number(since), recorder)
const prefix = `/r${round}/`
await runClients({
  targets: [target],
  recorder,
  clock: systemClock,
  random: systemRandom,
  clients: CLIENTS,
  keys: Array.from({ length: KEYS }, (_, index) => `${prefix}k${index}`),
  prefix,
  operations: Number.POSITIVE_INFINITY,
  pauseMs: 0,
})
