import { appendFileSync } from 'node:fs'
import type { AuditEvent, AuditSettings } from '#apiserver'
import { openLog, systemClock, systemRandom } from '#base'
import type { KubernetesObject } from '#meta'
import { ChangingEndpoints } from '#store'
import { startControlPlane } from '../../src/cluster/control-plane.ts'
import { openPki } from '../../src/cluster/pki-directory.ts'
import { openOwnStore, openStore } from '../../src/cluster/store.ts'
import { ownerOf, type RecordedWrite } from './election-history.ts'

/**
 * For tests of several servers: a control plane over an etcd cluster, until it is told to end. Prints its port once it serves, and keeps in RECORD what its controllers and its scheduler wrote.
 * usage: etcd-server-process.ts etcd=URL,…|own=URL,… PKI ADDRESS RECORD HOST
 */
const [store = '', pkiDirectory = '', advertiseAddress = '', record = '', host = ''] = process.argv.slice(2)
const OWN = 'own='
const [clock, random] = [systemClock, systemRandom]
const log = await openLog({ level: 'warn' })
await using stack = new AsyncDisposableStack()
const opened = stack.use(
  store.startsWith(OWN)
    ? await openOwnStore(new ChangingEndpoints({ servers: store.slice(OWN.length).split(',') }), { clock, log })
    : await openStore({ store }, { directory: pkiDirectory, clock, log }),
)
const { port } = stack.use(
  await startControlPlane({
    store: opened,
    pki: await openPki(pkiDirectory, { clock, random }),
    clock,
    random,
    log,
    listen: { host, port: 0 },
    advertiseAddress,
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: '10.96.0.0/12',
    clusterDomain: 'cluster.local',
    identity: advertiseAddress,
    onFailure: () => process.exit(1),
    ...(record !== '' && { audit: recorded(record) }),
  }),
)
process.stdout.write(`${port}\n`)
await new Promise((resolve) => process.once('SIGTERM', resolve))

function recorded(path: string): AuditSettings {
  const verbs = ['create', 'update', 'patch', 'delete']
  return {
    policy: {
      rules: [{ level: 'RequestResponse', verbs }, { level: 'None' }],
      omitStages: ['RequestReceived'],
      omitManagedFields: true,
    },
    record(event) {
      const write = writeOf(event)
      // At once, since the process may be killed at any time.
      if (write !== undefined) appendFileSync(path, `${JSON.stringify(write)}\n`)
    },
  }
}

/** Undefined for what others wrote, for what was refused, and for the elections themselves. */
function writeOf({
  user,
  verb,
  objectRef,
  responseStatus,
  requestObject,
  responseObject,
  requestReceivedTimestamp,
}: AuditEvent): RecordedWrite | undefined {
  const { username = '' } = user
  const isLeader = /^system:(kube-scheduler$|kube-controller-manager$|serviceaccount:kube-system:)/.test(username)
  const isElection = objectRef?.resource === 'leases' && objectRef.namespace === 'kube-system'
  if (!isLeader || isElection || (responseStatus?.code ?? 500) >= 300) return undefined
  const [asked, answer] = [requestObject, responseObject] as (KubernetesObject | undefined)[]
  const revision = answer?.kind === 'Status' || verb === 'delete' ? undefined : answer?.metadata?.resourceVersion
  return {
    user: username,
    verb,
    resource: objectRef?.resource ?? '',
    subresource: objectRef?.subresource,
    name: objectRef?.name ?? answer?.metadata?.name ?? '',
    receivedMs: Date.parse(requestReceivedTimestamp),
    // What changes nothing leaves the revision as it was.
    revision: revision === undefined || revision === asked?.metadata?.resourceVersion ? undefined : Number(revision),
    owner: ownerOf(answer),
  }
}
