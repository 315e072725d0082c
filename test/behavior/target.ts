import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Client, createClient, kubeconfigPaths, readKubeconfig, type Transport, transportFromKubeconfig } from '#client'
import { startCluster } from '#cluster'
import { parseYaml } from '#meta'

/** A Kubernetes cluster that behaviour tests speak to, over HTTPS and by a kubeconfig alone, like any user. */
export interface Target extends AsyncDisposable {
  /** YAML, for programs that want a file. */
  readonly kubeconfig: string
  readonly transport: Transport
  /** The administrator. */
  readonly client: Client
}

/** Names the kubeconfig of a cluster to test instead of our own: an upstream one shows that the test is right. */
export const TARGET_VARIABLE = 'T8S_BEHAVIOR_KUBECONFIG'

const NODES = 2

/** The cluster that the environment names; by default a fresh one of ours, with simulated nodes. */
export async function openTarget(environment: Readonly<Record<string, string | undefined>> = process.env): Promise<Target> {
  const [path] = environment[TARGET_VARIABLE] ? kubeconfigPaths({ KUBECONFIG: environment[TARGET_VARIABLE] }) : []
  await using stack = new AsyncDisposableStack()
  const kubeconfig = path === undefined ? stack.use(await startCluster({ nodes: NODES })).kubeconfig : readFileSync(path, 'utf8')
  const config = path === undefined ? ((await parseYaml(kubeconfig)) as object) : await readKubeconfig(path)
  const directory = path === undefined ? '/' : dirname(path)
  const transport = stack.use(transportFromKubeconfig(config, { directory, userAgent: 'behavior' }))
  const owned = stack.move()
  return { kubeconfig, transport, client: createClient(transport), [Symbol.asyncDispose]: () => owned.disposeAsync() }
}
