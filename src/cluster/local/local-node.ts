import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '#base'
import { validityOf } from '../join/managed-certificate.ts'
import { identities, type Pki, readBundle, writeBundle, writePrivateFile } from '../pki-directory.ts'
import type { ClusterConfig } from './config.ts'
import { NODE_FORMAT_VERSION, type NodeFile, readNode, writeNode } from './node-file.ts'
import type { Paths } from './paths.ts'

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
  const address = config.advertiseAddress
  const hosts = [name, 'localhost', '127.0.0.1', address]
  writePrivateFile(join(directory, 'ca.crt'), pki.serverCA.certificate)
  writePrivateFile(join(directory, 'client-ca.crt'), pki.clientCA.certificate)
  writeBundle(directory, 'kubelet', await pki.clientCA.issue(identities.node(name)))
  writeBundle(directory, 'kubelet-server', await pki.serverCA.issue(identities.kubeletServer(name, hosts)))
  writeBundle(directory, 'proxy', await pki.clientCA.issue(identities.proxy))
  writeBundle(directory, 'dns', await pki.clientCA.issue(identities.dns))
  const { clusterCIDR, clusterDNS, clusterDomain } = config
  const node: NodeFile = {
    formatVersion: NODE_FORMAT_VERSION,
    name,
    server: `https://${config.advertiseAddress}:${config.apiPort}`,
    address,
    kubeletPort: ANY_PORT,
    clusterId: config.id,
    clusterCIDR,
    clusterDNS,
    clusterDomain,
  }
  writeNode(paths, node)
  return node
}
