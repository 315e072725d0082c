import { type EndpointSlice, endpointSlices, type Service, services } from '#api'
import { deepEqual } from '#base'
import type { Client } from '#client'
import { isAlreadyExists, isInvalid } from '#meta'
import { dashed } from './names.ts'

const NAMESPACE = 'kube-system'
const NAME = 'kube-dns'
/** An address is taken for a Service just before the Service is stored. */
const APPEARS_SECONDS = 10

export interface DnsRegistration {
  readonly client: Client
  /** The address that pods have in their resolv.conf. */
  readonly clusterIP: string
  /** Where this server can be reached by the nodes' proxies. */
  readonly advertise: {
    readonly address: string
    readonly port: number
    readonly metricsPort?: number | undefined
    /** The node this server runs on; its pods then ask here and nowhere else, as long as there is an endpoint here. */
    readonly nodeName?: string | undefined
  }
}

/**
 * Makes the Service `kube-system/kube-dns` exist and lead to this server. The Service has no selector: each server keeps a
 * slice of its own, named after its address, so that several servers add up and a restarted one finds its own again.
 */
export async function registerDns(
  { client, clusterIP, advertise }: DnsRegistration,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  await ensureService(client, clusterIP, options)
  const desired = sliceFor(advertise)
  const key = `${NAMESPACE}/${desired.metadata!.name}`
  const existing = await client.find(endpointSlices, key, options)
  if (existing === undefined) {
    await client.create(endpointSlices, desired, options)
    return
  }
  if (deepEqual(existing.endpoints, desired.endpoints) && deepEqual(existing.ports, desired.ports)) return
  await client.update(endpointSlices, { ...existing, endpoints: desired.endpoints, ports: desired.ports }, options)
}

async function ensureService(client: Client, clusterIP: string, options: { readonly signal?: AbortSignal }): Promise<void> {
  if ((await client.find(services, `${NAMESPACE}/${NAME}`, options)) !== undefined) return
  const service: Service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      namespace: NAMESPACE,
      name: NAME,
      labels: { 'k8s-app': NAME, 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
      annotations: { 'prometheus.io/port': '9153', 'prometheus.io/scrape': 'true' },
    },
    spec: {
      clusterIP,
      clusterIPs: [clusterIP],
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
        { name: 'metrics', port: 9153, protocol: 'TCP', targetPort: 9153 },
      ],
    },
  }
  try {
    await client.create(services, service, options)
  } catch (error) {
    // Another server was faster: it has made the same, or only the address is taken yet.
    if (!(isAlreadyExists(error) || (isInvalid(error) && (await appears(client, options))))) throw error
  }
}

async function appears(client: Client, options: { readonly signal?: AbortSignal }): Promise<boolean> {
  const only = { namespace: NAMESPACE, fieldSelector: `metadata.name=${NAME}` }
  // Begins with what is there, and is ended by the API server.
  for await (const { type } of client.watch(services, { ...only, ...options, timeoutSeconds: APPEARS_SECONDS }))
    if (type === 'ADDED') return true
  return false
}

function sliceFor({ address, port, metricsPort, nodeName }: DnsRegistration['advertise']): EndpointSlice {
  // The hint keeps a node that died from swallowing other nodes' questions.
  const place = nodeName === undefined ? {} : { nodeName, hints: { forNodes: [{ name: nodeName }] } }
  const metrics = metricsPort === undefined ? [] : [{ name: 'metrics', port: metricsPort, protocol: 'TCP' }]
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      namespace: NAMESPACE,
      name: `${NAME}-${dashed(address)}`,
      labels: { 'kubernetes.io/service-name': NAME, 'endpointslice.kubernetes.io/managed-by': 'dns.typernetes' },
    },
    addressType: address.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true, serving: true, terminating: false }, ...place }],
    ports: [{ name: 'dns', port, protocol: 'UDP' }, { name: 'dns-tcp', port, protocol: 'TCP' }, ...metrics],
  }
}
