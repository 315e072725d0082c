import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#base'
import { validityOf } from '../join/managed-certificate.ts'
import { addressOfNode, ensureNodeNamespace, inNamespace, namespaceName } from '../node/machine-network.ts'
import { identities, type Pki, readBundle, writeBundle } from '../pki-directory.ts'
import { writePrivateFile } from '../private-file.ts'
import type { ClusterConfig } from './config.ts'
import { NODE_FORMAT_VERSION, type NodeFile, readNode, writeNode } from './node-file.ts'
import type { Paths } from './paths.ts'
import { nodeNames } from './server.ts'

/** Several nodes may share the machine. */
const ANY_PORT = 0

/** The node of this name, made if it is missing or its certificate has run out while it was down. */
export async function localNode(paths: Paths, config: ClusterConfig, pki: Pki, name: string): Promise<NodeFile> {
  const known = readNode(paths, name)
  const pair = readBundle(paths.node(name).pki, 'kubelet')
  if (known !== undefined && pair !== undefined && validityOf(pair).endMs > systemClock.now()) return known
  return makeLocalNode(paths, config, pki, name)
}

/** Sets up a node on the control plane's own machine: it needs no token, for who sets it up holds the authorities' keys. */
async function makeLocalNode(paths: Paths, config: ClusterConfig, pki: Pki, name: string): Promise<NodeFile> {
  const { pki: directory } = paths.node(name)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { advertiseAddress, apiPort, clusterCIDR, clusterDNS, clusterDomain } = config
  const place = placeOf(config, name)
  const hosts = [name, 'localhost', '127.0.0.1', place.address]
  writePrivateFile(join(directory, 'ca.crt'), pki.serverCA.certificate)
  writePrivateFile(join(directory, 'client-ca.crt'), pki.clientCA.certificate)
  writeBundle(directory, 'kubelet', await pki.clientCA.issue(identities.node(name)))
  writeBundle(directory, 'kubelet-server', await pki.serverCA.issue(identities.kubeletServer(name, hosts)))
  writeBundle(directory, 'proxy', await pki.clientCA.issue(identities.proxy))
  writeBundle(directory, 'dns', await pki.clientCA.issue(identities.dns))
  const node: NodeFile = {
    formatVersion: NODE_FORMAT_VERSION,
    name,
    server: `https://${advertiseAddress}:${apiPort}`,
    kubeletPort: ANY_PORT,
    clusterId: config.id,
    clusterCIDR,
    clusterDNS,
    clusterDomain,
    ...place,
  }
  writeNode(paths, node)
  return node
}

/** Alone on its machine a node has the machine's address. Among several the first stays in the host's network and answers NodePorts there as well; each other has a network of its own. */
function placeOf(config: ClusterConfig, name: string): Pick<NodeFile, 'address' | 'nodePortAddresses' | 'networkNamespace'> {
  const { nodeCIDR, advertiseAddress } = config
  if (nodeCIDR === undefined) return { address: advertiseAddress }
  const index = indexOf(config, name)
  const address = addressOfNode({ nodeCIDR }, index)
  return index === 1
    ? { address, nodePortAddresses: [address, advertiseAddress] }
    : { address, networkNamespace: namespaceName(config.id, name) }
}

const indexOf = (config: ClusterConfig, name: string): number => nodeNames(config).indexOf(name) + 1

/** Makes the network that a local node lives in, if it has one of its own, and resolves with the words that run a program there. */
export async function enterNodeNetwork(config: ClusterConfig, node: NodeFile): Promise<string[]> {
  const { nodeCIDR, id: clusterId, clusterCIDR } = config
  if (nodeCIDR === undefined || node.networkNamespace === undefined) return []
  const network = { clusterId, nodeCIDR, clusterCIDR }
  return inNamespace(await ensureNodeNamespace(network, node.name, indexOf(config, node.name)))
}
