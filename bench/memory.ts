/** How much memory does a cluster in one process hold: empty, and with 100 pods on simulated nodes? Against the same Node without anything. */
import { setTimeout as sleep } from 'node:timers/promises'
import { deployments } from '#api'
import { startCluster } from '#cluster'

const PODS = 100
const SETTLE_MS = 5_000

const megabytes = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().rss / 1e6
}

const bare = megabytes()
await using cluster = await startCluster({ nodes: 1 })
await sleep(SETTLE_MS)
const idle = megabytes()
await cluster.client.create(deployments, {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default' },
  spec: {
    replicas: PODS,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
  },
})
await sleep(2 * SETTLE_MS)
const loaded = megabytes()
const ready = (await cluster.client.get(deployments, 'default/web')).status?.readyReplicas ?? 0
for (const [name, value] of [
  ['modules loaded', bare],
  ['idle, 1 simulated node', idle],
  [`with ${ready} ready pods`, loaded],
] as const) {
  process.stdout.write(`${name.padEnd(28)} ${value.toFixed(0).padStart(5)} MB   ${(value / bare).toFixed(2)} × modules loaded\n`)
}
process.exit(0)
