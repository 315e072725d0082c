/**
 * What does one CPU-second of the API server do, with TLS, authentication, RBAC and a durable store? Beside it, in the same run with the same certificates: a bare Node
 * server and nginx that send the same bytes (nginx as a file), and Debian's etcd with values of the same size. CPU is what the kernel counted for the server's process; what
 * the load costs, which this process makes, counts for nobody, but on a machine of few cores it is in the latencies. Requests go over HTTP/2, one connection a client, with
 * the windows that client-go offers. 10,000 watchers need as many open files, in either process: `ulimit -Hn` says how many there may be, since Node takes all it may have.
 * Usage: node --conditions=source bench/api.ts [--full] [--only=reads|writes|watches]
 */
import { Lab } from './api/lab.ts'
import { memoryOfLists, reads } from './api/reads.ts'
import { watches } from './api/watches.ts'
import { writes } from './api/writes.ts'

const full = process.argv.includes('--full')
const PODS = full ? 10_000 : 1_000
const CLIENTS = full ? [1, 16, 128] : [1, 16]
const WATCHERS = full ? [1_000, 10_000] : [1_000]
const READ_MS = full ? 6_000 : 1_000
const WRITE_MS = full ? 5_000 : 1_000
/** Told of in all, so that few watchers are told of many writes. */
const DELIVERIES = full ? 200_000 : 40_000

const only = process.argv.find((word) => word.startsWith('--only='))?.slice('--only='.length)
const wants = (part: string): boolean => only === undefined || only === part

await using lab = await Lab.start()
await lab.fill(PODS)
if (wants('reads')) {
  await memoryOfLists(lab)
  await reads(lab, { pods: PODS, clients: CLIENTS, roundMs: READ_MS })
}
if (wants('watches')) for (const watchers of WATCHERS) await watches(lab, { watchers, writes: DELIVERIES / watchers })
if (wants('writes')) await writes(lab, { pods: PODS, clients: CLIENTS, roundMs: WRITE_MS })
