import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { systemClock } from '#base'
import { type Client, createClient, kubeconfigPaths, readKubeconfig, type Transport, transportFromKubeconfig } from '#client'
import { startCluster } from '#cluster'
import { parseYaml } from '#meta'
import { openMemoryStore, type Store } from '#store'

/** A Kubernetes cluster that behaviour tests speak to, over HTTPS and by a kubeconfig alone, like any user. */
export interface Target extends AsyncDisposable {
  /** YAML, for programs that want a file. */
  readonly kubeconfig: string
  readonly transport: Transport
  /** The administrator. */
  readonly client: Client
  /** Makes our own cluster forget its history; any other does so in its own time (upstream every five minutes), and this does nothing. */
  compact(): Promise<void>
}

/** Names the kubeconfig of a cluster to test instead of our own: an upstream one shows that the test is right. */
export const TARGET_VARIABLE = 'T8S_BEHAVIOR_KUBECONFIG'

const NODES = 2

/** The cluster that the environment names; by default a fresh one of ours, with simulated nodes. */
export async function openTarget(environment: Readonly<Record<string, string | undefined>> = process.env): Promise<Target> {
  const [path] = environment[TARGET_VARIABLE] ? kubeconfigPaths({ KUBECONFIG: environment[TARGET_VARIABLE] }) : []
  await using stack = new AsyncDisposableStack()
  let store: Store | undefined
  if (path === undefined) store = stack.use(openMemoryStore({ clock: systemClock }))
  const kubeconfig =
    store === undefined ? readFileSync(path!, 'utf8') : stack.use(await startCluster({ nodes: NODES, store })).kubeconfig
  const config = path === undefined ? ((await parseYaml(kubeconfig)) as object) : await readKubeconfig(path)
  const directory = path === undefined ? '/' : dirname(path)
  const transport = stack.use(transportFromKubeconfig(config, { directory, userAgent: 'behavior' }))
  const owned = stack.move()
  return {
    kubeconfig,
    transport,
    client: createClient(transport),
    compact: async () => store?.compact(store.revision),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}
