import { isPodReady, nodes, type Pod, pods } from '#api'
import { callControl } from '../control-socket.ts'
import { readConfig } from './config.ts'
import { agentSocket, pathsOf, serverSocket } from './paths.ts'
import { isNodeReady } from './readiness.ts'
import { nodeNames } from './server.ts'
import { adminClient } from './up.ts'

export interface ComponentStatus {
  readonly name: string
  readonly state: 'running' | 'stopped' | 'not ready'
  readonly pid?: number | undefined
  readonly memoryBytes?: number | undefined
}

export interface ClusterStatus {
  readonly exists: boolean
  readonly components: readonly ComponentStatus[]
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[]
  readonly pods: { readonly ready: number; readonly total: number }
}

/** What runs of the cluster, as its processes and its API say. */
export async function clusterStatus(dataDirectory: string): Promise<ClusterStatus> {
  const paths = pathsOf(dataDirectory)
  const config = readConfig(paths.config)
  if (config === undefined) return { exists: false, components: [], nodes: [], pods: { ready: 0, total: 0 } }
  const sockets: [string, string][] = [
    ['server', serverSocket(paths)],
    ...(config.runtime === 'containerd'
      ? nodeNames(config).map((name): [string, string] => [name, agentSocket(paths, name)])
      : []),
  ]
  const components = await Promise.all(
    sockets.map(async ([name, socket]): Promise<ComponentStatus> => {
      const found = (await callControl(socket, 'status')) as { pid?: number; memory?: number } | undefined
      return found === undefined
        ? { name, state: 'stopped' }
        : { name, state: 'running', pid: found.pid, memoryBytes: found.memory }
    }),
  )
  if (components[0]?.state !== 'running') return { exists: true, components, nodes: [], pods: { ready: 0, total: 0 } }
  const { client, dispose } = await adminClient(paths)
  try {
    const [nodeList, podList] = await Promise.all([client.list(nodes), client.list(pods)])
    return {
      exists: true,
      components,
      nodes: nodeList.items.map((node) => ({ name: node.metadata?.name ?? '', ready: isNodeReady(node) })),
      pods: { ready: podList.items.filter((pod: Pod) => isPodReady(pod)).length, total: podList.items.length },
    }
  } finally {
    await dispose()
  }
}
