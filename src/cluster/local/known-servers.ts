import { endpointSlices } from '#api'
import { type Informers, ServerList } from '#client'
import { type NodeFile, writeNode } from './node-file.ts'
import type { Paths } from './paths.ts'

/** The servers that a node has heard of, the one it was told of first. That may be a load balancer, and is never forgotten. */
export const serversOf = ({ server, servers = [] }: NodeFile): ServerList =>
  new ServerList([server, ...servers.filter((each) => each !== server)])

/** Learns the servers of the cluster from the endpoints of the `kubernetes` Service, and keeps them for the next start. */
export function keepServers(informers: Informers, servers: ServerList, node: NodeFile, paths: Paths): void {
  const place = { namespace: 'default', fieldSelector: 'metadata.name=kubernetes' }
  informers.for(endpointSlices, place).onChange(({ after }) => {
    const port = after?.ports?.find(({ name }) => name === 'https')?.port
    const addresses = after?.endpoints?.flatMap((endpoint) => endpoint.addresses) ?? []
    // A cluster whose servers are all gone has nobody who says so; an empty list is a moment between two states.
    if (port === undefined || addresses.length === 0) return
    const others = addresses.map((address) => `https://${address.includes(':') ? `[${address}]` : address}:${port}`)
    const urls = [...new Set([node.server, ...others])] as [string, ...string[]]
    if (urls.join() === servers.urls.join()) return
    servers.replace(urls)
    writeNode(paths, { ...node, servers: urls })
  })
}
