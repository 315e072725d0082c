/** Starts a cluster with the bundle whose `index.js` is named, so that its loader keeps the code that a start compiles. */
import type { startCluster } from '../src/cluster/index.ts'

const library = (await import(process.argv[2]!)) as { startCluster: typeof startCluster }
await using cluster = await library.startCluster({ nodes: 2 })
await cluster.client.request({ method: 'GET', path: '/api/v1/namespaces' })
