import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeSettings } from '../join/publish.ts'
import { writePrivateFile } from '../private-file.ts'
import type { Paths } from './paths.ts'

/** What a node of this machine was set up with; its certificates lie beside it. With both it starts again by itself. */
export interface NodeFile extends Omit<NodeSettings, 'clientCA'> {
  readonly formatVersion: number
  readonly name: string
  /** `https://host:port` of the API server. */
  readonly server: string
  /** All that it has heard of since. */
  readonly servers?: readonly string[]
  /** Its InternalIP. */
  readonly address: string
  /** 0: any free port, where several nodes share a machine. */
  readonly kubeletPort: number
  /** Where NodePorts answer; by default at `address`. */
  readonly nodePortAddresses?: readonly string[]
  /** A network namespace of the node's own, if it shares its machine with others. */
  readonly networkNamespace?: string
}

export const NODE_FORMAT_VERSION = 1

const fileOf = (paths: Paths, name: string): string => join(paths.node(name).root, 'node.json')

/** Undefined when there is no such node. Throws one sentence when this version can't run it. */
export function readNode(paths: Paths, name: string): NodeFile | undefined {
  const path = fileOf(paths, name)
  if (!existsSync(path)) return undefined
  let node: NodeFile
  try {
    node = JSON.parse(readFileSync(path, 'utf8')) as NodeFile
  } catch (error) {
    throw new Error(`${path} is not valid JSON; join again with a token, or delete the node with 't8s reset --yes'`, {
      cause: error,
    })
  }
  if (node.formatVersion > NODE_FORMAT_VERSION)
    throw new Error(`${path} was written by a newer version of t8s; upgrade t8s or choose another --data-dir`)
  return node
}

/** Written last of all that a node has, so that a node is whole when its file is there. */
export function writeNode(paths: Paths, node: NodeFile): void {
  mkdirSync(paths.node(node.name).root, { recursive: true, mode: 0o700 })
  writePrivateFile(fileOf(paths, node.name), `${JSON.stringify(node, null, 2)}\n`)
}

/** Names of the nodes with containers of this machine, in order. */
export function nodesOf(paths: Paths): string[] {
  const root = join(paths.root, 'nodes')
  if (!existsSync(root)) return []
  return readdirSync(root)
    .filter((name) => existsSync(fileOf(paths, name)))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}
