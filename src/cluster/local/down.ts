import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { kubeconfigPaths, readKubeconfig, removeFromKubeconfig } from '#client'
import { cleanupNftables } from '#proxy'
import { callControl, untilClosed } from '../control-socket.ts'
import { removeMachineNetwork, removeNodeNamespace } from '../node/machine-network.ts'
import { bridgeName, tearDownPodNetwork } from '../node/network.ts'
import { removePodRoutes } from '../node/pod-routes.ts'
import { cgroupHierarchies, endLeftBehind } from './left-behind.ts'
import { leaveEtcd } from './members.ts'
import { type NodeFile, nodesOf, readNode } from './node-file.ts'
import { agentSocket, type Paths, pathsOf, serverSocket } from './paths.ts'

/** Stops the pods, the nodes and the control plane of this machine; data stays. Resolves with whether anything ran. */
export async function down(dataDirectory: string, progress: (step: string) => void): Promise<boolean> {
  const paths = pathsOf(dataDirectory)
  let ran = false
  for (const name of nodesOf(paths)) {
    if ((await callControl(agentSocket(paths, name), 'status')) === undefined) {
      const { clusterId } = readNode(paths, name)!
      const ended = endLeftBehind(paths.node(name).runtime, `t8s-${clusterId}/${name}`)
      if (ended > 0) progress(`ended ${ended} processes that node ${name} had left behind`)
      ran ||= ended > 0
      continue
    }
    progress(`stopping node ${name} and its pods`)
    await stopAndWait(agentSocket(paths, name))
    ran = true
  }
  if ((await callControl(serverSocket(paths), 'status')) !== undefined) {
    progress('stopping the control plane')
    await stopAndWait(serverSocket(paths))
    ran = true
  }
  const nodes = nodesOf(paths).map((name) => readNode(paths, name)!)
  for (const node of nodes) await removeFromKernel(paths, node)
  for (const clusterId of new Set(nodes.flatMap((node) => (node.networkNamespace === undefined ? [] : [node.clusterId]))))
    await removeMachineNetwork(clusterId)
  return ran
}

/** Deletes everything of the cluster. */
export async function reset(dataDirectory: string, progress: (step: string) => void): Promise<boolean> {
  const paths = pathsOf(dataDirectory)
  if (!existsSync(paths.root)) return false
  await leaveEtcd(paths).catch((error: Error) => progress(`this machine's etcd member was not taken out: ${error.message}`))
  await down(dataDirectory, progress)
  await forgetContext(paths).catch((error: Error) => progress(`the context stays in your kubeconfig: ${error.message}`))
  unmountBelow(paths.root)
  progress(`deleting ${paths.root}`)
  rmSync(paths.root, { recursive: true, force: true })
  return true
}

/** Out of the files that kubectl reads, into one of which `up` put it. */
async function forgetContext({ kubeconfig }: Paths): Promise<void> {
  if (!existsSync(kubeconfig)) return
  const removed = await readKubeconfig(kubeconfig)
  for (const path of kubeconfigPaths()) await removeFromKubeconfig(path, removed)
}

/** Asks a process to stop, and waits until it has: a second connection is cut as its last act. */
async function stopAndWait(socketPath: string): Promise<void> {
  const ended = untilClosed(socketPath)
  await callControl(socketPath, 'stop')
  await ended
}

async function removeFromKernel(paths: Paths, node: NodeFile): Promise<void> {
  const { name, clusterId, clusterCIDR, networkNamespace } = node
  const stateDirectory = paths.node(name).runtime
  if (networkNamespace !== undefined) await removeNodeNamespace(clusterId, name)
  else {
    await cleanupNftables({ table: `t8s-${clusterId}` })
    await removePodRoutes(clusterId, name, clusterCIDR)
  }
  await tearDownPodNetwork({ bridge: bridgeName(clusterId, name), stateDirectory })
  // What its runtime and its pods had mounted; both mount anew when they start.
  unmountBelow(paths.node(name).root)
  removeCgroups(`t8s-${clusterId}/${name}`)
  removeCgroups(`t8s-${clusterId}`)
}

function unmountBelow(directory: string): void {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => (line.split(' ')[1] ?? '').replaceAll('\\040', ' '))
    .filter((path) => path.startsWith(`${directory}/`))
    .sort((a, b) => b.length - a.length)
  for (const path of mounted) execFileSync('umount', ['--lazy', path])
}

function removeCgroups(group: string): void {
  for (const hierarchy of cgroupHierarchies()) removeTree(join(hierarchy, group))
}

function removeTree(path: string): void {
  if (!existsSync(path)) return
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeTree(join(path, entry.name))
  try {
    rmdirSync(path)
  } catch {
    // A process is still leaving the group; an empty group costs nothing and is used again by the next start.
  }
}
