import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** Where a cluster of this machine keeps what. Everything below `root` is its own; `reset` deletes it whole. */
export interface Paths {
  readonly root: string
  /** The choices made at the first `up`: see config.ts. */
  readonly config: string
  readonly pki: string
  readonly store: string
  /** The etcd member of this machine, if it has one: what it was set up with, its certificates, its data. */
  readonly etcd: string
  /** The administrator's kubeconfig, 0600. */
  readonly kubeconfig: string
  readonly logs: string
  /** Control sockets of running processes. */
  readonly run: string
  node(name: string): NodePaths
}

export interface NodePaths {
  readonly root: string
  readonly pki: string
  /** containerd's state, images and configuration. */
  readonly runtime: string
  /** Pod directories, as upstream's /var/lib/kubelet. */
  readonly kubelet: string
  readonly podLogs: string
}

export function pathsOf(dataDirectory: string): Paths {
  const root = resolve(dataDirectory)
  return {
    root,
    config: join(root, 'cluster.json'),
    pki: join(root, 'pki'),
    store: join(root, 'store'),
    etcd: join(root, 'etcd'),
    kubeconfig: join(root, 'kubeconfig'),
    logs: join(root, 'logs'),
    run: join(root, 'run'),
    node: (name) => ({
      root: join(root, 'nodes', name),
      pki: join(root, 'nodes', name, 'pki'),
      runtime: join(root, 'nodes', name, 'containerd'),
      kubelet: join(root, 'nodes', name, 'kubelet'),
      podLogs: join(root, 'nodes', name, 'pod-logs'),
    }),
  }
}

/** `/var/lib/typernetes` for root, else below the user's data home (XDG). */
export function defaultDataDirectory(): string {
  if (process.getuid?.() === 0) return '/var/lib/typernetes'
  return join(process.env['XDG_DATA_HOME'] || join(homedir(), '.local', 'share'), 'typernetes')
}

export const serverSocket = (paths: Paths): string => join(paths.run, 'server.sock')
export const agentSocket = (paths: Paths, node: string): string => join(paths.run, `${node}.sock`)
