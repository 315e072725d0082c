import { openLog, systemClock, systemRandom } from '#base'
import { startControlPlane } from '../../src/cluster/control-plane.ts'
import { openPki } from '../../src/cluster/pki-directory.ts'
import { openStore } from '../../src/cluster/store.ts'

/** For tests of several servers: a control plane over an etcd cluster, until it is told to end. Prints its port once it serves. */
const [store = '', pkiDirectory = '', advertiseAddress = ''] = process.argv.slice(2)
const [clock, random] = [systemClock, systemRandom]
const log = await openLog({ level: 'warn' })
await using stack = new AsyncDisposableStack()
const opened = stack.use(await openStore({ store }, { directory: pkiDirectory, clock, log }))
const { port } = stack.use(
  await startControlPlane({
    store: opened,
    pki: await openPki(pkiDirectory, { clock, random }),
    clock,
    random,
    log,
    listen: { host: '127.0.0.1', port: 0 },
    advertiseAddress,
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/12',
    clusterDomain: 'cluster.local',
    identity: advertiseAddress,
    onFailure: () => process.exit(1),
  }),
)
process.stdout.write(`${port}\n`)
await new Promise((resolve) => process.once('SIGTERM', resolve))
