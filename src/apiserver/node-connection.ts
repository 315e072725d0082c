import type { Node } from '#api'
import { failure } from '#meta'

/** How the API server reaches kubelets: its client certificate and the authority of their serving certificates, all PEM. */
export interface NodeConnection {
  readonly certificate: string
  readonly key: string
  readonly ca: string
}

const ADDRESS_ORDER = ['InternalIP', 'Hostname', 'ExternalIP', 'InternalDNS', 'ExternalDNS']

/** Where the kubelet of a node listens, as the node's status says. */
export function kubeletAddress(node: Node): { readonly host: string; readonly port: number } {
  const addresses = node.status?.addresses ?? []
  const host = ADDRESS_ORDER.map((type) => addresses.find((each) => each.type === type)?.address).find(
    (address) => address !== undefined,
  )
  const port = (node.status?.daemonEndpoints?.kubeletEndpoint as { Port?: number } | undefined)?.Port
  if (host === undefined || !port) {
    throw failure(503, 'ServiceUnavailable', `no preferred addresses found; known addresses: ${JSON.stringify(addresses)}`)
  }
  return { host, port }
}
