/**
 * Upstream's client library (`client/main.go`) put to use on a whole cluster of ours: each scenario is a test, and says what was not as a client of Kubernetes expects it.
 * Informers run with streaming lists, which are upstream's default, and once more without; upstream's own check that both see the same is on.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'node:test'
import { configMaps } from '#api'
import { type Cluster, startCluster } from '#cluster'
import { Peer } from './peer.ts'
import { startRelay } from './relay.ts'

interface Judgement {
  readonly faults: readonly string[]
  readonly notes: Readonly<Record<string, unknown>>
}

const SCENARIOS = [
  'kinds',
  'apply',
  'controller',
  'collections',
  'informers',
  'watches',
  'waiting',
  'paging',
  'discovery',
  'identities',
  'certificates',
  'credentials',
  'limits',
  'http',
  'events',
  'election',
  'churn',
]

/** Read by the client library when it starts. */
const CHECKED = { KUBE_WATCHLIST_INCONSISTENCY_DETECTOR: 'true' }
const WITHOUT_STREAMING_LISTS = { KUBE_FEATURE_WatchListClient: 'false' }

test("upstream's client", async (t) => {
  await using cluster = await startCluster({ nodes: 2 })
  using file = kubeconfigFile(cluster.kubeconfig)
  await using peer = new Peer('client', [], CHECKED)
  for (const run of SCENARIOS)
    await t.test(run, async (each) => {
      await judge(each, peer, run, file.path)
    })
})

test("upstream's client without streaming lists", async (t) => {
  await using cluster = await startCluster({ nodes: 2 })
  using file = kubeconfigFile(cluster.kubeconfig)
  await using peer = new Peer('client', [], WITHOUT_STREAMING_LISTS)
  for (const run of ['informers', 'waiting', 'churn'])
    await t.test(run, async (each) => {
      await judge(each, peer, run, file.path)
    })
})

for (const [form, environment] of Object.entries({ 'with streaming lists': {}, without: WITHOUT_STREAMING_LISTS }))
  for (const replaced of [false, true])
    test(`informers of upstream outlive ${replaced ? 'a server' : 'their connections'}, ${form}`, async (t) => {
      await using stack = new AsyncDisposableStack()
      const first = stack.use(await startCluster({ nodes: 0 }))
      await using relay = await startRelay(portOf(first))
      using file = kubeconfigFile(first.kubeconfig.replace(`:${portOf(first)}`, `:${relay.port}`))
      await using peer = new Peer('client', [], environment)
      await judge(t, peer, 'restart', file.path)
      relay.cut()
      // What nobody is told of at the time.
      for (const name of ['before-1', 'before-3', 'last']) await first.client.delete(configMaps, `restart/${name}`)
      await first.client.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'meanwhile', namespace: 'restart' },
      })
      relay.lead(portOf(replaced ? stack.use(await first.fork()) : first))
      const { retried, expired } = await judge(t, peer, 'restarted', file.path)
      // A server knows what happened since it began.
      const missed = ['DELETED before-1', 'DELETED before-3', 'DELETED last', 'ADDED meanwhile', 'ADDED after']
      assert.deepEqual([retried, expired], replaced ? [[], true] : [missed, false])
    })

async function judge(
  t: Pick<test.TestContext, 'diagnostic'>,
  peer: Peer,
  run: string,
  kubeconfig: string,
): Promise<Judgement['notes']> {
  const { faults, notes } = await peer.ask<Judgement>({ run, kubeconfig })
  if (Object.keys(notes).length > 0) t.diagnostic(`${run}: ${JSON.stringify(notes)}`)
  assert.deepEqual(faults, [])
  return notes
}

function kubeconfigFile(kubeconfig: string): Disposable & { readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), 't8s-upstream-client-'))
  const path = join(directory, 'kubeconfig')
  writeFileSync(path, kubeconfig, { mode: 0o600 })
  return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) }
}

const portOf = ({ url }: Pick<Cluster, 'url'>): number => Number(new URL(url).port)
