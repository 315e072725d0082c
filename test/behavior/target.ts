import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock, VirtualClock } from '#base'
import { type Client, createClient, kubeconfigPaths, readKubeconfig, type Transport, transportFromKubeconfig } from '#client'
import { startCluster } from '#cluster'
import { parseYaml } from '#meta'
import { openMemoryStore } from '#store'

/** A Kubernetes cluster that behaviour tests speak to, over HTTPS and by a kubeconfig alone, like any user. */
export interface Target extends AsyncDisposable {
  /** YAML, for programs that want a file. */
  readonly kubeconfig: string
  readonly transport: Transport
  /** The administrator. */
  readonly client: Client
  /** Makes our own cluster forget its history; any other does so in its own time (upstream every five minutes), and this does nothing. */
  compact(): Promise<void>
  /** Lets time pass: at once on a cluster of ours that was opened for it, else as it does. */
  pass(ms: number): Promise<void>
}

export interface TargetOptions {
  /** The time of a cluster of ours is the test's own, for what takes minutes. */
  readonly ownTime?: boolean | undefined
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Names the kubeconfig of a cluster to test instead of our own: an upstream one shows that the test is right. */
export const TARGET_VARIABLE = 'T8S_BEHAVIOR_KUBECONFIG'

const NODES = 2
/** In which nodes join and controllers come to rest. */
const START_MS = 30_000

/** The cluster that the environment names; by default a fresh one of ours, with simulated nodes. */
export async function openTarget({ ownTime = false, environment = process.env }: TargetOptions = {}): Promise<Target> {
  const [path] = environment[TARGET_VARIABLE] ? kubeconfigPaths({ KUBECONFIG: environment[TARGET_VARIABLE] }) : []
  await using stack = new AsyncDisposableStack()
  const { kubeconfig, ...powers } = path === undefined ? stack.use(await startOwn(ownTime)) : foreign(path)
  const config = path === undefined ? ((await parseYaml(kubeconfig)) as object) : await readKubeconfig(path)
  const directory = path === undefined ? '/' : dirname(path)
  const transport = stack.use(transportFromKubeconfig(config, { directory, userAgent: 'behavior' }))
  const owned = stack.move()
  return {
    kubeconfig,
    transport,
    client: createClient(transport),
    ...powers,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

type Powers = Pick<Target, 'kubeconfig' | 'compact' | 'pass'>

const foreign = (path: string): Powers => ({
  kubeconfig: readFileSync(path, 'utf8'),
  compact: async () => undefined,
  pass: (ms) => systemClock.sleep(ms),
})

async function startOwn(ownTime: boolean): Promise<Powers & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const virtual = ownTime ? new VirtualClock(Date.now()) : undefined
  const clock = virtual ?? systemClock
  const store = stack.use(openMemoryStore({ clock }))
  const { kubeconfig } = stack.use(await startCluster({ nodes: NODES, store, clock }))
  await virtual?.advance(START_MS)
  const owned = stack.move()
  return {
    kubeconfig,
    compact: () => store.compact(store.revision),
    pass: (ms) => virtual?.advance(ms) ?? clock.sleep(ms),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
