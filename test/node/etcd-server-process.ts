import { appendFileSync } from 'node:fs'
import { type AuditEvent, type AuditSettings, createApiServer } from '#apiserver'
import { openLog, systemClock, systemRandom } from '#base'
import { identities } from '#cluster'
import type { KubernetesObject } from '#meta'
import { ChangingEndpoints } from '#store'
import { serviceAccountsOf, startControlPlane } from '../../src/cluster/control-plane.ts'
import { openPki } from '../../src/cluster/pki-directory.ts'
import { openOwnStore, openStore, storageFormOf } from '../../src/cluster/store.ts'
import { ownerOf, type RecordedWrite } from './election-history.ts'

/**
 * For tests of several servers: a control plane over an etcd cluster, until it is told to end. Prints its port once it serves, and keeps in RECORD what its controllers and its scheduler wrote.
 * usage: etcd-server-process.ts etcd=URL,…|own=URL,… PKI ADDRESS RECORD HOST [api-server]
 */
const [store = '', pkiDirectory = '', advertiseAddress = '', record = '', host = '', kind] = process.argv.slice(2)
const OWN = 'own='
const SERVICE_CIDR = '10.96.0.0/12'
const CLUSTER_DOMAIN = 'cluster.local'
const [clock, random] = [systemClock, systemRandom]
const log = await openLog({ level: 'warn' })
await using stack = new AsyncDisposableStack()
const opened = stack.use(
  store.startsWith(OWN)
    ? await openOwnStore(new ChangingEndpoints({ servers: store.slice(OWN.length).split(',') }), { clock, log })
    : await openStore({ store }, { directory: pkiDirectory, clock, log }),
)
const audit = record === '' ? {} : { audit: recorded(record) }
const pki = await openPki(pkiDirectory, { clock, random })
const port = kind === 'api-server' ? await startApiServer() : await startWhole()
process.stdout.write(`${port}\n`)
await new Promise((resolve) => process.once('SIGTERM', resolve))

async function startWhole(): Promise<number> {
  const options = {
    ...{ store: opened, pki, clock, random, log, advertiseAddress, identity: advertiseAddress },
    listen: { host, port: 0 },
    clusterCIDR: '10.244.0.0/16',
    serviceCIDR: SERVICE_CIDR,
    clusterDomain: CLUSTER_DOMAIN,
    onFailure: () => process.exit(1),
    ...audit,
  }
  return stack.use(await startControlPlane(options)).port
}

/** Without controllers and a scheduler, which ask all the time whether they may lead. */
async function startApiServer(): Promise<number> {
  const clientCA = pki.clientCA.certificate
  const server = stack.use(
    await createApiServer({
      ...{ store: opened, clock, random, log, ...audit },
      storageForm: storageFormOf(opened),
      serviceAccounts: serviceAccountsOf({ pki, clusterDomain: CLUSTER_DOMAIN }),
      serviceClusterIPRanges: [SERVICE_CIDR],
      serviceNodePortRange: { from: 30_000, to: 32_767 },
    }),
  )
  const serving = await pki.serverCA.issue(identities.apiServer([host]))
  const listener = await server.listen({ host, port: 0, tls: { ...serving, clientCA } })
  await server.ready
  return listener.port
}

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
