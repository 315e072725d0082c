import { once } from 'node:events'
import { join } from 'node:path'
import { deployments, leases, nodes, pods, replicaSets } from '#api'
import { systemClock, systemRandom, TaskGroup } from '#base'
import type { Client } from '#client'
import { openPki, type Pki } from '../../src/cluster/pki-directory.ts'
import { ElectionHistory, type ElectionReport } from './election-history.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

export type Fault = 'killed' | 'stopped'
export type LeaseName = 'kube-controller-manager' | 'kube-scheduler'

const SERVERS = 3
/** So that leaders have something to do all the time. */
const LOAD_PERIOD_MS = 150
const NODE = 'n1'
const HEARTBEAT_MS = 5_000
const ATTEMPT_MS = 2_000
/** A server that was stopped has had its chance to act once it has answered so often. */
const ANSWERS_AFTER = 5

export interface Takeover {
  readonly heldMs: number
  readonly actedMs: number
}

interface Server extends ServerProcess {
  readonly identity: string
  readonly starts: number
}

/** Control planes in processes of their own over one etcd, which have work all the time, and a record of what each of them wrote. */
export class ElectionLab implements AsyncDisposable {
  readonly #directory: string
  readonly #stack: AsyncDisposableStack
  readonly #cluster: EtcdCluster
  readonly #pki: Pki
  readonly #history: ElectionHistory
  readonly #servers: Server[] = []
  readonly #load: TaskGroup
  #made = 0

  private constructor(
    directory: string,
    stack: AsyncDisposableStack,
    { cluster, pki, history }: { readonly cluster: EtcdCluster; readonly pki: Pki; readonly history: ElectionHistory },
  ) {
    this.#directory = directory
    this.#stack = stack
    this.#cluster = cluster
    this.#pki = pki
    this.#history = history
    this.#load = new TaskGroup({
      onError(error) {
        throw error
      },
    })
  }

  static async start(directory: string): Promise<ElectionLab> {
    await using stack = new AsyncDisposableStack()
    const cluster = stack.use(await EtcdCluster.start(3))
    const pki = await openPki(join(directory, 'pki'), { clock: systemClock, random: systemRandom })
    const history = stack.use(await ElectionHistory.follow(cluster.servers))
    const lab = new ElectionLab(directory, stack, { cluster, pki, history })
    stack.defer(() => lab.#end())
    for (let index = 0; index < SERVERS; index++) lab.#servers.push(await lab.#startServer(`10.9.9.${index + 1}`))
    await lab.#addNode()
    lab.#load.spawn((signal) => lab.#work(signal))
    lab.#load.spawn((signal) => lab.#beat(signal))
    // Both lead, wherever they are.
    await lab.#acts('kube-controller-manager', lab.#servers[0]!.client)
    await lab.#acts('kube-scheduler', lab.#servers[0]!.client)
    const owned = stack.move()
    lab[Symbol.asyncDispose] = () => owned.disposeAsync()
    return lab
  }

  /** Lets a fault befall the leader of a lease. Resolves to how long it took until another held it, and until that one had done what only a leader does; then the victim goes on, or is started again. */
  async round(lease: LeaseName, fault: Fault, beforeMs: number): Promise<Takeover> {
    const { spec } = await this.#servers[0]!.client.get(leases, `kube-system/${lease}`)
    const victim = this.#servers.find(({ identity }) => identity === spec?.holderIdentity)!
    const other = this.#servers.find((server) => server !== victim)!
    await systemClock.sleep(beforeMs)
    const startedMs = systemClock.monotonic()
    victim.process.kill(fault === 'killed' ? 'SIGKILL' : 'SIGSTOP')
    if (fault === 'killed') await once(victim.process, 'exit')
    else this.#history.stopped(victim.identity)
    await this.#history.heldByAnother(lease, victim.identity)
    const heldMs = systemClock.monotonic() - startedMs
    await this.#acts(lease, other.client)
    const actedMs = systemClock.monotonic() - startedMs
    if (fault === 'killed') Object.assign(victim, await this.#startServer(victim.identity, victim.starts + 1))
    else victim.process.kill('SIGCONT')
    for (let count = 0; count < ANSWERS_AFTER; count++)
      await until(async () => (await victim.client.find(nodes, NODE, { signal: AbortSignal.timeout(ATTEMPT_MS) })) !== undefined)
    return { heldMs, actedMs }
  }

  /** Ends the load, and says what the history of writes shows. */
  async end(): Promise<ElectionReport> {
    await this.#load[Symbol.asyncDispose]()
    return this.#history.report(
      this.#servers.flatMap(({ identity, starts }) =>
        Array.from({ length: starts }, (_, index) => ({ identity, path: this.#recordOf(identity, index + 1) })),
      ),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #end(): Promise<void> {
    await this.#load[Symbol.asyncDispose]()
    for (const server of this.#servers) await server[Symbol.asyncDispose]()
  }

  #recordOf(identity: string, start: number): string {
    return join(this.#directory, `${identity}-${start}.jsonl`)
  }

  async #startServer(identity: string, starts = 1): Promise<Server> {
    const running = await startServerProcess({
      pki: this.#pki,
      pkiDirectory: join(this.#directory, 'pki'),
      store: `etcd=${this.#cluster.servers.join(',')}`,
      address: identity,
      record: this.#recordOf(identity, starts),
    })
    return { ...running, identity, starts }
  }

  /** Something that only the leader does is asked for and done. */
  async #acts(lease: LeaseName, client: Client): Promise<void> {
    const name = `probe-${this.#made++}`
    if (lease === 'kube-controller-manager') {
      await client.create(deployments, deployment(name))
      await until(async () =>
        (await client.list(replicaSets, { namespace: 'default' })).items.some(({ metadata }) =>
          metadata?.name?.startsWith(`${name}-`),
        ),
      )
    } else {
      await client.create(pods, { metadata: { name, namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'c:1' }] } })
      await until(async () => (await client.get(pods, `default/${name}`)).spec?.nodeName !== undefined)
    }
  }

  async #addNode(): Promise<void> {
    const { client } = this.#servers[0]!
    const capacity = { cpu: '1000', memory: '1000Gi', pods: '100000' }
    await client.create(nodes, { metadata: { name: NODE } })
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }]
    // Whatever controllers have changed of it since.
    await client.updateStatus(nodes, { metadata: { name: NODE }, status: { capacity, allocatable: capacity, conditions } })
    await client.create(leases, { metadata: { name: NODE, namespace: 'kube-node-lease' }, spec: { holderIdentity: NODE } })
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (let count = 0; !signal.aborted; count++) {
      await this.#byAny((client, attempt) => client.create(deployments, deployment(`load-${count}`), { signal: attempt }))
      await systemClock.sleep(LOAD_PERIOD_MS, { signal }).catch(() => undefined)
    }
  }

  /** The node lives as long as its Lease is renewed. */
  async #beat(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#byAny(async (client, attempt) => {
        const lease = await client.get(leases, `kube-node-lease/${NODE}`, { signal: attempt })
        const renewTime = new Date(systemClock.now()).toISOString().replace('Z', '000Z')
        await client.update(leases, { ...lease, spec: { ...lease.spec, renewTime } }, { signal: attempt })
      })
      await systemClock.sleep(HEARTBEAT_MS, { signal }).catch(() => undefined)
    }
  }

  /** Whether a write without an answer was done is of no consequence to the load. */
  async #byAny(write: (client: Client, signal: AbortSignal) => Promise<unknown>): Promise<void> {
    for (const { client } of this.#servers)
      try {
        await write(client, AbortSignal.timeout(ATTEMPT_MS))
        return
      } catch {
        // The next server is asked.
      }
  }
}

const deployment = (name: string) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'c:1' }] } },
  },
})

/** What is looked at is the world outside this process, which tells nobody when it changes. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds().catch(() => false))) await systemClock.sleep(100)
}
