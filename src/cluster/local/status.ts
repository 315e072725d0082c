import { isPodReady, nodes, type Pod, pods } from '#api'
import { callControl } from '../control-socket.ts'
import { readConfig } from './config.ts'
import { nodesOf } from './node-file.ts'
import { agentSocket, pathsOf, serverSocket } from './paths.ts'
import { isNodeReady } from './readiness.ts'
import { adminClient } from './up.ts'

export interface PartStatus {
  /** `kube-apiserver`, `kubelet`, `containerd` … */
  readonly name: string
  readonly state: 'running' | 'starting' | 'stopped'
}

/** A process of this machine, and what runs in it or beside it. */
export interface ComponentStatus {
  /** `server`, or the node's name. */
  readonly name: string
  readonly state: 'running' | 'stopped'
  readonly pid?: number | undefined
  readonly memoryBytes?: number | undefined
  readonly parts: readonly PartStatus[]
}

export interface ClusterStatus {
  readonly exists: boolean
  readonly components: readonly ComponentStatus[]
  /** As the API has them: nodes of other machines, too. */
  readonly nodes: readonly { readonly name: string; readonly ready: boolean }[]
  readonly pods: { readonly ready: number; readonly total: number }
}

const UNKNOWN = { nodes: [], pods: { ready: 0, total: 0 } }

/** What runs of the cluster on this machine, as its processes say, and in all of it, as its API says. */
export async function clusterStatus(dataDirectory: string): Promise<ClusterStatus> {
  const paths = pathsOf(dataDirectory)
  const config = readConfig(paths.config)
  const own = nodesOf(paths)
  if (config === undefined && own.length === 0) return { exists: false, components: [], ...UNKNOWN }
  const server = config === undefined ? [] : [await componentOf('server', serverSocket(paths))]
  const agents = await Promise.all(own.map((name) => componentOf(name, agentSocket(paths, name))))
  const components = [...server.flat(), ...agents.flat()]
  if (server[0]?.[0]?.state !== 'running') return { exists: true, components, ...UNKNOWN }
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

/** A process, and the simulated nodes that live in it. */
async function componentOf(name: string, socket: string): Promise<ComponentStatus[]> {
  const found = (await callControl(socket, 'status')) as
    | { pid: number; memory: number; parts?: PartStatus[]; simulated?: string[] }
    | undefined
  if (found === undefined) return [{ name, state: 'stopped', parts: [] }]
  const { pid, memory, parts = [], simulated = [] } = found
  return [
    { name, state: 'running', pid, memoryBytes: memory, parts },
    ...simulated.map((node): ComponentStatus => ({ name: node, state: 'running', pid, parts: SIMULATED_PARTS })),
  ]
}

const SIMULATED_PARTS: readonly PartStatus[] = [
  { name: 'kubelet', state: 'running' },
  { name: 'kube-proxy', state: 'running' },
]
