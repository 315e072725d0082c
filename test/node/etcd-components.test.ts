import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { deployments, nodes, pods } from '#api'
import { systemClock, systemRandom, TaskGroup } from '#base'
import { type Client, inlineKubeconfig, printKubeconfig } from '#client'
import { identities } from '#cluster'
import { openPki, type Pki } from '../../src/cluster/pki-directory.ts'
import { ComponentProcess } from './component-process.ts'
import { ElectionHistory } from './election-history.ts'
import { EtcdCluster } from './etcd-cluster.ts'
import { type ServerProcess, startServerProcess } from './server-process.ts'

/**
 * Controller managers and schedulers in processes of their own, each with the one server that its kubeconfig names, as upstream's: when that is killed, or told to end, they lose their lease and end,
 * and those of another server go on.
 */
const LOAD_PERIOD_MS = 200
const BEFORE = 5
const AFTER = 5
/** Long enough to be kept on a busy machine. */
const ELECTION = {
  'leader-elect-lease-duration': '8s',
  'leader-elect-renew-deadline': '6s',
  'leader-elect-retry-period': '500ms',
}
const SERVERS = ['killed', 'ending', 'third'] as const
type ServerName = (typeof SERVERS)[number]
const COMPONENTS = {
  'controller-manager': {
    identity: identities.controllerManager,
    ready: 'The controllers run',
    lease: 'kube-controller-manager',
  },
  scheduler: { identity: identities.scheduler, ready: 'The scheduler runs', lease: 'kube-scheduler' },
} as const
type Component = keyof typeof COMPONENTS

class Lab {
  readonly servers = new Map<ServerName, ServerProcess>()
  /** Through whose server the holders of leases write. */
  readonly #serverOf = new Map<string | undefined, ServerName>()
  readonly #directory: string
  readonly #pki: Pki
  readonly #history: ElectionHistory
  readonly #stack: AsyncDisposableStack

  constructor(directory: string, pki: Pki, history: ElectionHistory, stack: AsyncDisposableStack) {
    this.#directory = directory
    this.#pki = pki
    this.#history = history
    this.#stack = stack
  }

  /** What is left when the others are gone. */
  get client(): Client {
    return this.servers.get('third')!.client
  }

  async serve(name: ServerName, store: string): Promise<void> {
    const pkiDirectory = join(this.#directory, 'pki')
    const options = { pki: this.#pki, pkiDirectory, store, address: '127.0.0.1', alone: true }
    this.servers.set(name, this.#stack.use(await startServerProcess({ ...options, record: this.#recordOf(name) })))
  }

  async start(component: Component, server: ServerName): Promise<ComponentProcess> {
    const { certificate, key } = await this.#pki.clientCA.issue(COMPONENTS[component].identity)
    const ca = this.#pki.serverCA.certificate
    const config = inlineKubeconfig({ name: component, server: this.servers.get(server)!.url, ca, certificate, key })
    const flags = {
      ...ELECTION,
      kubeconfig: this.#file(`${component}-${server}.kubeconfig`, await printKubeconfig(config)),
      ...(component === 'controller-manager' && {
        'root-ca-file': this.#file('root-ca.crt', ca),
        'use-service-account-credentials': 'true',
      }),
    }
    const words = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
    return this.#stack.use(new ComponentProcess([component, ...words]))
  }

  /** Resolves to who holds its lease, once that is not `before` and its component at `server` runs. */
  async leads(component: Component, running: ComponentProcess, server: ServerName, before?: string): Promise<string> {
    const holder = await this.#history.heldByAnother(COMPONENTS[component].lease, before)
    this.#serverOf.set(holder, server)
    await running.says(COMPONENTS[component].ready)
    return holder
  }

  async addNode(): Promise<void> {
    const capacity = { cpu: '1000', memory: '1000Gi', pods: '100000' }
    await this.client.create(nodes, { metadata: { name: 'n1' } })
    const conditions = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: '' }]
    await this.client.updateStatus(nodes, { metadata: { name: 'n1' }, status: { capacity, allocatable: capacity, conditions } })
  }

  async work(signal: AbortSignal): Promise<void> {
    for (let count = 0; !signal.aborted; count++) {
      await this.client.create(deployments, deployment(`load-${count}`), { signal })
      await systemClock.sleep(LOAD_PERIOD_MS, { signal })
    }
  }

  /** Resolves once so many Pods more than now have a place, which takes controllers and the scheduler. */
  async placed(count: number): Promise<void> {
    const isPlaced = ({ spec }: { spec?: { nodeName?: string | undefined } | undefined }): boolean => spec?.nodeName !== undefined
    const { items, metadata } = await this.client.list(pods, { namespace: 'default' })
    const names = new Set(items.filter(isPlaced).map((pod) => pod.metadata?.name))
    const enough = names.size + count
    const options = { namespace: 'default', resourceVersion: metadata.resourceVersion, signal: new AbortController().signal }
    for await (const { type, object } of this.client.watch(pods, options)) {
      if (type !== 'BOOKMARK' && isPlaced(object)) names.add(object.metadata?.name)
      if (names.size >= enough) return
    }
  }

  report() {
    const records = SERVERS.map((identity) => ({ identity, path: this.#recordOf(identity) }))
    return this.#history.report(records, (holder) => this.#serverOf.get(holder))
  }

  #recordOf(server: ServerName): string {
    return join(this.#directory, `${server}.jsonl`)
  }

  #file(name: string, contents: string): string {
    const path = join(this.#directory, name)
    writeFileSync(path, contents, { mode: 0o600 })
    return path
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

/** It has ended as upstream's components do: by itself, as a failure, with one sentence about it. */
async function hasLost(component: Component, running: ComponentProcess): Promise<void> {
  const { code, lines } = await running.ended
  assert.equal(code, 1, component)
  const sentence = `t8s: leaderelection lost: kube-system/${COMPONENTS[component].lease} could not be renewed within 6s: `
  assert.ok(lines.at(-1)!.startsWith(sentence), lines.at(-1))
  assert.deepEqual(
    lines.filter((line) => line.includes('the lease of this component is over')),
    [],
    'nothing is said of what came after',
  )
}

test('a controller manager and a scheduler whose servers are killed and told to end lose their leases and end, others go on, and nothing is done twice', {
  timeout: 120_000,
}, async (context) => {
  const directory = mkdtempSync(join(tmpdir(), 't8s-components-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const etcd = stack.use(await EtcdCluster.start(1))
  const pki = await openPki(join(directory, 'pki'), { clock: systemClock, random: systemRandom })
  const history = stack.use(await ElectionHistory.follow(etcd.servers))
  const lab = new Lab(directory, pki, history, stack)
  const store = `etcd=${etcd.servers.join(',')}`
  await lab.serve('third', store)
  await Promise.all([lab.serve('killed', store), lab.serve('ending', store)])
  await lab.addNode()

  const manager = await lab.start('controller-manager', 'killed')
  const scheduler = await lab.start('scheduler', 'ending')
  const [managing, scheduling] = await Promise.all([
    lab.leads('controller-manager', manager, 'killed'),
    lab.leads('scheduler', scheduler, 'ending'),
  ])
  const nextManager = await lab.start('controller-manager', 'third')
  const nextScheduler = await lab.start('scheduler', 'third')
  const load = stack.use(
    new TaskGroup({
      onError(error) {
        throw error
      },
    }),
  )
  load.spawn((signal) => lab.work(signal))
  await lab.placed(BEFORE)

  const startedMs = systemClock.monotonic()
  lab.servers.get('killed')!.process.kill('SIGKILL')
  lab.servers.get('ending')!.process.kill('SIGTERM')
  await Promise.all([hasLost('controller-manager', manager), hasLost('scheduler', scheduler)])
  const endedMs = systemClock.monotonic() - startedMs
  await Promise.all([
    lab.leads('controller-manager', nextManager, 'third', managing),
    lab.leads('scheduler', nextScheduler, 'third', scheduling),
  ])
  const tookMs = systemClock.monotonic() - startedMs
  await lab.placed(AFTER)
  await load[Symbol.asyncDispose]()

  const { writes, late, twice } = await lab.report()
  context.diagnostic(
    `both ended within ${Math.round(endedMs)} ms, those of the third server led after ${Math.round(tookMs)} ms; ${writes} writes of leaders, ${late.length} by one whose term was over, ${twice.length} things done twice`,
  )
  assert.deepEqual(late, [])
  assert.deepEqual(twice, [])
  assert.ok(writes > 3 * (BEFORE + AFTER), 'there was something to see')
})
